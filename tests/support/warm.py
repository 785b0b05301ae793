"""octant's command line in forks of one process that has imported what is slow: for many cases of one kind.

A fork sees what a new process would: its own environment, arguments and streams. Where the start itself is what a
test is about, `run_octant` is the one to use.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support.command import environment


class Warm:
    """A process that forks for each command; close it at the end."""

    def __init__(self) -> None:
        tests = str(Path(__file__).parents[1])
        where = environment(Path("/nowhere"), OPENBLAS_NUM_THREADS="1", PYTHONPATH=tests)
        command = [sys.executable, "-m", "support.warm"]
        self._process = subprocess.Popen(
            command, env=where, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def run(self, home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """As `run_octant`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with TemporaryDirectory() as folder:
            order = {"folder": folder, "arguments": arguments, "environment": environment(home, **more)}
            self._process.stdin.write(json.dumps(order) + "\n")
            code = int(self._process.stdout.readline())
            said = [Path(folder, name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
        return subprocess.CompletedProcess([*arguments], code, *said)

    def close(self) -> None:
        """End it; what it had to do is done."""
        self._process.kill()
        self._process.communicate()


SLOW = ("mlflow.store.db_migrations", "mlflow.store.tracking.sqlalchemy_store", "mlflow.tracking", "octant.cli.compose",
        "octant.runs.launch", "octant.tracking.upkeep")  # fmt: skip


def _import_what_is_slow() -> None:
    from octant import environment
    from octant.tracking.store import use_mlflow

    environment.settle()
    use_mlflow()
    for name in SLOW:
        import_module(name)


def _become_octant(order: dict[str, Any]) -> None:
    from octant.cli.main import main

    os.environ.clear()
    os.environ.update(order["environment"])
    for number, name in ((1, "stdout"), (2, "stderr")):
        target = os.open(Path(order["folder"], name), os.O_WRONLY | os.O_CREAT)
        os.dup2(target, number)
        setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["octant", *order["arguments"]]
    code = 1
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)


def _serve() -> None:
    _import_what_is_slow()
    for line in sys.stdin:
        if not (child := os.fork()):
            _become_octant(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve()

"""Wall and CPU seconds of whole processes."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage


def adopt_orphans() -> None:
    """Have workers that outlive their launcher as children of this process, so that their time is counted."""
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER


def timed(
    command: Sequence[str], env: Mapping[str, str], folder: str | Path | None = None, code: int = 0
) -> tuple[float, float]:
    """Seconds of a command by the clock and of the CPU, its children's included, with `env` added to ours.

    Ends with what it said where it ends with another exit code.
    """
    before, began = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=os.environ | dict(env), capture_output=True, text=True)
    wall = time.perf_counter() - began
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    after = getrusage(RUSAGE_CHILDREN)
    if done.returncode != code:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

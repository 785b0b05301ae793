"""What runs on a node: the runs of one batch, one after another, each into its journal.

The node needs the same octant, and the same state folder under the same path. It talks to no MLflow and needs no
credentials.
"""

from __future__ import annotations

import json
import math
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from octant.runs import provenance
from octant.runs.disk import Busy, locked, read_json, write_json
from octant.runs.lines import Identity
from octant.runs.run import Ending, Outcome, Run
from octant.runs.settings import Cluster
from octant.runs.worker import execute

BUSY_SECONDS = 1.0


def _batch_in(folder: Path, number: int) -> Path:
    return folder / f"batch-{number}.json"


def endings_in(folder: Path, number: int) -> Path:
    """The file in which a task writes how each of its runs ended: [fingerprint, outcome, reason, earlier] per line."""
    return folder / f"endings-{number}.jsonl"


def endings(folder: Path, number: int) -> dict[str, Ending]:
    """Fingerprint -> ending, of the runs of a batch that have ended so far or that another process trains."""
    lines = endings_in(folder, number).read_bytes().splitlines(keepends=True)
    rows = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return {name: Ending(Outcome(outcome), reason, earlier) for name, outcome, reason, earlier in rows}


def write_batch(folder: Path, number: int, cluster: Cluster, runs: Sequence[Run]) -> None:
    """Write a batch for its task."""
    content = {
        "state": str(runs[0].state),
        "minutes_per_run": cluster.minutes_per_run,
        "runs": [run.identity for run in runs],
    }
    write_json(_batch_in(folder, number), content)


def run_batch(folder: str, number: int) -> None:
    """Train the batch. Raises RuntimeError where the folder or its locks are not the launching process's."""
    here, node = Path(folder), socket.gethostname()
    batch = read_json(_batch_in(here, number))
    if batch is None:
        raise RuntimeError(f"node {node} does not see {here}: OCTANT_HOME must lie in a folder that all nodes share")
    _refuse_without_launcher(here, node)
    # submitit ignores it: a cancelled task would train on until Slurm's KillWait is over.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    waiting = deque(_run(identity, Path(batch["state"]), node) for identity in batch["runs"])
    held: dict[str, float] = {}  # since when another process has been training the run
    while waiting:
        each = waiting.popleft()
        with _at_most(batch["minutes_per_run"]):
            ending = execute(each)
        if ending.outcome is not Outcome.BUSY:
            _tell(here, number, each, ending)
        elif time.monotonic() - held.get(each.fingerprint, math.inf) > 60 * batch["minutes_per_run"]:
            _tell(here, number, each, Ending(Outcome.FAILED, f"another process has held {each.journal.folder}/lock for "
                  f"longer than minutes_per_run={batch['minutes_per_run']:g}"))  # fmt: skip
        else:  # the other process's outcome will do for this launch as well
            if each.fingerprint not in held:
                _tell(here, number, each, ending)
            held.setdefault(each.fingerprint, time.monotonic())
            waiting.append(each)
            time.sleep(BUSY_SECONDS)


def _tell(folder: Path, number: int, run: Run, ending: Ending) -> None:
    with endings_in(folder, number).open("a", encoding="utf-8") as file:
        file.write(json.dumps([run.fingerprint, ending.outcome, ending.reason, ending.earlier]) + "\n")


def _refuse_without_launcher(folder: Path, node: str) -> None:
    """The launching process holds a lock: whoever can take it must not train, since journals need such locks."""
    try:
        with locked(folder / "lock"):
            raise RuntimeError(
                f"node {node} could take the launching process's lock: either that process is gone, "
                "or flock does not reach across nodes on this file system (NFS: version 4; Lustre: mount with flock)"
            )
    except Busy:
        return


def _run(identity: Identity, state: Path, node: str) -> Run:
    here = provenance.describe(identity.get("trainer_file", "")) | {"node": node}
    return Run.restored(state, {**identity, "provenance": identity["provenance"] | here})


@contextmanager
def _at_most(minutes: float) -> Iterator[None]:
    """Raise TimeoutError in the run that takes longer; the next one gets its own time."""

    def late(signum: int, frame: FrameType | None) -> NoReturn:
        raise TimeoutError(f"longer than minutes_per_run={minutes:g}; its checkpoint stays")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 60 * minutes)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def task_environment(folder: Path) -> dict[str, str]:
    """What a task's environment must hold before Python starts: where state lies, one thread for linear algebra."""
    libraries = ("OPENBLAS", "OMP", "MKL", "NUMEXPR")
    return {"OCTANT_HOME": str(folder.parents[1]), **{f"{name}_NUM_THREADS": "1" for name in libraries}}

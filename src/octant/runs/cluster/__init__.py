"""Train on the nodes of a cluster: batches of runs as tasks, told apart only by how they are submitted.

Everything that a task reads or writes lies under the state folder, which all nodes share: its batch, the journals,
the decoded data, and a file in which it says how each run ended. The launching process reads those and alone talks
to MLflow. Nothing is retried here: a task that dies costs time only, and the same command finishes its runs.
"""

from __future__ import annotations

import math
import shutil
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Protocol

from octant import home
from octant.errors import InputError
from octant.runs.cluster import task
from octant.runs.cluster.ray import submit_to_ray
from octant.runs.cluster.slurm import submit_to_slurm
from octant.runs.disk import locked, replace, say_waiting
from octant.runs.run import Ending, Outcome, Run
from octant.runs.settings import Cluster

TICK_SECONDS = 0.5
POLL_SECONDS = 3.0  # how often Slurm or Ray is asked about its tasks


class _Tasks(Protocol):
    """Submitted tasks, numbered as their batches are."""

    def ended(self) -> dict[int, str]:
        """Number -> how it ended, of every task that is over."""

    def close(self) -> None:
        """End what is left."""


class _Launcher(NamedTuple):
    """How tasks are submitted, a batch of so many runs each, and the package and the program that this takes."""

    submit: Callable[..., _Tasks]  # (options, folder, sizes)
    package: str
    program: str | None = None


# By the word of hydra/launcher, which is that of octant's extra, too.
LAUNCHERS = {
    "slurm": _Launcher(submit_to_slurm, "submitit", "sbatch"),
    "ray": _Launcher(submit_to_ray, "ray"),
}


def check_installed(cluster: Cluster) -> None:
    """Raise InputError when what the launcher needs is not installed here."""
    name, (_, package, program) = cluster.cluster, LAUNCHERS[cluster.cluster]
    if find_spec(package) is None:
        raise InputError(f"hydra/launcher={name} is not installed; run: {home.install(name)}")
    if program and shutil.which(program) is None:
        raise InputError(f"hydra/launcher={name}: {program} is not on the PATH; launch from a node that has it")


def train_on(cluster: Cluster, runs: Sequence[Run]) -> Generator[tuple[Run, Ending] | None, None, None]:
    """Yield each run with its ending as it comes, and None at every tick in between, as pool.train_all does.

    Closing the generator cancels the tasks. Raises InputError when the cluster refuses them.
    """
    folder = runs[0].state / "tasks" / uuid.uuid4().hex[:12]
    batches = _batches_of(cluster, runs)
    with locked(folder / "lock"):  # held while this process lives: tasks make sure that they see it
        for number, batch in enumerate(batches):
            task.write_batch(folder, number, cluster, batch)
            replace(task.endings_in(folder, number), b"")
        try:
            tasks = LAUNCHERS[cluster.cluster].submit(cluster, folder, [len(batch) for batch in batches])
            with closing(tasks):
                yield from _follow(tasks, folder, dict(enumerate(batches)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _batches_of(cluster: Cluster, runs: Sequence[Run]) -> list[list[Run]]:
    """Batches of at most `runs_per_task`, at least `tasks` of them where there are runs enough."""
    count = max(math.ceil(len(runs) / cluster.runs_per_task), min(cluster.tasks, len(runs)))
    return [list(runs[first::count]) for first in range(count)]


def _follow(
    tasks: _Tasks, folder: Path, open_batches: dict[int, list[Run]]
) -> Generator[tuple[Run, Ending] | None, None, None]:
    asked, ended = 0.0, dict[int, str]()
    held: Run | None = None  # the first that another process trains
    while open_batches:
        if time.monotonic() - asked > POLL_SECONDS:
            ended, asked = tasks.ended(), time.monotonic()
        for number, batch in list(open_batches.items()):
            heard = task.endings(folder, number)
            for run in list(batch):
                ending = heard.get(run.fingerprint)
                if ending is not None and ending.outcome is Outcome.BUSY:
                    held, ending = held or run, None
                if ending is None and number in ended:
                    ending = Ending(Outcome.KILLED, f"its task ended: {ended[number]}")
                if ending is not None and (ending := _seen(run, ending)):
                    batch.remove(run)
                    yield run, ending
            if not batch:
                del open_batches[number]
        if held is not None:
            say_waiting(f"the process that trains {held.name}: it holds {held.journal.folder}/lock")
        yield None
        time.sleep(TICK_SECONDS)


def _seen(run: Run, ending: Ending) -> Ending | None:
    """The ending, once the journal that a node wrote shows it here too: folders shared by NFS lag behind."""
    outcome = None if ending.outcome is Outcome.FAILED else run.journal.read().outcome
    if outcome is not None:
        return Ending(Outcome(outcome["outcome"]), ending.reason, ending.earlier)
    return None if ending.outcome.is_over else ending

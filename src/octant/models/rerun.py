"""Repeat a run from what MLflow stored alone, and say whether its numbers are the same to the last bit.

octant rerun RUN_ID                      exit code 0: identical, 1: different, 2: it cannot be repeated, 75: no store
octant rerun RUN_ID --data FILE|FOLDER   where the data lie here, if not where the run had them
"""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from octant import home
from octant.errors import InputError, printable
from octant.network.data import load
from octant.network.settings import Settings
from octant.runs import provenance
from octant.runs.fingerprint import code_digest, source_of
from octant.runs.lines import History
from octant.runs.pool import train_all
from octant.runs.progress import Progress
from octant.runs.run import Run
from octant.runs.tolerance import TOLERANCE, WITHIN, apart
from octant.seal import Json
from octant.tracking.store import located
from octant.tracking.stored import UNCOMMITTED, Points, StoredRun, read_run
from octant.trainer import DEFAULT, Given, Trainer, trainer
from octant.trainer.subcommand import Subcommand, option

DIFFERENT = 1
# What decides a run's last bits besides its settings and data, as tags, and what people call it.
_DECISIVE = {"mlflow.source.git.commit": "git commit", "version_octant": "octant", "version_python": "python",
             "version_numpy": "numpy", "version_numba": "numba", "blas": "BLAS", "cpu": "CPU",
             "platform": "platform"}  # fmt: skip


def _run(options: argparse.Namespace) -> int:
    """Repeat the run; a store that does not answer is not 1, which would say that the numbers differ."""
    return rerun(read_run(located(options.uri), options.run_id), options.data)


def rerun(stored: StoredRun, data: str | None) -> int:
    """Train the run again, print what differs, return the exit code."""
    settings = _placed(stored.settings, data)
    if not stored.points:
        raise InputError(f"run {stored.run_id} has no numbers to compare with: its status is {stored.status}")
    trained = trainer(stored.tags.get("trainer_file") or stored.tags.get("trainer", DEFAULT))
    _check_data(stored, trained, settings)
    made = f"{stored.name}, made by another process (launch {stored.tags.get('launch', 'unknown')})"
    for line in [made, *_circumstances(stored.tags, provenance.describe(trained.reference))]:
        print(_line(line))
    history = _train(stored, trained, settings)
    then, again = stored.tags.get("outcome"), history.outcome and history.outcome["outcome"]
    outcomes = [f"outcome: {then} then, {again} now"] if then not in (None, again) else []
    different = _differences(stored.points, _numbers(history), stored.status == "FINISHED") + outcomes
    if different:
        print(
            "different:" if outcomes else _verdict(stored.points, _numbers(history)), *map(_line, different[:5]),
            *([f"and {len(different) - 5} more"] if len(different) > 5 else []), sep="\n  ",
        )  # fmt: skip
        return DIFFERENT
    metrics = {name for name, _ in stored.points}
    print(f"bit-identical: {len(stored.points)} values of {len(metrics)} metrics")
    return 0


def _line(text: str) -> str:
    """One line, whatever names and tags in a store hold: none of them is to look like a verdict."""
    return printable(" ".join(text.split()))


def _circumstances(then: dict[str, str], now: dict[str, str]) -> list[str]:
    """A line for each thing that may change the numbers: it differs, is unknown, or the tree was dirty."""
    lines = [
        f"differs: {word} {then.get(tag, 'unknown')} then, {now.get(tag, 'unknown')} now"
        for tag, word in _DECISIVE.items()
        if then.get(tag) != now.get(tag)
    ]
    if then.get("git_state") == "dirty":
        lines.append(f"the run's tree was dirty: changes to tracked files are in its artifact {UNCOMMITTED}, if any")
    if "attempts" in then:
        lines.append(f"the run took {then['attempts']} attempts, from {then.get('attempts_from', 'unknown commits')}")
    if now.get("git_state") == "dirty":
        lines.append("this tree is dirty: what runs here is not the commit alone")
    return lines


def _numbers(history: History) -> Points:
    """(metric, step) -> value of a journal."""
    return {(key, line["epoch"]): value for line in history.epochs for key, value in line["metrics"].items()}


def _differences(then: Points, now: Points, complete: bool) -> list[str]:
    """A line for each stored value that did not come out again, in the order of the epochs; and, where the stored
    run is complete, for each new value that it does not have.
    """
    every = then | now if complete else then
    return [
        f"{name} at epoch {step}: {then.get((name, step))} then, {now.get((name, step))} now"
        for name, step in sorted(every, key=lambda each: (each[1], each[0]))
        if now.get((name, step)) != then.get((name, step))
    ]


def _placed(settings: Given, data: str | None) -> Given:
    if data is None:
        return settings
    if not isinstance(settings, Settings):
        raise InputError("--data: the run's trainer finds its data itself; leave --data out")
    key = {"arrays": "path", "mnist": "root", "fashion_mnist": "root"}.get(settings.dataset.name)
    if key is None:
        raise InputError(f"--data: {settings.dataset.name} comes with octant; leave --data out")
    values = settings.model_dump()
    return trainer().parse(values | {"dataset": values["dataset"] | {key: data}})


def _check_data(stored: StoredRun, trained: Trainer, settings: Given) -> None:
    digest = stored.tags["dataset_digest"]
    try:
        if isinstance(settings, Settings):  # in full, whatever the cache says
            now = load(settings.dataset, settings.dtype, home.state() / "cache", whole=True).digest
        else:
            now = trained.data(settings).digest
    except InputError as error:
        raise InputError(f"{error}; --data names the file or folder, if it lies elsewhere now") from None
    if now != digest:
        raise InputError(f"the data differ: SHA-256 {digest[:16]} then, {now[:16]} now; --data names the file or "
                         "folder that the run was trained on")  # fmt: skip
    own = code_digest(source_of(trained.train.__module__))
    if own != stored.tags.get("code_digest"):
        print("differs: the trainer's code is not the run's")


def _train(stored: StoredRun, trained: Trainer, settings: Given) -> History:
    """The journal of the same run, trained in a worker like any other, in a folder that is gone afterwards."""
    line = Progress("training", 1)
    with TemporaryDirectory(prefix="octant-rerun-") as scratch:
        identity: Json = {
            "trainer": trained.name, "trainer_file": trained.reference, "fingerprint": stored.tags["fingerprint"],
            "settings": settings.model_dump(mode="json"), "dataset": {"digest": stored.tags["dataset_digest"]},
        }  # fmt: skip
        run = Run(trained.reference or trained.name, settings, identity["fingerprint"], Path(scratch), identity)
        with closing(train_all([run], 1)) as results:
            for result in results:
                if result and not result[1].outcome.is_over:
                    raise InputError(f"the run could not be trained again: {result[1].reason}")
                line.wait(f"epoch {max(0, len(run.journal.read().epochs) - 1)} of {getattr(settings, 'epochs', '?')}")
        line.end()
        return run.journal.read()


def _verdict(then: Points, now: Points) -> str:
    """What differences come to: within a tolerance, or not."""
    largest = apart(then, now)
    if largest > TOLERANCE:
        return "different:"
    return f"{WITHIN}, not to the bit; they differ by up to {largest:.1g} of a number:"


COMMAND = Subcommand(
    _run, option("run_id", metavar="RUN_ID", help="MLflow's id of the run"),
    option("--data", help="file or folder of the data set, if it lies elsewhere now"),
)  # fmt: skip

"""What a worker process does: train one run into its journal. Knows neither Hydra nor MLflow."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import parent_process
from numbers import Real
from pathlib import Path
from typing import Any

from octant import home
from octant.errors import InputError, line_of
from octant.runs import attempts
from octant.runs.disk import Busy
from octant.runs.journal import Journal
from octant.runs.lines import EpochLine, History, OutcomeLine
from octant.runs.run import Ending, Outcome, Run
from octant.trainer import Data, Epoch, Trainer, trainer


def start(state: Path) -> None:
    """Initialise a worker process: Ctrl-C is the launcher's to handle, and no worker outlives its launcher."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    home.use(state)
    os.chdir("/")  # Numba reads a .numba_config.yaml where it is; every path of a run is absolute
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def execute(run: Run) -> Ending:
    """Train the run to its end, continuing from its checkpoint; an exception is kept in the journal."""
    journal = run.journal
    try:
        with journal.lock():
            try:
                return _train_locked(run, journal)
            except Exception as error:  # noqa: BLE001 - it costs this run only, and its traceback is kept
                with suppress(OSError):  # on a full disk there is no room for it either
                    journal.fail(traceback.format_exc())
                kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
                return Ending(Outcome.FAILED, f"{kind}{' '.join(str(error).split())}")
    except Busy:
        return Ending(Outcome.BUSY)
    except OSError as error:  # no lock to be had, such as on a full disk
        return Ending(Outcome.FAILED, line_of(error))


def same_data(found: Data, digest: str) -> None:
    """Raise InputError when the data of a run, which had `digest`, are others by now."""
    if found.digest != digest:
        raise InputError(
            f"the data changed since the launch: SHA-256 {digest[:16]} then, {found.digest[:16]} now, in "
            f"{found.place}; put the old data back and the same command goes on, or leave the new there and it "
            "trains every run anew"
        )


def _train_locked(run: Run, journal: Journal) -> Ending:
    story = journal.begin(run.identity)
    if story.outcome:
        return Ending(Outcome(story.outcome["outcome"]), earlier=True)
    trained = trainer(run.trainer)
    same_data(trained.data(run.settings), run.identity["dataset"]["digest"])
    attempts.note(journal.folder, len(story.epochs), run.identity)
    last = _Recorder(journal, story).record(trained.train(run.settings, _state(journal, story)))
    if last.diverged:
        journal.append(
            {"outcome": "diverged", "epoch": last.number, "reason": last.diverged, "time": _now()}, sync=True
        )
        return Ending(Outcome.DIVERGED, last.diverged)
    _finish(run, journal, trained, last)
    return Ending(Outcome.FINISHED)


def _state(journal: Journal, story: History) -> dict[str, Any] | None:
    """The state to go on from; without the lines that led to it a checkpoint is of no use."""
    saved = journal.load_checkpoint()
    return saved[1] if saved and story.epochs and saved[0] <= story.epochs[-1]["epoch"] else None


def _finish(run: Run, journal: Journal, trained: Trainer, last: Epoch) -> None:
    files = journal.keep(trained.files(run.settings, last))
    if last.state is not None:
        journal.checkpoint(last.number, last.state, force=True)
    line: OutcomeLine = {"outcome": "finished", "has_state": last.state is not None, "files": files, "time": _now()}
    journal.append(line, sync=True)
    if journal.read().outcome is None:
        raise RuntimeError("its journal was damaged while it was trained; the same command trains it again")


@dataclass
class _Recorder:
    """Checks the records of a trainer and writes them into the journal."""

    journal: Journal
    story: History
    names: set[str] = field(default_factory=set)

    def record(self, epochs: Iterator[Epoch]) -> Epoch:
        """Write every record; returns the last. Raises InputError for a trainer that does not keep the contract."""
        last, before = None, time.perf_counter()
        for epoch in epochs:
            seconds = time.perf_counter() - before if epoch.seconds is None else epoch.seconds
            if last is not None and epoch.number != last.number + 1:
                raise InputError(
                    f"the trainer yields epoch {epoch.number} after epoch {last.number}; number them by one"
                )
            if epoch.diverged:
                return epoch
            self._keep(epoch, self._checked(epoch), seconds)
            last, before = epoch, time.perf_counter()
        if last is None:
            raise InputError("the trainer yields no record; it must yield one octant.Epoch per epoch")
        return last

    def _checked(self, epoch: Epoch) -> dict[str, float]:
        """The metrics as floats: at least one, all finite, the same names as before."""
        for name, value in epoch.metrics.items():
            if not _is_finite(value):
                raise InputError(f"epoch {epoch.number}: {name} is {value!r}; a metric is a finite number")
        names = set(epoch.metrics)
        known = self.names or set(self.story.epochs[0]["metrics"] if self.story.epochs else names)
        if not names or names != known:
            raise InputError(
                f"epoch {epoch.number} has the metrics {', '.join(sorted(names)) or 'none'}; the epochs before it have "
                f"{', '.join(sorted(known)) or 'none either'}: yield the same ones in every epoch"
            )
        self.names = names
        return {name: float(value) for name, value in epoch.metrics.items()}

    def _keep(self, epoch: Epoch, metrics: dict[str, float], seconds: float) -> None:
        known = self.story.epochs
        first = known[0]["epoch"] if known else epoch.number
        if known and epoch.number <= known[-1]["epoch"]:
            if known[epoch.number - first]["metrics"] != metrics:
                raise RuntimeError(
                    f"epoch {epoch.number} came out differently from the journal's: code, versions or machine have "
                    "changed since; train the run anew with rerun=true"
                )
        else:
            line: EpochLine = {"epoch": epoch.number, "time": _now(), "seconds": seconds, "metrics": metrics}
            self.journal.append(line)
        if epoch.number and epoch.state is not None:
            self.journal.checkpoint(epoch.number, epoch.state)


def _is_finite(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _now() -> int:
    """Milliseconds since 1970, MLflow's unit."""
    return time.time_ns() // 1_000_000

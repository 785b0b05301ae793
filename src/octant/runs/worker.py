"""What a worker process does: train one run into its journal. Knows neither Hydra nor MLflow."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from octant.cli.messages import line_of
from octant.config import DataSettings, Settings
from octant.errors import InputError
from octant.network.data import Dataset, load, state_of
from octant.network.training import Record, test_errors, train
from octant.runs import attempts
from octant.runs.journal import TEST_ERRORS, Busy, Journal, Story, replace
from octant.seal import sealed

FAILED = "failed"
ALREADY = "already "  # before the outcome of a run that another launch has trained in the meantime
Result = str  # finished, diverged, busy, or "failed: " and the reason


@dataclass(frozen=True)
class Job:
    """One run to train: its settings, and where journal and decoded data lie."""

    settings: Settings
    fingerprint: str
    state: str
    identity: dict[str, Any]

    @property
    def journal(self) -> Journal:
        """The run's journal."""
        return Journal(Path(self.state) / "journal" / self.fingerprint)


def dataset_of(settings: DataSettings, dtype: str, state: str) -> Dataset:
    """The data set as it is now, memory-mapped from the cache under the state folder; loaded once a process."""
    return _loaded(settings, dtype, state, state_of(settings))


@lru_cache(maxsize=2)
def _loaded(settings: DataSettings, dtype: str, state: str, _: str) -> Dataset:
    return load(settings, dtype, Path(state) / "cache")


def same_data(settings: DataSettings, dtype: str, state: str, digest: str) -> Dataset:
    """The data set of a run whose data had `digest`; raises InputError when the source holds others by now."""
    dataset = dataset_of(settings, dtype, state)
    if dataset.digest != digest:
        raise InputError(
            f"the data changed since the launch: SHA-256 {digest[:16]} then, {dataset.digest[:16]} now, in "
            f"{settings.path or settings.root or settings.name}; put the old data back and the same command goes on, "
            "or leave the new there and it trains every run anew"
        )
    return dataset


def start() -> None:
    """Initialise a worker process: Ctrl-C is the launcher's to handle, and no worker outlives its launcher."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.chdir("/")  # Numba reads a .numba_config.yaml where it is; every path of a job is absolute
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def execute(job: Job) -> Result:
    """Train the run to its end, continuing from its checkpoint; an exception is kept in the journal."""
    journal = job.journal
    try:
        with journal.lock():
            try:
                return _train_locked(job, journal)
            except Exception as error:  # noqa: BLE001 - it costs this run only, and its traceback is kept
                with suppress(OSError):  # on a full disk there is no room for it either
                    journal.fail(traceback.format_exc())
                kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
                return f"{FAILED}: {kind}{' '.join(str(error).split())}"
    except Busy:
        return "busy"
    except OSError as error:  # no lock to be had, such as on a full disk
        return f"{FAILED}: {line_of(error)}"


def _train_locked(job: Job, journal: Journal) -> Result:
    story = journal.begin(job.identity)
    if story.outcome:
        return ALREADY + story.outcome["outcome"]
    dataset = same_data(job.settings.dataset, job.settings.dtype, job.state, job.identity["dataset"]["digest"])
    start = journal.load_checkpoint()
    if start and start[0] >= len(story.epochs):
        start = None  # lines were lost: without them the checkpoint is of no use
    attempts.note(journal.folder, len(story.epochs), job.identity)
    outcome: dict[str, Any] = {"outcome": "finished"}
    record = None
    for record in train(job.settings, dataset, start):
        if record.diverged:
            outcome = {"outcome": "diverged", "epoch": record.epoch, "reason": record.diverged}
            break
        _keep(journal, story, record)
    if record and record.said is not None:
        journal.checkpoint(record.epoch, record.parameters, force=True)
        replace(journal.folder / TEST_ERRORS, sealed(json.dumps(test_errors(dataset, record.said))))
    journal.append(outcome | {"time": _now()}, sync=True)
    if journal.read().outcome is None:
        raise RuntimeError("its journal was damaged while it was trained; the same command trains it again")
    return outcome["outcome"]


def _keep(journal: Journal, story: Story, record: Record) -> None:
    if record.epoch < len(story.epochs):
        if story.epochs[record.epoch]["metrics"] != record.metrics:
            raise RuntimeError(
                f"epoch {record.epoch} came out differently from the journal's: code, versions or machine have "
                "changed since; train the run anew with rerun=true"
            )
    else:
        line = {"epoch": record.epoch, "time": _now(), "seconds": record.seconds, "metrics": record.metrics}
        journal.append(line)
    if record.epoch:
        journal.checkpoint(record.epoch, record.parameters)


def _now() -> int:
    """Milliseconds since 1970, MLflow's unit."""
    return time.time_ns() // 1_000_000

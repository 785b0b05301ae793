"""What a worker process does: train one run into its journal. Knows neither Hydra nor MLflow."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path

from octant import home
from octant.errors import InputError, line_of
from octant.runs import attempts, devices
from octant.runs.disk import Busy
from octant.runs.journal import Journal
from octant.runs.lines import EpochLine, History, Identity, OutcomeLine
from octant.runs.output import kept_in
from octant.runs.records import checked
from octant.runs.run import Ending, Outcome, Run
from octant.runs.tolerance import TOLERANCE, WITHIN, apart
from octant.trainer import Data, Epoch, Trainer, trainer


def start(state: Path, folder: Path, gpus: list[str]) -> None:
    """Initialise a worker process: Ctrl-C is the launcher's to handle, and no worker outlives its launcher."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    home.use(state)
    devices.take_one(state, gpus)
    os.chdir(folder)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def execute_sent(state: Path, identity: Identity) -> Ending:
    """Train a run that another process sends in plain values: its classes may be in a file that is imported here."""
    try:
        run = Run.restored(state, identity)
    except InputError as error:
        return Ending(Outcome.FAILED, str(error))
    return execute(run)


def execute(run: Run) -> Ending:
    """Train the run to its end, continuing from its checkpoint; an exception is kept in the journal."""
    journal = run.journal
    try:
        with journal.lock():
            try:
                return _train_locked(run, journal)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - it costs this run only, and its traceback is kept
                with suppress(OSError):  # on a full disk there is no room for it either
                    journal.fail(traceback.format_exc())
                return Ending(Outcome.FAILED, reason_of(run.trainer, error))
    except Busy:
        return Ending(Outcome.BUSY)
    except OSError as error:  # no lock to be had, such as on a full disk
        return Ending(Outcome.FAILED, line_of(error))


def reason_of(reference: str, error: BaseException) -> str:
    """One line on a trainer's exception: in which file and line, what, and what it says."""
    text = " ".join(str(error).split())
    label = Path(reference.partition("::")[0])
    if isinstance(error, InputError):
        return f"{label.name}: {text}" if label.suffix and not text.startswith(label.name) else text
    lines = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == str(label)]
    where = f"{label.name}, line {lines[-1]}: " if lines else ""
    hint = "; touch CUDA in train only, not at the top of the file" * ("CUDA in forked subprocess" in text)  # PyTorch's
    return f"{where}{type(error).__name__}{text and ': '}{text}{hint}"


def same_data(found: Data, digest: str) -> None:
    """Raise InputError when the data of a run, which had `digest`, are others by now."""
    if found.digest != digest:
        raise InputError(
            f"the data changed since the launch: SHA-256 {digest[:16]} then, {found.digest[:16]} now, in "
            f"{found.place}; put the old data back and the same command goes on, or leave the new there and it "
            "trains every run anew"
        )


def _train_locked(run: Run, journal: Journal) -> Ending:
    history = journal.begin(run.identity)
    if history.outcome:
        return Ending(Outcome(history.outcome["outcome"]), earlier=True)
    trained = trainer(run.trainer)
    same_data(trained.data(run.settings), run.identity["dataset"]["digest"])
    attempts.note(journal.folder, len(history.epochs), run.identity)
    resumed = _resumed(journal, history)
    with kept_in(journal.folder):
        for last in checked(trained.train(run.settings, resumed.state if resumed else None), history.epochs, resumed):
            if not last.diverged:
                _keep(journal, history, last, run.identity)
    if last.diverged:
        journal.append(
            {"outcome": "diverged", "epoch": last.number, "reason": last.diverged, "time": _now()}, sync=True
        )
        return Ending(Outcome.DIVERGED, last.diverged)
    _finish(run, journal, trained, last)
    return Ending(Outcome.FINISHED)


def _keep(journal: Journal, history: History, epoch: Epoch, identity: Identity) -> None:
    """Write a record; one that the journal has already must have come out the same.

    To the last bit, or within the tolerance where that is all that the trainer was measured to give.
    """
    if history.epochs and epoch.number <= history.epochs[-1]["epoch"]:
        allowed = TOLERANCE if identity.get("provenance", {}).get("determinism", "").startswith(WITHIN) else 0.0
        known = history.epochs[epoch.number - history.epochs[0]["epoch"]]["metrics"]
        if (difference := apart(known, epoch.metrics)) > allowed:
            probe = "; octant doctor --probe measures whether the trainer is bit-exact" * (difference <= TOLERANCE)
            raise RuntimeError(
                f"epoch {epoch.number} came out differently from the journal's: code, versions or machine have "
                "changed since, or the trainer's state lacks something that decides its numbers, such as a "
                f"generator's state; train the run anew with rerun=true{probe}"
            )
    else:
        seconds, metrics = epoch.seconds or 0.0, dict(epoch.metrics)
        line: EpochLine = {"epoch": epoch.number, "time": _now(), "seconds": seconds, "metrics": metrics}
        journal.append(line)
    if epoch.number and epoch.state is not None:
        journal.checkpoint(epoch.number, epoch.state)


def _resumed(journal: Journal, history: History) -> Epoch | None:
    """The record whose state the run goes on from; without the lines that led to it a checkpoint is of no use."""
    saved = journal.load_checkpoint()
    if not saved or not history.epochs or saved[0] > history.epochs[-1]["epoch"]:
        return None
    return Epoch(saved[0], history.epochs[saved[0] - history.epochs[0]["epoch"]]["metrics"], saved[1])


def _finish(run: Run, journal: Journal, trained: Trainer, last: Epoch) -> None:
    files = journal.keep(trained.files(run.settings, last))
    if last.state is not None:
        journal.checkpoint(last.number, last.state, force=True)
    line: OutcomeLine = {"outcome": "finished", "has_state": last.state is not None, "files": files, "time": _now()}
    journal.append(line, sync=True)
    if journal.read().outcome is None:
        raise RuntimeError("its journal was damaged while it was trained; the same command trains it again")


def _now() -> int:
    """Milliseconds since 1970, MLflow's unit."""
    return time.time_ns() // 1_000_000

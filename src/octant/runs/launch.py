"""A launch: train what is missing on all cores, deliver it, say what happened.

Workers know only their journals; this process alone talks to MLflow. So a killed worker costs its own run, a
vanished store costs no training, and the same command again finishes whatever was left.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from octant import home
from octant.errors import UNDELIVERED, printable
from octant.runs import cluster
from octant.runs.disk import Busy
from octant.runs.factors import check_metrics
from octant.runs.pool import train_here
from octant.runs.progress import Progress
from octant.runs.run import Ending, Outcome, Run
from octant.runs.sweep import Sweep, told_of_other_code
from octant.tracking.declared import declare
from octant.tracking.looks import looks
from octant.tracking.noted import noted
from octant.tracking.receipt import State, place
from octant.tracking.shipper import Shipper
from octant.tracking.store import Connection
from octant.tracking.view import store_views
from octant.trainer import trainer

PATIENCE_SECONDS = 20.0
LEAVE_SECONDS = 2.5  # from a signal to the end
CLOSE_SECONDS = 2.1  # of these: until the runs that are open in the store have to be closed


class _Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum
        self.deadline = time.monotonic() + CLOSE_SECONDS


@dataclass(frozen=True)
class Done:
    """Exit code, and the connection to the store once everything is delivered there."""

    code: int
    connection: Connection | None


def train_and_deliver(sweep: Sweep) -> Done:
    """Train and deliver. Ends the process itself when interrupted."""
    with noted(sweep):
        return _launch(sweep)


def _launch(sweep: Sweep) -> Done:
    pending = _take_stock(sweep)
    experiment = sweep.launch.experiment

    def tell(link: Connection) -> None:
        declare(link, sweep)
        store_views(link, sweep.text, sweep.name, sweep.question)

    shipper = Shipper(sweep.store, experiment.name, sweep.deliveries, tell)
    try:
        with _interruptible():
            shipper.start()
            for run in sweep.runs:
                shipper.mark(run.fingerprint, State.FINISHED if run.fingerprint in sweep.endings else State.RUNNING)
            _train(sweep, pending, shipper)
            line = Progress("delivering", len(sweep.runs))
            sent = shipper.finish(PATIENCE_SECONDS, lambda left: line.show(len(sweep.runs) - left))
            line.end()
    except _Interrupted as interrupt:
        _stop(sweep, shipper, interrupt)
    except Exception:
        _mark_killed(sweep, shipper)
        shipper.finish(PATIENCE_SECONDS)
        raise
    return Done(_verdict(sweep, shipper, sent), shipper.connection if sent else None)


def _take_stock(sweep: Sweep) -> list[Run]:
    """Place the deliveries; returns the runs without an outcome, and says why where they were trained before."""
    pending, tags = [], looks(sweep.runs, sweep.question)
    home.discard_drafts(home.state() / "cache")
    for run in sweep.runs:
        home.discard_drafts(run.journal.folder)
        anew = (sweep.launch.rerun and not run.is_of_this_launch) or run.journal.is_damaged
        if anew:
            try:
                with run.journal.lock():
                    run.journal.discard()
            except Busy:
                pass  # it is being trained this moment: that is as fresh as can be
        look = tags[run.fingerprint]
        delivery = place(sweep.store, sweep.launch.experiment.name, sweep.name, run.journal, look=look, anew=anew)
        sweep.deliveries.append(delivery)
        outcome = run.journal.read().outcome
        if outcome is None:
            pending.append(run)
        else:
            sweep.endings[run.fingerprint] = Ending(Outcome(outcome["outcome"]), earlier=True)
    sweep.skipped = len(sweep.runs) - len(pending)
    if not os.environ.get("OCTANT_CHECK") and (line := told_of_other_code(pending)):  # a check is of two codes
        print(f"octant: {line}", file=sys.stderr)
    return pending


def _train(sweep: Sweep, pending: list[Run], shipper: Shipper) -> None:
    if not pending:
        return
    line = Progress("runs", len(sweep.runs))
    try:
        where = sweep.launch.cluster
        training = cluster.train_on(where, pending) if where else train_here(pending, sweep.launch)
        with closing(training) as results:
            told = bool(trainer(sweep.launch.trainer).metrics(pending[0].settings))  # then it was checked beforehand
            for result in results:
                told = told or _first_record(sweep, pending)
                if result is not None:
                    run, ending = result
                    sweep.skipped += ending.earlier
                    sweep.endings[run.fingerprint] = ending
                    shipper.mark(run.fingerprint, _STATUS.get(ending.outcome, State.KILLED))
                line.show(len(sweep.endings))
    finally:
        line.end()


def _first_record(sweep: Sweep, pending: list[Run]) -> bool:
    """Whether a run has a record by now; raises InputError if it lacks the metrics that the question needs."""
    for run in pending:
        if (run.journal.folder / "epochs.jsonl").exists() and (epochs := run.journal.read().epochs):
            check_metrics(sweep.question, epochs[0]["metrics"])
            return True
    return False


_STATUS = {Outcome.FINISHED: State.FINISHED, Outcome.DIVERGED: State.FINISHED, Outcome.FAILED: State.FAILED}


@contextmanager
def _interruptible() -> Iterator[None]:
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        signals.append(signal.SIGHUP)

    def stop(signum: int, frame: FrameType | None) -> NoReturn:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        last_resort = threading.Timer(LEAVE_SECONDS, _leave_in_haste, (signum,))
        last_resort.daemon = True
        last_resort.start()  # whatever hangs, or swallows the exception, on the way out
        raise _Interrupted(signum)

    before = {each: signal.signal(each, stop) for each in signals}
    try:
        yield
    except _Interrupted:
        raise  # the end has begun, and no second signal is to cut it short
    except BaseException:
        _restore(before)
        raise
    _restore(before)


def _restore(handlers: Mapping[signal.Signals, Callable[[int, FrameType | None], object] | int | None]) -> None:
    for each, handler in handlers.items():
        signal.signal(each, handler)


def _mark_killed(sweep: Sweep, shipper: Shipper) -> None:
    """Mark what was under way as KILLED, but not what another launch trains; tasks of a cluster end a little later."""
    for run in sweep.runs:
        if run.fingerprint not in sweep.endings and (sweep.launch.cluster or not run.journal.is_live()):
            shipper.mark(run.fingerprint, State.KILLED)


def _stop(sweep: Sweep, shipper: Shipper, interrupt: _Interrupted) -> NoReturn:
    """Leave within three seconds, even if the store hangs."""
    _mark_killed(sweep, shipper)
    shipper.leave(interrupt.deadline)
    print(f"octant: stopped by {signal.Signals(interrupt.signum).name}; {_what_is_left(sweep)}", file=sys.stderr)
    _leave(interrupt.signum)


def _what_is_left(sweep: Sweep) -> str:
    """What is to be trained and what to be sent, by the journals: results may have come too late to be counted."""
    trained = [each for each in sweep.deliveries if each.journal.read().outcome]
    left, unsent = len(sweep.runs) - len(trained), sum(not each.is_done() for each in trained)
    if not unsent:
        return f"{left} runs left, the same command continues"
    return f"{left} runs left, {unsent} not yet in MLflow; the same command continues, octant sync only sends them"


def _leave_in_haste(signum: int) -> NoReturn:
    """What the orderly end says has come too late to be said."""
    print("octant: stopped; the same command continues, octant sync sends what MLflow lacks", file=sys.stderr)
    _leave(signum)


def _leave(signum: int) -> NoReturn:
    """End this process and its workers at once; their journals are safe at any moment."""
    for child in multiprocessing.active_children():
        child.kill()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(128 + signum)


def _verdict(sweep: Sweep, shipper: Shipper, sent: bool) -> int:
    names = {run.fingerprint: run.name for run in sweep.runs}
    for fingerprint, ending in sweep.unfinished.items():
        why = f"{ending.outcome}: {ending.reason}" if ending.outcome is Outcome.FAILED else ending.reason
        print(
            f"octant: run {fingerprint[:16]} ({names[fingerprint]}) did not finish: {printable(why[:500])}",
            file=sys.stderr,
        )
    if sweep.unfinished:
        print("octant: the same command trains what is missing", file=sys.stderr)
    if not sent:
        left = shipper.undelivered()
        again = "the same command sends them" if any(each.wishes for each in left) else "send them with: octant sync"
        print(
            f"octant: {len(left)} run{'s' * (len(left) != 1)} could not be sent to {sweep.store.shown} "
            f"({shipper.error or 'no answer'}); their results are safe in {home.state() / 'journal'}; {again}",
            file=sys.stderr,
        )
    if sweep.unfinished:
        return 1
    return 0 if sent else UNDELIVERED

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
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

from octant import home
from octant.cli.messages import UNDELIVERED
from octant.runs import cluster
from octant.runs.journal import Busy
from octant.runs.pool import cores, train_all
from octant.runs.progress import Progress
from octant.runs.sweep import Sweep
from octant.runs.worker import ALREADY, FAILED, Job
from octant.tracking.delivery import place
from octant.tracking.shipper import Shipper
from octant.tracking.store import Connection
from octant.tracking.view import publish

PATIENCE_SECONDS = 20.0
LEAVE_SECONDS = 2.5  # from a signal to the end
CLOSE_SECONDS = 2.1  # of these: until the runs that are open in the store have to be closed


class Interrupted(BaseException):
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


def run(sweep: Sweep) -> Done:
    """Train and deliver. Ends the process itself when interrupted."""
    pending = _take_stock(sweep)
    experiment = sweep.launch.experiment
    corners = sorted({job.settings.configuration for job in sweep.jobs})
    shipper = Shipper(
        sweep.store, experiment.name, sweep.orders, lambda link: publish(link, experiment, sweep.name, corners)
    )
    try:
        with _interruptible():
            shipper.start()
            for job in sweep.jobs:
                shipper.mark(job.fingerprint, "FINISHED" if job.fingerprint in sweep.results else "RUNNING")
            _train(sweep, pending, shipper)
            line = Progress("delivering", len(sweep.jobs))
            sent = shipper.finish(PATIENCE_SECONDS, lambda left: line.show(len(sweep.jobs) - left))
            line.end()
    except Interrupted as interrupt:
        _stop(sweep, shipper, interrupt)
    except Exception:
        _mark_killed(sweep, shipper)
        shipper.finish(PATIENCE_SECONDS)
        raise
    return Done(_verdict(sweep, shipper, sent), shipper.connection if sent else None)


def _take_stock(sweep: Sweep) -> list[Job]:
    """Place the orders; returns the jobs without an outcome."""
    pending = []
    home.discard_drafts(home.state() / "cache")
    for job in sweep.jobs:
        home.discard_drafts(job.journal.folder)
        anew = sweep.launch.rerun or job.journal.is_damaged
        if anew:
            try:
                with job.journal.lock():
                    job.journal.discard()
            except Busy:
                pass  # it is being trained this moment: that is as fresh as can be
        order = place(sweep.store, sweep.launch.experiment.name, sweep.name, job.journal, anew=anew)
        sweep.orders.append(order)
        outcome = job.journal.read().outcome
        if outcome is None:
            pending.append(job)
        else:
            sweep.results[job.fingerprint] = outcome["outcome"]
    sweep.skipped = len(sweep.jobs) - len(pending)
    return pending


def _train(sweep: Sweep, pending: list[Job], shipper: Shipper) -> None:
    if not pending:
        return
    line = Progress("runs", len(sweep.jobs))
    try:
        where = sweep.launch.cluster
        training = cluster.train_on(where, pending) if where else train_all(pending, sweep.launch.workers or cores())
        with closing(training) as results:
            for result in results:
                if result is not None:
                    job, said = result
                    sweep.skipped += said.startswith(ALREADY)
                    said = said.removeprefix(ALREADY)
                    sweep.results[job.fingerprint] = said
                    shipper.mark(job.fingerprint, _STATUS.get(said.split(":")[0], "KILLED"))
                line.show(len(sweep.results))
    finally:
        line.end()


_STATUS = {"finished": "FINISHED", "diverged": "FINISHED", FAILED: "FAILED"}


@contextmanager
def _interruptible() -> Iterator[None]:
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        signals.append(signal.SIGHUP)

    def stop(signum: int, frame: FrameType | None) -> NoReturn:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        last_resort = threading.Timer(LEAVE_SECONDS, _leave, (signum,))
        last_resort.daemon = True
        last_resort.start()  # whatever hangs, or swallows the exception, on the way out
        raise Interrupted(signum)

    before = {each: signal.signal(each, stop) for each in signals}
    try:
        yield
    except Interrupted:
        raise  # the end has begun, and no second signal is to cut it short
    except BaseException:
        _restore(before)
        raise
    _restore(before)


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for each, handler in handlers.items():
        signal.signal(each, handler)


def _mark_killed(sweep: Sweep, shipper: Shipper) -> None:
    """Mark what was under way as KILLED, but not what another launch trains; tasks of a cluster end a little later."""
    for job in sweep.jobs:
        if job.fingerprint not in sweep.results and (sweep.launch.cluster or not job.journal.is_live()):
            shipper.mark(job.fingerprint, "KILLED")


def _stop(sweep: Sweep, shipper: Shipper, interrupt: Interrupted) -> NoReturn:
    """Leave within three seconds, even if the store hangs."""
    _mark_killed(sweep, shipper)
    shipper.leave(interrupt.deadline)
    print(f"octant: stopped by {signal.Signals(interrupt.signum).name}; {_what_is_left(sweep)}", file=sys.stderr)
    _leave(interrupt.signum)


def _what_is_left(sweep: Sweep) -> str:
    """What is to be trained and what to be sent, by the journals: results may have come too late to be counted."""
    trained = [order for order in sweep.orders if order.journal.read().outcome]
    left, unsent = len(sweep.jobs) - len(trained), sum(not order.is_done() for order in trained)
    if not unsent:
        return f"{left} runs left, the same command continues"
    return f"{left} runs left, {unsent} not yet in MLflow; the same command continues, make sync only sends them"


def _leave(signum: int) -> NoReturn:
    """End this process and its workers at once; their journals are safe at any moment."""
    for child in multiprocessing.active_children():
        child.kill()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(128 + signum)


def _verdict(sweep: Sweep, shipper: Shipper, sent: bool) -> int:
    for fingerprint, said in sweep.unfinished.items():
        job = next(job for job in sweep.jobs if job.fingerprint == fingerprint)
        name = f"{job.settings.configuration} seed={job.settings.seed}"
        print(f"octant: run {fingerprint[:16]} ({name}) did not finish: {said[:500]}", file=sys.stderr)
    if sweep.unfinished:
        print("octant: the same command trains what is missing", file=sys.stderr)
    if not sent:
        print(
            f"octant: {len(shipper.undelivered())} runs could not be sent to {sweep.store.shown} "
            f"({shipper.error or 'no answer'}); their results are safe in {home.state() / 'journal'}; "
            "send them with: make sync",
            file=sys.stderr,
        )
    if sweep.unfinished:
        return 1
    return 0 if sent else UNDELIVERED

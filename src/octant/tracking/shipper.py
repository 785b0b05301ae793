"""The shipper: a background thread that feeds MLflow from the journals while workers train.

Training never waits for it. Where the store is away, a pass ends at the first error and is tried again a second
later; what could not be sent stays in the journals, and `octant sync` or the next launch sends it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path

from octant.errors import printable, without_credentials
from octant.runs.disk import SAY_SECONDS, Busy, say_waiting
from octant.tracking.claims import Claims
from octant.tracking.delivery import OutOfTime, close, deliver
from octant.tracking.differences import forget_damaged, forget_missing
from octant.tracking.receipt import Delivery, State
from octant.tracking.store import Connection, Store, connect, takes

PAUSE_SECONDS = 1.0
LOOK_SECONDS = 0.001  # for each run that is left, from one look at those under way to the next; a look takes 1 % of it
SHOW_SECONDS = 2.0  # a run that is over sooner is sent in one go
GRACE_SECONDS = 3.0  # for the delivery in hand, once nobody waits for the others


class Shipper:
    """Delivers runs as their journals grow; `mark` tells it the state of a run without outcome."""

    def __init__(
        self, store: Store, experiment: str, deliveries: list[Delivery], on_connect: Callable[[Connection], object]
    ) -> None:
        self._store, self._experiment, self._on_connect = store, experiment, on_connect
        self._deliveries = deliveries
        self._left: dict[str, Delivery] = {}  # by fingerprint, in that order
        self._next_look = 0.0
        self._status: dict[str, State] = {}
        self._sent: dict[str, tuple[State, int]] = {}  # the state and the journal's size that the receipt vouches for
        self._begun: dict[str, float] = {}  # when a run under way was first seen
        self._held = [each for each in deliveries if each.wishes]  # another process sends them
        self._wake, self._stop, self._leaving = threading.Event(), threading.Event(), threading.Event()
        self._late = math.inf  # when a run that cannot be sent in full is only closed
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self.connection: Connection | None = None
        self.error: str | None = None

    def start(self) -> None:
        """Begin to deliver."""
        self._left = {each.journal.fingerprint: each for each in self._deliveries}
        self._thread.start()

    def mark(self, fingerprint: str, status: State) -> None:
        """Say what a run without outcome is: RUNNING, KILLED or FAILED."""
        self._status[fingerprint] = status
        self._wake.set()

    def undelivered(self) -> list[Delivery]:
        """Those of which the store has not yet accepted all that this launch has for it."""
        return list(self._left.values())

    def finish(self, patience: float, on_wait: Callable[[int], None] = lambda _: None) -> bool:
        """Deliver the rest and stop; True when all is sent.

        Gives up after `patience` seconds without progress where the store has refused something. One that is only
        slow is given thrice that, and a file on a busy machine, where all the work is our own, ten times.
        """
        slow = 10 if self._store.database else 3
        since = time.monotonic()
        last = -1
        while self._thread.is_alive() and (left := len(self._left)):
            now = time.monotonic()
            if left != last:
                last, since = left, now
            if now - since > (patience if self.error else slow * patience):
                break
            if (held := self._held) and now - since > SAY_SECONDS:
                say_waiting(f"another process, which sends {held[0].journal.fingerprint[:16]} ({patience:g} s at most)")
            on_wait(left)
            self._wake.set()
            time.sleep(0.05)
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(GRACE_SECONDS)  # else the delivery in hand might leave its run RUNNING
        return not self.undelivered()

    def leave(self, deadline: float) -> None:
        """Close the runs that the store has as RUNNING, create none, and stop before `deadline` (monotonic).

        What can be sent in half of that time is sent; the other runs are closed as KILLED, and `octant sync` goes on.
        """
        now = time.monotonic()
        self._late = now + max(0.0, deadline - now) / 2
        self._leaving.set()
        self._wake.set()
        self._thread.join(max(0.0, deadline - now))
        self._stop.set()

    def _loop(self) -> None:
        while not (self._stop.is_set() or (self._leaving.is_set() and not self._open())):
            try:
                held = self._settle()
                if self.connection is None:
                    connection = connect(self._store, self._experiment)
                    forget_missing(connection, self._deliveries)
                    forget_damaged(connection, self._deliveries)
                    self._on_connect(connection)
                    self.connection = connection
                self._close_open(self.connection) if self._leaving.is_set() else self._pass(self.connection)
                self.error = held
            except Exception as error:  # noqa: BLE001 - whatever the store raises, the journals keep the results
                self.error = printable(without_credentials(str(error)).strip().split("\n")[0])
            self._wake.wait(0.1 if self._leaving.is_set() else PAUSE_SECONDS)
            self._wake.clear()

    def _settle(self) -> str | None:
        """Write the wishes of which others have let go; returns what still holds one up."""
        problem = None
        for each in self._held:
            try:
                each.settle()
            except Busy as busy:
                problem = f"another process holds {busy}"
        self._held = [each for each in self._held if each.wishes]
        return problem

    def _pass(self, connection: Connection) -> None:
        problem, claims = None, Claims(connection)
        looks = time.monotonic() >= self._next_look
        for name, delivery in list(self._left.items()):
            if self._leaving.is_set() or self._stop.is_set():
                break
            try:
                if delivery.wishes:
                    continue
                if looks or self._status.get(name, State.RUNNING) is not State.RUNNING:
                    self._deliver(connection, delivery, claims)
            except OutOfTime:
                break
            except Exception as error:  # noqa: BLE001 - one that the store refuses holds no other up
                problem = error
                if not takes(connection) or getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST":
                    self.connection = None  # whatever comes back may be another store: look for what it has
                    break
        claims.keep()
        if looks:
            self._next_look = time.monotonic() + LOOK_SECONDS * len(self._left)
        if problem:
            raise problem

    def _deliver(self, connection: Connection, delivery: Delivery, claims: Claims) -> None:
        name = delivery.journal.fingerprint
        if name not in self._status:
            return
        now = (self._status[name], _size(delivery.journal.folder / "epochs.jsonl"))
        if self._sent.get(name) == now or (now[0] is State.RUNNING and not self._shows(delivery)):
            return
        if claim := deliver(connection, delivery, now[0], self._leaving.is_set):
            claims.add(claim, lambda: self._vouched_for(name, now))

    def _vouched_for(self, name: str, now: tuple[State, int]) -> None:
        if now[0] is State.RUNNING:
            self._sent[name] = now
        else:
            self._left.pop(name, None)

    def _shows(self, delivery: Delivery) -> bool:
        """Whether a run under way has been so for long enough to be sent."""
        if not (delivery.journal.folder / "run.json").exists():
            return False
        return time.monotonic() - self._begun.setdefault(delivery.journal.fingerprint, time.monotonic()) >= SHOW_SECONDS

    def _open(self) -> list[tuple[Delivery, State]]:
        """Runs that the store has, or may have, as RUNNING though nobody trains them any more; what they are now."""
        marked = [(each, self._status.get(each.journal.fingerprint, State.RUNNING)) for each in self._deliveries]
        return [
            (each, status)
            for each, status in marked
            if status is not State.RUNNING and (receipt := each.receipt()).run_id and receipt.status is State.RUNNING
        ]

    def _close_open(self, connection: Connection) -> None:
        claims = Claims(connection)
        for delivery, status in self._open():
            try:
                if claim := deliver(connection, delivery, status, self._is_late):
                    claims.add(claim)
            except Exception:  # noqa: BLE001 - no time left, or what it lacks is refused: closing it may go through
                close(connection, delivery)
        claims.keep()

    def _is_late(self) -> bool:
        return time.monotonic() > self._late


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

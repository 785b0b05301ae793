"""Bring the stores up to what the journals hold, and dead runs to their true status."""

from __future__ import annotations

import os
import stat
import sys
from collections import Counter
from contextlib import suppress
from functools import cache
from pathlib import Path

from octant.errors import BAD_INPUT, UNDELIVERED, InputError, UnusableStore, printable, without_credentials
from octant.runs.settings import Tracking
from octant.tracking.claims import Claims
from octant.tracking.delivery import deliver
from octant.tracking.differences import close_abandoned, damaged, forget_damaged, forget_missing, lost
from octant.tracking.receipt import Delivery, State, journals, placed
from octant.tracking.store import Connection, Store, connect, locate, takes

UNDONE = "undelivered"
UNUSABLE = "that cannot be used"  # no waiting mends it
UNSEEN = "not looked at"
UNSEEN_STORE = "stores not looked at"
LOST = "deleted there, or in the trash (the command that trained them sends them again)"
DAMAGED = "with files empty, damaged or gone (octant sync logs them again, the command that trained them does, too)"
_complained: set[str] = set()


def deliveries(state: Path, *, done: bool, only: Store | None = None) -> dict[tuple[str, str], list[Delivery]]:
    """Runs of which the store has all that the journal holds, or the others, by (store, experiment).

    Those of all stores, or those of `only`.
    """
    found: dict[tuple[str, str], list[Delivery]] = {}
    for each in placed(state, only):
        if each.is_done() == done:
            receipt = each.receipt()
            found.setdefault((receipt.store, receipt.experiment), []).append(each)
    return found


def _reach(shown: str, state: Path) -> Store:
    """The store behind an address as shown; one with credentials must come from MLFLOW_TRACKING_URI."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    candidates = [locate(Tracking(), state), *([locate(Tracking(uri=given), state)] if given else [])]
    for store in candidates:
        if shown in (store.shown, store.name):
            return store
    if "***" in shown:
        raise InputError(f"{shown} needs its credentials: set MLFLOW_TRACKING_URI to the whole address")
    return locate(Tracking(uri=shown), state)


def send_all(state: Path, only: Store | None = None) -> Counter[str]:
    """Deliver what is not done; a run without outcome whose lock is free becomes KILLED, or FAILED if it raised."""
    counts: Counter[str] = Counter()
    for (shown, experiment), left in deliveries(state, done=False, only=only).items():
        try:
            connection = connect(_reach(shown, state), experiment)
            forget_missing(connection, left)
        except Exception as error:  # noqa: BLE001 - whatever the store raises: what is left stays in the journals
            counts[UNDONE] += len(left)
            counts[UNUSABLE] += isinstance(error, InputError)
            _complain(shown, f"does not answer for {experiment}", error)
            continue
        counts += _send(connection, left, shown, f"did not take run {{}} of {experiment}")
    return counts


def _send(connection: Connection, left: list[Delivery], shown: str, refusal: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    claims = Claims(connection)
    for number, delivery in enumerate(left):
        try:
            counts[_send_one(connection, delivery, claims)] += 1
        except Exception as error:  # noqa: BLE001 - whatever the store raises
            counts[UNDONE] += 1
            _complain(shown, refusal.format(delivery.journal.fingerprint[:16]), error)
            if not takes(connection):
                counts[UNDONE] += len(left) - number - 1
                break
    claims.keep()
    return counts


def _send_one(connection: Connection, delivery: Delivery, claims: Claims) -> str:
    if delivery.journal.is_live():
        return "being trained now"
    claim = deliver(connection, delivery, State.KILLED)
    if claim is None:
        return "being sent now"
    claims.add(claim)
    status = claim.receipt.status
    return "sent" if status is State.FINISHED else f"marked {status}"


def mend_files(state: Path, only: Store | None = None) -> None:
    """Have the damaged files of finished runs logged again by the next `send_all`."""
    for (shown, experiment), sent in deliveries(state, done=True, only=only).items():
        with suppress(Exception):  # a store that does not answer; `send_all` and doctor say so where it matters
            connection = connect(_reach(shown, state), experiment, create=False)
            gone = lost(connection, sent)  # on purpose, it may be
            forget_damaged(connection, [each for each in sent if each not in gone])


def count_lost(state: Path, only: Store | None = None) -> Counter[str]:
    """Delivered runs that their stores do not show any more, perhaps on purpose, damaged ones, those not looked at."""
    counts: Counter[str] = Counter()
    for (shown, experiment), sent in deliveries(state, done=True, only=only).items():
        sent = [each for each in sent if each.receipt().run_id]
        try:
            connection = connect(_reach(shown, state), experiment, create=False)
            gone = lost(connection, sent)
            counts[LOST] += len(gone)
            counts[DAMAGED] += len(damaged(connection, [each for each in sent if each not in gone]))
        except Exception as error:  # noqa: BLE001 - whatever the store raises
            if isinstance(error, InputError) and not isinstance(error, UnusableStore):
                counts[LOST] += len(sent)  # no such store, no such experiment
                continue
            counts[UNSEEN] += len(sent)
            counts[UNUSABLE] += isinstance(error, UnusableStore)
            _complain(shown, f"does not answer for {experiment}", error)
    return counts


def close_abandoned_runs(state: Path) -> Counter[str]:
    """Runs that stores have as RUNNING though no journal here tells of them, by what became of them."""
    counts: Counter[str] = Counter()
    for store in _stores(state):
        try:
            counts += close_abandoned(store, state)
        except Exception as error:  # noqa: BLE001 - whatever the store raises
            if isinstance(error, InputError) and not isinstance(error, UnusableStore):
                continue  # there is no such store
            counts[UNUSABLE if isinstance(error, UnusableStore) else UNSEEN_STORE] += 1
            if (store.name or store.shown) not in _complained:
                _complain(store.shown, "does not answer", error)
    return counts


def _stores(state: Path) -> list[Store]:
    """This folder's own store, the one that the environment names, and those that receipts name."""
    found = [locate(Tracking(), state)]
    with suppress(InputError):
        found += [locate(Tracking(uri=given), state)] if (given := os.environ.get("MLFLOW_TRACKING_URI")) else []
    for name in {each.receipt().store for each in placed(state)}:
        with suppress(InputError):
            found.append(_reach(name, state))
    return list({store.uri: store for store in found}.values())


@cache
def _say_once(line: str) -> None:
    print(line, file=sys.stderr)


def _complain(store: str, what: str, error: Exception) -> None:
    _complained.add(store)
    _say_once(f"octant: {store} {what}: {printable(' '.join(without_credentials(str(error)).split())[:200])}")


def take_stock(state: Path) -> Counter[str]:
    """How many runs the journals hold, by what became of them."""
    counts: Counter[str] = Counter()
    for journal in journals(state):
        outcome = journal.read().outcome
        live = outcome is None and journal.is_live()
        unfinished = "being trained now" if live else "failed" if journal.failure else "interrupted"
        counts[outcome["outcome"] if outcome else unfinished] += 1
    return counts


def tell_of_readers(state: Path) -> None:
    """Names of data, commands and uncommitted changes are in there; octant makes the folder for its user alone."""
    mode = stat.S_IMODE(state.stat().st_mode) if state.exists() else 0
    if mode & 0o077:
        print(f"state folder: open to others on this machine (mode {mode:o}); to close it: chmod 700 {state}")


def exit_code_of(counts: Counter[str]) -> int:
    """The exit code for what `send_all` and `count_lost` met."""
    if counts[UNUSABLE]:
        return BAD_INPUT
    return UNDELIVERED if counts[UNDONE] or counts[UNSEEN] or counts[UNSEEN_STORE] else 0


def in_words(counts: Counter[str]) -> str:
    """The counts in a line."""
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()) if count) or "none"

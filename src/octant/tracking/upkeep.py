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
from octant.runs.disk import read_json
from octant.runs.journal import Journal
from octant.runs.settings import Tracking
from octant.tracking.abandoned import close_abandoned
from octant.tracking.claims import Claims
from octant.tracking.delivery import Order, deliver
from octant.tracking.files import damaged, forget_damaged
from octant.tracking.missing import forget_missing, lost
from octant.tracking.store import Connection, Store, connect, locate, takes


def journals(state: Path) -> list[Journal]:
    """Every run that has a journal here."""
    return [Journal(path) for path in sorted((state / "journal").glob("*")) if path.is_dir()]


def orders(state: Path, *, settled: bool, only: Store | None = None) -> dict[tuple[str, str], list[Order]]:
    """Orders whose journal holds more than their store has accepted, or the others, by (store, experiment).

    Those of all stores, or those of `only`.
    """
    found: dict[tuple[str, str], list[Order]] = {}
    for journal in journals(state):
        for path in sorted(journal.folder.glob("tracking-*.json")):
            receipt = read_json(path) or {}
            order = Order(journal, path.stem.removeprefix("tracking-"))
            if not receipt.keys() >= {"store", "experiment"}:
                continue
            if (only is None or receipt["store"] in (only.shown, only.name)) and order.is_settled() == settled:
                found.setdefault((receipt["store"], receipt["experiment"]), []).append(order)
    return found


def reach(shown: str, state: Path) -> Store:
    """The store behind an address as shown; one with credentials must come from MLFLOW_TRACKING_URI."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    candidates = [locate(Tracking(), state), *([locate(Tracking(uri=given), state)] if given else [])]
    for store in candidates:
        if shown in (store.shown, store.name):
            return store
    if "***" in shown:
        raise InputError(f"{shown} needs its credentials: set MLFLOW_TRACKING_URI to the whole address")
    return locate(Tracking(uri=shown), state)


def settle(state: Path, only: Store | None = None) -> Counter[str]:
    """Deliver all open orders; a run without outcome whose lock is free becomes KILLED, or FAILED if it raised."""
    counts: Counter[str] = Counter()
    for (shown, experiment), left in orders(state, settled=False, only=only).items():
        try:
            connection = connect(reach(shown, state), experiment)
            forget_missing(connection, left)
        except Exception as error:  # noqa: BLE001 - whatever the store raises: what is left stays in the journals
            counts["undelivered"] += len(left)
            counts[UNUSABLE] += isinstance(error, InputError)
            _complain(shown, f"does not answer for {experiment}", error)
            continue
        counts += _settle_all(connection, left, shown, f"did not take run {{}} of {experiment}")
    return counts


def _settle_all(connection: Connection, left: list[Order], shown: str, refusal: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    claims = Claims(connection)
    for number, order in enumerate(left):
        try:
            counts[_settle_one(connection, order, claims)] += 1
        except Exception as error:  # noqa: BLE001 - whatever the store raises
            counts["undelivered"] += 1
            _complain(shown, refusal.format(order.journal.fingerprint[:16]), error)
            if not takes(connection):
                counts["undelivered"] += len(left) - number - 1
                break
    claims.keep()
    return counts


UNUSABLE = "that cannot be used"  # no waiting mends it
UNSEEN = "not looked at"
UNSEEN_STORE = "stores not looked at"
_complained: set[str] = set()
LOST = "deleted there, or in the trash (the command that trained them sends them again)"


DAMAGED = "with files empty, damaged or gone (octant sync logs them again, the command that trained them does, too)"


def mend_files(state: Path, only: Store | None = None) -> None:
    """Open the orders of finished runs whose files in the store are damaged; `settle` then logs them again."""
    for (shown, experiment), delivered in orders(state, settled=True, only=only).items():
        with suppress(Exception):  # a store that does not answer; `settle` and doctor say so where it matters
            connection = connect(reach(shown, state), experiment, create=False)
            gone = lost(connection, delivered)  # on purpose, it may be
            forget_damaged(connection, [order for order in delivered if order not in gone])


def count_lost(state: Path, only: Store | None = None) -> Counter[str]:
    """Delivered runs that their stores do not show any more, perhaps on purpose, damaged ones, those not looked at."""
    counts: Counter[str] = Counter()
    for (shown, experiment), delivered in orders(state, settled=True, only=only).items():
        delivered = [order for order in delivered if order.receipt().get("run_id")]
        try:
            connection = connect(reach(shown, state), experiment, create=False)
            gone = lost(connection, delivered)
            counts[LOST] += len(gone)
            counts[DAMAGED] += len(damaged(connection, [order for order in delivered if order not in gone]))
        except UnusableStore as error:
            counts[UNSEEN] += len(delivered)
            counts[UNUSABLE] += 1
            _complain(shown, f"does not answer for {experiment}", error)
        except InputError:  # no such store, no such experiment
            counts[LOST] += len(delivered)
        except Exception as error:  # noqa: BLE001 - whatever the store raises
            counts[UNSEEN] += len(delivered)
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
    """The stores that receipts name, this folder's own, and the one that the environment names."""
    names = {name for settled in (True, False) for name, _ in orders(state, settled=settled)}
    found = [locate(Tracking(), state)]
    with suppress(InputError):
        found += [locate(Tracking(uri=given), state)] if (given := os.environ.get("MLFLOW_TRACKING_URI")) else []
    for name in names:
        with suppress(InputError):
            found.append(reach(name, state))
    return list({store.uri: store for store in found}.values())


@cache
def _say_once(line: str) -> None:
    print(line, file=sys.stderr)


def _complain(store: str, what: str, error: Exception) -> None:
    _complained.add(store)
    _say_once(f"octant: {store} {what}: {printable(' '.join(without_credentials(str(error)).split())[:200])}")


def _settle_one(connection: Connection, order: Order, claims: Claims) -> str:
    if order.journal.is_live():
        return "being trained now"
    claim = deliver(connection, order, "KILLED")
    if claim is None:
        return "being sent now"
    claims.add(claim, lambda: None)
    return {"FINISHED": "sent", "FAILED": "marked FAILED", "KILLED": "marked KILLED"}[claim.receipt["status"]]


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


def verdict(counts: Counter[str]) -> int:
    """The exit code for what `settle` and `count_lost` met."""
    if counts[UNUSABLE]:
        return BAD_INPUT
    return UNDELIVERED if counts["undelivered"] or counts[UNSEEN] or counts[UNSEEN_STORE] else 0


def listed(counts: Counter[str]) -> str:
    """The counts in a line."""
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()) if count) or "none"

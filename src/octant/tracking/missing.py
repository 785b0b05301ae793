"""Delivered runs that the store does not have any more, and runs of the store whose receipt was lost."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from octant.runs.journal import Busy, locked
from octant.tracking.content import ENDPOINT
from octant.tracking.delivery import FINAL, Order, identified
from octant.tracking.store import Connection, is_active, search

if TYPE_CHECKING:
    from mlflow.entities import Run


def forget_missing(connection: Connection, orders: list[Order]) -> None:
    """Send runs again that the store has lost or that somebody has moved to the trash; of the others what it lacks."""
    for order in lost(connection, orders):
        order.forget()
    for order in orders:
        _catch_up(connection, order)


def lost(connection: Connection, orders: list[Order]) -> list[Order]:
    """Orders whose run is not in the experiment any more; those whose receipt is lost instead find their run here."""
    receipts = [(order, order.receipt()) for order in orders]
    sweeps = {receipt.get("tagged") or receipt.get("sweep") for _, receipt in receipts}
    known = {run.info.run_id: run for sweep in sweeps for run in search(connection, f"tags.sweep = '{sweep}'")}
    made = {run.data.tags.get("fingerprint"): run for run in known.values()}
    for order, receipt in receipts:
        if not receipt.get("creating") and order.journal.fingerprint in made:
            _adopt(order, made[order.journal.fingerprint])
    had = {receipt["run_id"]: order for order, receipt in receipts if receipt.get("run_id")}
    # A run's tag may be newer than its receipt.
    return [had[run_id] for run_id in had.keys() - known.keys() if not is_active(connection, run_id)]


def _catch_up(connection: Connection, order: Order) -> None:
    """Note the epochs that the store took though its receipt tells of fewer: where the journal's lines were lost and
    trained again, they have other times by now, and the store would keep both.
    """
    with suppress(Busy), locked(order.path.with_suffix(".lock")):
        receipt = order.receipt()
        if receipt.get("run_id") and receipt.get("status") not in FINAL:
            history = connection.client.get_metric_history(receipt["run_id"], ENDPOINT)
            taken = len({point.step for point in history})
            if taken > receipt.get("sent", 0):
                order.save(receipt | {"sent": taken})


def _adopt(order: Order, run: Run) -> None:
    """Take up a run whose receipt was lost, if it tells of this very attempt."""
    with suppress(Busy), locked(order.path.with_suffix(".lock")):
        receipt, epochs = order.receipt(), order.journal.read().epochs
        if epochs and epochs[0]["time"] == run.info.start_time and not receipt.get("creating"):
            began = {"creating": run.data.tags.get("creation"), "modelling": run.info.run_id}
            order.save(receipt | identified(run) | began)

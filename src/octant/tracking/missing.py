"""Delivered runs that the store does not have any more, and runs of the store whose receipt was lost."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octant import home
from octant.runs.journal import Busy, locked
from octant.tracking.content import ENDPOINT
from octant.tracking.declared import sweeps_with
from octant.tracking.delivery import FINAL, Order, identified
from octant.tracking.store import Connection, is_active, search

if TYPE_CHECKING:
    from mlflow.entities import Run

_FEW = 20  # orders for which as many requests are less than all runs of a large experiment


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
    new = {order.journal.fingerprint: order for order, receipt in receipts if is_new(receipt)}
    found: dict[str, list[Run]] = {}
    for run in (known | _of_folder(connection, new)).values():
        found.setdefault(run.data.tags.get("fingerprint", ""), []).append(run)
    for name, order in new.items():
        _claim(order, found.get(name, []))
    had = {receipt["run_id"]: order for order, receipt in receipts if receipt.get("run_id")}
    # A run's tag may be newer than its receipt.
    return [had[run_id] for run_id in had.keys() - known.keys() if not is_active(connection, run_id)]


def _folder(order: Order) -> Path:
    """The state folder."""
    return order.journal.folder.parents[1]


def is_new(receipt: Mapping[str, Any]) -> bool:
    """Whether the receipt tells of no run, made or about to be made."""
    return not (receipt.get("run_id") or receipt.get("creating"))


def _of_folder(connection: Connection, new: Mapping[str, Order]) -> dict[str, Run]:
    """The experiment's runs of this state folder: those of few orders by name, those of many all at once."""
    if not new:
        return {}
    ours = f"tags.state = '{home.tag(_folder(next(iter(new.values()))))}'"
    each = [f"{ours} and tags.fingerprint = '{name}'" for name in new] if len(new) <= _FEW else [ours]
    return {run.info.run_id: run for wanted in each for run in search(connection, wanted)}


def _catch_up(connection: Connection, order: Order) -> None:
    """Note the epochs that the store took though its receipt tells of fewer: where the journal's lines were lost and
    trained again, they have other times by now, and the store would keep both.
    """
    with suppress(Busy), locked(order.path.with_suffix(".lock")):
        receipt = order.receipt()
        if receipt.get("run_id") and receipt.get("status") not in FINAL:
            history = connection.client.get_metric_history(receipt["run_id"], ENDPOINT)
            taken = len({point.step for point in history})
            sent = receipt.get("sent", 0)
            if isinstance(sent, int) and taken > sent:  # a receipt of nonsense is the delivery's to refuse
                order.save(receipt | {"sent": taken})


def _claim(order: Order, runs: list[Run]) -> None:
    """Take up the run whose receipt was lost, if one tells of this very attempt. Where this folder made others of the
    same fingerprint, their journals were lost, too: this one replaces them.
    """
    if not runs:
        return
    with suppress(Busy), locked(order.path.with_suffix(".lock")):
        receipt, epochs = order.receipt(), order.journal.read().epochs
        if not is_new(receipt):
            return
        ours, trash = home.tag(_folder(order)), set(receipt.get("trash", []))
        for run in runs:
            of_attempt = epochs and epochs[0]["time"] == run.info.start_time and run.info.run_id not in trash
            if of_attempt and is_new(receipt):
                began = {"creating": run.data.tags.get("creation"), "modelling": run.info.run_id}
                began["sweep"] = sweeps_with(run.data.tags.get("sweep"), receipt["sweep"].split()[-1])
                receipt |= identified(run) | began
            elif run.data.tags.get("state") == ours:
                trash.add(run.info.run_id)
        order.save(receipt | ({"trash": sorted(trash)} if trash else {}))

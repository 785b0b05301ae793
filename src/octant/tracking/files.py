"""Files of finished runs, where the store keeps them on this machine: whether they are there and what was logged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from octant.tracking.claims import local_path
from octant.tracking.delivery import FINAL, Order
from octant.tracking.store import Connection
from octant.tracking.stored import CONFIG
from octant.trainer import logging


def forget_damaged(connection: Connection, orders: list[Order]) -> None:
    """Log the files of finished runs again that a power cut, a disk or a user has damaged."""
    root = _root(connection)
    for order in damaged(connection, orders):
        order.forget_files(f"{root}/{order.receipt()['run_id']}/artifacts")


def damaged(connection: Connection, orders: list[Order]) -> list[Order]:
    """Orders of finished runs with a file that is missing or empty, or with a model that is not the one logged."""
    root = local_path(_root(connection))
    return [order for order in orders if root and not _is_whole(connection, root, order)]


def _root(connection: Connection) -> str:
    """Not a receipt's: the state folder may have moved since."""
    return str(connection.client.get_experiment(connection.experiment_id).artifact_location)


def _is_whole(connection: Connection, root: Path, order: Order) -> bool:
    receipt, identity = order.receipt(), order.journal.identity
    if identity is None or receipt.get("status") not in FINAL:
        return True
    artifacts = root / receipt["run_id"] / "artifacts"
    logged = (order.journal.read().outcome or {}).get("files", {})
    if not all(_has_content(artifacts / name) for name in (CONFIG, *logged)):
        return False
    model_digest = logging(identity).model_digest
    if model_digest is None or receipt.get("model_id") is None:
        return True
    return model_digest(identity, artifacts, receipt["model_id"]) == _recorded(connection, receipt)


def _has_content(file: Path) -> bool:
    try:
        return os.stat(file).st_size > 0  # noqa: PTH116 - a third of Path.stat's time, and there are ten files a run
    except OSError:
        return False


def _recorded(connection: Connection, receipt: dict[str, Any]) -> str | None:
    """What the run logged; receipts of an older octant do not say, the store does."""
    if "sha256" in receipt:
        return str(receipt["sha256"])
    return connection.client.get_logged_model(receipt["model_id"]).tags.get("sha256")

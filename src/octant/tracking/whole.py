"""A run that is over and of which the store has nothing: sent in one go, where the store is a SQLite file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from octant import home
from octant.runs import attempts
from octant.runs.journal import FILES
from octant.runs.lines import History, Identity
from octant.tracking.content import dataset_inputs, described, metric_points, outcome_tags, run_params, run_tags
from octant.tracking.model import Model
from octant.tracking.receipt import Delivery, Receipt, State, run_id_of
from octant.tracking.rows import Whole, artifact_root, model_folder, write_whole
from octant.tracking.store import Connection, local_path


def send_whole(
    connection: Connection, delivery: Delivery, identity: Identity, history: History, made: Callable[[], Model | None]
) -> Receipt | None:
    """Send the run; returns what the receipt may say once it is synced, or None where the client must do it.

    `made` makes the run's model, if it has one. The ids follow from `creating`, which the receipt says before anything
    is written: after a crash the run is found, or written to the same places again.
    """
    receipt, journal = delivery.receipt(), delivery.journal
    outcome, root = history.outcome, artifact_root(connection)
    if not outcome or "mlflow.runName" not in receipt.look or root is None:
        return None
    creating = receipt.creating or f"{journal.fingerprint[:16]}-{time.time_ns():x}"
    run_id, model = run_id_of(creating), made()
    model_id = f"m-{run_id}" if model else None
    artifacts = f"{root}/{run_id}/artifacts"
    receipt = replace(receipt, creating=creating, modelling=run_id if model else None)
    delivery.save(receipt)
    _write_files(artifacts, delivery, identity, history)
    if model and model_id:
        model.write(_made(model_folder(artifacts, model_id)), run_id, model_id)
    tried = attempts.tags(attempts.read(journal.folder))
    tags = run_tags(identity, receipt.sweep) | receipt.look | {"creation": creating, "state": home.tag(journal.state)}
    started = history.epochs[0]["time"] if history.epochs else outcome["time"]
    write_whole(connection, Whole(
        run_id, artifacts, (started, outcome["time"]), tags | outcome_tags(run_id, history) | tried,
        run_params(identity), metric_points(history.epochs, model_id), dataset_inputs(identity)[0], model_id, model,
    ))  # fmt: skip
    return replace(
        receipt, run_id=run_id, artifacts=artifacts, status=State.FINISHED, tagged=receipt.sweep, described=True,
        sent=len(history.epochs), attempts=tried.get("attempts"), model_id=model_id,
        sha256=model.sha256 if model else None,
    )  # fmt: skip


def _made(uri: str) -> Path:
    folder = local_path(uri)
    assert folder is not None  # of a store that is a file  # noqa: S101
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_files(artifacts: str, delivery: Delivery, identity: Identity, history: History) -> None:
    folder = _made(artifacts)
    for name, text in described(identity).items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in history.files:
        (folder / name).write_bytes((delivery.journal.folder / FILES / name).read_bytes())

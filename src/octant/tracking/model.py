"""A finished run's model as MLflow is told of it, logged exactly once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from octant.tracking.receipt import Delivery, Receipt
from octant.tracking.store import Connection

if TYPE_CHECKING:
    from mlflow import MlflowClient

NAME, KIND = "model", "classifier"


@dataclass(frozen=True)
class Model:
    """What a trainer gives of a run's model: the epoch that it is of, the digest of what decides its answers, tags and
    params, and `write`, which puts its files into a folder, given the ids of the run and of the model.
    """

    epoch: int
    sha256: str
    tags: dict[str, str]
    params: dict[str, str]
    write: Callable[[Path, str, str], object]


def log_once(connection: Connection, delivery: Delivery, model: Model, receipt: Receipt) -> Receipt:
    """Log the model; returns the receipt with its id.

    The receipt is saved before the first step and, by the caller, after the last: after a crash between them all is
    done again. Then the run's model is looked up first, and every step gives the same when it is repeated.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    client, run_id = connection.client, str(receipt.run_id)
    found = model_id_of(client, connection.experiment_id, run_id) if receipt.modelling == run_id else None
    receipt = replace(receipt, modelling=run_id)
    delivery.save(receipt)
    if found:
        model_id = found
        client.set_logged_model_tags(model_id, {"sha256": model.sha256})  # another octant may have logged the first
    else:
        created = client.create_logged_model(
            connection.experiment_id, NAME, run_id, {"sha256": model.sha256} | model.tags, model.params, KIND
        )
        model_id = created.model_id
    with TemporaryDirectory(prefix="octant-") as folder:
        model.write(Path(folder), run_id, model_id)
        client.log_model_artifacts(model_id, folder)
    outputs = client.get_run(run_id).outputs if found else None
    if outputs is None or not outputs.model_outputs:
        client.log_outputs(run_id, [LoggedModelOutput(model_id, model.epoch)])
    client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    return replace(receipt, model_id=model_id, sha256=model.sha256)


def model_id_of(client: MlflowClient, experiment_id: str, run_id: str) -> str | None:
    """The id of the model that a run has logged."""
    found = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'", max_results=1)
    return str(found[0].model_id) if found else None

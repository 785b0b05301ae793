"""A run that is over, or a mean of runs, as MLflow's rows, written to a SQLite store in one transaction.

Through MLflow's client the same run takes 16 transactions and over 100 ms, a mean 4 and 60 ms. The tables are
unpublished: read from MLflow 3.17, held by tests/tracking/test_rows.py, which sends runs both ways. A store with
another schema, like a server, gets its runs through the client.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from octant.tracking.model import KIND, NAME
from octant.tracking.store import Connection
from octant.tracking.tables import engine_of

if TYPE_CHECKING:
    import sqlalchemy
    from mlflow.entities import DatasetInput, Metric

    from octant.tracking.model import Model

SCHEMA = "dc11669786a5"  # MLflow's name of the version of its tables


@dataclass(frozen=True)
class Whole:
    """A run that is over, with all that a store keeps of it in tables; `times` are its first and last milliseconds."""

    run_id: str
    artifacts: str
    times: tuple[int, int]
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Sequence[Metric]
    dataset: DatasetInput | None = None
    model_id: str | None = None
    model: Model | None = None


def artifact_root(connection: Connection) -> str | None:
    """Where the experiment's artifacts lie; None where rows cannot be written, or the experiment is not as it was."""
    engine = engine_of(connection.client)
    if engine is None or engine.dialect.name != "sqlite":
        return None
    with engine.connect() as tables:
        found = tables.exec_driver_sql(
            "select artifact_location from experiments, alembic_version where version_num = ? and experiment_id = ? "
            "and name = ? and lifecycle_stage = 'active'",
            (SCHEMA, int(connection.experiment_id), connection.experiment),
        ).scalar()
    return found if found and found.startswith("file:") else None


def write_whole(connection: Connection, run: Whole) -> None:
    """Write the run; raises what MLflow raises for what it does not take, and SQLAlchemy for the rest."""
    from mlflow.entities import Param, RunTag
    from mlflow.utils.validation import _validate_batch_log_data

    params, tags = [Param(*each) for each in run.params.items()], [RunTag(*each) for each in run.tags.items()]
    one_of_each = list({each.key: each for each in run.metrics}.values())  # a journal's values are numbers throughout
    _, params, tags = _validate_batch_log_data(one_of_each, params, tags)  # type: ignore[no-untyped-call]
    experiment = int(connection.experiment_id)
    with connection.client._tracking_client.store.engine.begin() as tables:
        _insert(tables, "SqlRun", [_run_row(run, experiment)])
        _insert(tables, "SqlTag", [{"run_uuid": run.run_id, "key": each.key, "value": each.value} for each in tags])
        _insert(tables, "SqlParam", [{"run_uuid": run.run_id, "key": each.key, "value": each.value} for each in params])
        points = [_point(run.run_id, each) for each in run.metrics]
        _insert(tables, "SqlMetric", points)
        _insert(tables, "SqlLatestMetric", list({each["key"]: each for each in points}.values()))  # in order of steps
        if run.dataset:
            _write_dataset(tables, run.run_id, run.dataset, experiment)
        if run.model and run.model_id:
            _write_model(tables, run, run.model, experiment)


def _insert(tables: sqlalchemy.Connection, name: str, rows: Sequence[Mapping[str, object]]) -> None:
    from mlflow.store.tracking.dbmodels import models

    if rows:
        tables.execute(getattr(models, name).__table__.insert(), rows)


def _run_row(run: Whole, experiment: int) -> dict[str, object]:
    empty = dict.fromkeys(("source_name", "entry_point_name", "source_version"), "")
    words = {"source_type": "UNKNOWN", "user_id": "unknown", "status": "FINISHED", "lifecycle_stage": "active"}
    start, end = run.times
    return empty | words | {"run_uuid": run.run_id, "name": run.tags["mlflow.runName"], "experiment_id": experiment,
                            "artifact_uri": run.artifacts, "start_time": start, "end_time": end}  # fmt: skip


def _point(run_id: str, point: Metric) -> dict[str, object]:
    """Metrics of a journal are finite: a run with any other has diverged."""
    return {"run_uuid": run_id, "key": point.key, "value": point.value, "timestamp": point.timestamp,
            "step": point.step, "is_nan": False}  # fmt: skip


def _write_dataset(tables: sqlalchemy.Connection, run_id: str, dataset: DatasetInput, experiment: int) -> None:
    data, link = dataset.dataset, uuid.uuid4().hex
    key = (experiment, data.name, data.digest)
    known = "select dataset_uuid from datasets where experiment_id = ? and name = ? and digest = ?"
    if (found := tables.exec_driver_sql(known, key).scalar()) is None:
        found = uuid.uuid4().hex
        _insert(tables, "SqlDataset", [{"dataset_uuid": found, "experiment_id": experiment, "name": data.name,
                "digest": data.digest, "dataset_source_type": data.source_type, "dataset_source": data.source,
                "dataset_schema": data.schema, "dataset_profile": data.profile}])  # fmt: skip
    _insert(tables, "SqlInput", [{"input_uuid": link, "source_type": "DATASET", "source_id": found,
            "destination_type": "RUN", "destination_id": run_id}])  # fmt: skip
    named = [{"input_uuid": link, "name": each.key, "value": each.value} for each in dataset.tags]
    _insert(tables, "SqlInputTag", named)


def _write_model(tables: sqlalchemy.Connection, run: Whole, model: Model, experiment: int) -> None:
    from mlflow.entities import LoggedModelStatus

    owner, now = {"model_id": run.model_id, "experiment_id": experiment}, time.time_ns() // 1_000_000
    _insert(tables, "SqlLoggedModel", [owner | {"name": NAME, "model_type": KIND, "source_run_id": run.run_id,
            "artifact_location": model_folder(run.artifacts, str(run.model_id)), "lifecycle_stage": "active",
            "status": LoggedModelStatus.READY.to_int(), "creation_timestamp_ms": now,
            "last_updated_timestamp_ms": now}])  # fmt: skip
    tags = {"sha256": model.sha256} | model.tags
    _insert(tables, "SqlLoggedModelTag", [owner | {"tag_key": key, "tag_value": each} for key, each in tags.items()])
    params = [owner | {"param_key": key, "param_value": each} for key, each in model.params.items()]
    _insert(tables, "SqlLoggedModelParam", params)
    _insert(tables, "SqlInput", [{"input_uuid": uuid.uuid4().hex, "source_type": "RUN_OUTPUT", "source_id": run.run_id,
            "destination_type": "MODEL_OUTPUT", "destination_id": run.model_id, "step": model.epoch}])  # fmt: skip
    _insert(tables, "SqlLoggedModelMetric", [
        owner | {"run_id": run.run_id, "metric_name": each.key, "metric_timestamp_ms": each.timestamp,
                 "metric_step": each.step, "metric_value": each.value}
        for each in run.metrics if each.model_id
    ])  # fmt: skip


def model_folder(artifacts: str, model_id: str) -> str:
    """Where MLflow keeps the files of a model, beside the runs of its experiment."""
    root = artifacts.rsplit("/", 2)[0]
    return f"{root}/models/{model_id}/artifacts"

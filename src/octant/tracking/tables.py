"""Runs and curves of a store that is a database, read from MLflow's tables.

MLflow's own way makes several objects of every value, and sorts all runs again for each page: 15 seconds for 10,000
runs. The tables are unpublished: tests/tracking/test_tables.py reads the same runs both ways.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from sqlalchemy import ColumnElement, Connection, Engine, FromClause

_AT_ONCE = 500  # runs
Point = tuple[str, int, str, float]
Rows = dict[str, list[tuple[Any, ...]]]  # by the run's id


def engine_of(client: MlflowClient) -> Engine | None:
    """The database that the client works on; None for a server."""
    found: Engine | None = getattr(client._tracking_client.store, "engine", None)
    return found


def runs(engine: Engine, experiment_id: str, filter_string: str) -> Iterator[Run]:
    """The experiment's active runs whose tags pass MLflow's filter, the newest first; without data sets and models."""
    from mlflow.store.tracking.dbmodels.models import SqlRun
    from sqlalchemy import select

    run = SqlRun.__table__.c
    wanted = select(run.run_uuid).where(run.experiment_id == int(experiment_id), run.lifecycle_stage == "active",
                                        *_conditions(engine, filter_string))  # fmt: skip
    with engine.connect() as tables:
        ids = tables.scalars(wanted.order_by(run.start_time.desc(), run.run_uuid)).all()
    for at in range(0, len(ids), _AT_ONCE):
        with engine.connect() as tables:
            found = _read(tables, ids[at : at + _AT_ONCE])
        yield from found


def _conditions(engine: Engine, filter_string: str) -> Iterator[ColumnElement[bool]]:
    from mlflow.store.tracking.dbmodels.models import SqlRun, SqlTag
    from mlflow.utils.search_utils import SearchUtils
    from sqlalchemy import select

    tag = SqlTag.__table__.c
    for each in SearchUtils.parse_search_filter(filter_string):  # type: ignore[no-untyped-call]
        is_met = SearchUtils.get_sql_comparison_func(each["comparator"], engine.dialect.name)  # type: ignore[no-untyped-call]
        tagged = select(tag.run_uuid).where(tag.key == each["key"], is_met(tag.value, each["value"]))
        yield SqlRun.__table__.c.run_uuid.in_(tagged)


def _read(tables: Connection, ids: Sequence[str]) -> list[Run]:
    from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlParam, SqlRun, SqlTag
    from sqlalchemy import select

    def read(table: FromClause, *names: str) -> Rows:
        columns = [table.c[name] for name in ("run_uuid", *names)]
        rows: Rows = defaultdict(list)
        for run, *values in tables.execute(select(*columns).where(table.c.run_uuid.in_(ids))):
            rows[run].append(tuple(values))
        return rows

    infos = read(SqlRun.__table__, "experiment_id", "user_id", "status", "start_time", "end_time", "lifecycle_stage",
                 "artifact_uri", "name")  # fmt: skip
    tags, params = (read(model.__table__, "key", "value") for model in (SqlTag, SqlParam))
    metrics = read(SqlLatestMetric.__table__, "key", "value", "timestamp", "step", "is_nan")
    return [
        Run(RunInfo(run, str(experiment), *rest), RunData(
            [Metric(key, _value(value, is_nan), *when) for key, value, *when, is_nan in metrics[run]],
            [Param(*each) for each in params[run]], [RunTag(*each) for each in tags[run]],
        ))
        for run in ids for experiment, *rest in infos[run]
    ]  # fmt: skip


def points_of(engine: Engine, run_ids: Sequence[str], keys: Collection[str]) -> Iterator[Point]:
    """(run_id, step, key, value) of some metrics, those of a run in the order of their times."""
    from mlflow.store.tracking.dbmodels.models import SqlMetric
    from sqlalchemy import select

    at = SqlMetric.__table__.c
    for first in range(0, len(run_ids), _AT_ONCE):
        part = run_ids[first : first + _AT_ONCE]
        asked = select(at.run_uuid, at.step, at.key, at.value, at.is_nan).where(at.run_uuid.in_(part), at.key.in_(keys))
        with engine.connect() as tables:
            for run, step, key, value, is_nan in tables.execute(asked.order_by(at.timestamp, at.step, at.value)):
                yield run, step, key, _value(value, is_nan)


def _value(value: float, is_nan: bool) -> float:
    """MLflow writes NaN as 0 and a mark."""
    return math.nan if is_nan else value

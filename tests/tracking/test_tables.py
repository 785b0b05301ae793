"""The contract with MLflow's unpublished tables: what is read from them is what MLflow's own client says."""

from __future__ import annotations

import math

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Run

from octant.runs.settings import Tracking
from octant.tracking import tables
from octant.tracking.runs import histories
from octant.tracking.search import search
from octant.tracking.store import Connection, connect, locate

# MLflow's own.
pytestmark = pytest.mark.filterwarnings("ignore")

FILTERS = ("", "tags.sweep = 'a-1'", "tags.sweep LIKE '%a-1%'", "tags.kind != 'mean'", "tags.sweep = 'A-1'",
           "tags.sweep LIKE '%a-1%' and tags.`odd name` = 'it is'")  # fmt: skip


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Connection:
    """Six runs, the last one in the trash, and one of another experiment."""
    home = tmp_path_factory.mktemp("tables")
    store = locate(Tracking(), home)
    connection, other = connect(store, "one"), connect(store, "two")
    client = connection.client
    for at, (tags, start) in enumerate([
        ({"sweep": "a-1", "kind": "mean"}, 1), ({"sweep": "a-1 b-2", "odd name": "it is"}, 2), ({"sweep": "b-2"}, 2),
        ({}, 4), ({"sweep": "A-1", "kind": "report"}, 3), ({"sweep": "a-1"}, 6),
    ]):  # fmt: skip
        run = client.create_run(connection.experiment_id, start, tags, f"run {at}").info.run_id
        client.log_batch(run, [Metric("loss", value, 10 - step, step) for step, value in enumerate(VALUES)])
        client.log_param(run, "seed", at)
        client.set_terminated(run, end_time=9)
    client.delete_run(run)
    client.create_run(other.experiment_id, 5, {"sweep": "a-1"})
    return connection


VALUES = (0.5, math.nan, math.inf, 0.1 + 0.2)


def plain(run: Run) -> object:
    """All of a run that is read; NaN as text, since it is equal to nothing."""
    values = {name: repr(value) for name, value in run.data.metrics.items()}
    return dict(run.info), values, run.data.params, run.data.tags


@pytest.mark.parametrize("wanted", FILTERS)
def test_finds_what_mlflow_finds(connection: Connection, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_AT_ONCE", 2)
    expected = connection.client.search_runs([connection.experiment_id], wanted)
    assert [plain(run) for run in search(connection, wanted)] == [plain(run) for run in expected]
    assert bool(expected)


def test_curves_are_those_of_mlflow(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_AT_ONCE", 2)
    client, ids = connection.client, [run.info.run_id for run in search(connection, "")]
    read = list(histories(connection, ids, ["loss", "absent"], 4))
    for run in ids:
        told = [(each.step, repr(each.value)) for each in client.get_metric_history(run, "loss")]
        assert [(step, repr(value)) for name, step, _, value in read if name == run] == told


def test_server_has_no_tables() -> None:
    assert tables.engine_of(MlflowClient("http://127.0.0.1:1")) is None

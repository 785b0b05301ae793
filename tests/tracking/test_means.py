"""The runs of kind `mean`: true to the runs, there once, whole after a kill, and in nobody's way."""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from octant import home
from octant.analysis.means import Mean, Means
from octant.cli import doctor, report, sync
from octant.errors import InputError
from octant.models.champion import _register
from octant.runs.settings import Tracking
from octant.tracking.declared import declared_of
from octant.tracking.receipt import journals
from octant.tracking.runs import read_runs
from octant.tracking.store import Connection, connect, locate
from octant.tracking.stored import read_run
from octant.tracking.view import _log_means
from support.command import Database, run_octant

pytestmark = pytest.mark.filterwarnings("ignore")  # SQLAlchemy's, of MLflow
Home = tuple[Path, str]
MEANS = (
    "select r.name, r.run_uuid, r.status from runs r join tags t on t.run_uuid = r.run_uuid and t.key = 'kind' "
    "and t.value = 'mean' where r.lifecycle_stage = 'active' order by 1"
)


def means(*names: str, value: float = 0.5) -> Means:
    points = [("test_accuracy", epoch, value) for epoch in range(1200)]  # more than one batch of MLflow's
    curves = [Mean(name, f"#00000{at}", {"width": name}, 3, points) for at, name in enumerate(names)]
    return Means(curves, ["test_accuracy"], ["width"], "Mean of 3 seeds", 0.0, "max", 0)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("means") / "home"
    connect(locate(Tracking(), folder), "first")
    return folder


@pytest.fixture
def place(store: Path, request: pytest.FixtureRequest) -> tuple[Connection, Database]:
    """An experiment of the test's own."""
    return connect(locate(Tracking(), store), request.node.name.replace("_", "-")), Database(store)


def of(place: tuple[Connection, Database]) -> list[tuple[object, ...]]:
    return place[1].query(MEANS.replace("where", f"where r.experiment_id = {place[0].experiment_id} and"))


def test_equal_means_are_left(place: tuple[Connection, Database]) -> None:
    _log_means(place[0], "s-1", means("a", "b"))
    before = of(place)
    assert [(name, status) for name, _, status in before] == [("a", "FINISHED"), ("b", "FINISHED")]
    _log_means(place[0], "s-1", means("a", "b"))
    assert of(place) == before


def test_changed_means_are_replaced(place: tuple[Connection, Database]) -> None:
    _log_means(place[0], "s-1", means("a", "b"))
    before = {name: run for name, run, _ in of(place)}
    changed = means("a", "b", "c")
    _log_means(place[0], "s-1", replace(changed, curves=[changed.curves[0], *means("x", "b", value=0.7).curves[1:]]))
    after = {name: run for name, run, _ in of(place)}
    assert after.keys() == before.keys()
    assert after["a"] == before["a"]
    assert after["b"] != before["b"]


def test_means_of_vanished_sweeps_go(place: tuple[Connection, Database]) -> None:
    connection, _ = place
    connection.client.create_run(connection.experiment_id, tags={"sweep": "s-1"})
    for sweep in ("s-1", "s-2", "s-3"):
        _log_means(connection, sweep, means(sweep))
    assert [name for name, _, _ in of(place)] == ["s-1", "s-3"]


@pytest.mark.parametrize("call", ["create_run", "set_terminated", "log_batch", "delete_run"])
def test_killed_launch_is_repaired(
    call: str, place: tuple[Connection, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies just before or just after each call to a server in turn; the same command makes it good."""
    client = place[0].client
    monkeypatch.setattr("octant.tracking.view.artifact_root", lambda _: None)
    _log_means(place[0], "s-1", means("a", "b", "c", value=0.1))
    true = getattr(client, call)
    for late in (False, True):
        wanted = means("a", "b", "c", value=0.2 + late)
        with monkeypatch.context() as patch:
            calls = []

            def dies(*given: object, late: bool = late, calls: list[int] = calls, **more: object) -> object:
                calls.append(1)
                if len(calls) == 2 and not late:
                    raise KeyboardInterrupt
                answer = true(*given, **more)
                if len(calls) == 2:
                    raise KeyboardInterrupt
                return answer

            patch.setattr(client, call, dies)
            with pytest.raises(KeyboardInterrupt):
                _log_means(place[0], "s-1", wanted)
        _log_means(place[0], "s-1", wanted)
        there = of(place)
        assert [(name, status) for name, _, status in there] == [(name, "FINISHED") for name in "abc"]
        for _, run, _ in there:
            assert place[1].query(f"select count(*), max(value) from metrics where run_uuid = '{run}'") == [
                (1200, 0.2 + late)
            ]


def test_mean_is_as_mlflow_writes_it(place: tuple[Connection, Database], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are written at once beside those of MLflow's client; ids and times apart."""
    _log_means(place[0], "s-1", means("a", value=0.25))
    monkeypatch.setattr("octant.tracking.view.artifact_root", lambda _: None)
    _log_means(place[0], "s-2", means("a", value=0.25))
    rows, client = defaultdict(list), place[0].client
    for _, run, _ in of(place):
        told = client.get_run(str(run))
        own = str(told).replace(str(run), "RUN").replace(str(told.info.start_time), "TIME").replace("s-2", "s-1")
        points = client.get_metric_history(str(run), "test_accuracy")
        rows["run"].append(own)
        rows["points"].append(str([(each.step, each.value) for each in points]))
    assert [len(set(each)) for each in rows.values()] == [1, 1]


def configuration(database: Database, run: object) -> str:
    found = dict(database.query(f"select key, value from params where run_uuid = '{run}'"))
    return "-".join(str(found[name]) for name in ("loss", "hidden", "output"))


def test_means_are_those_of_the_runs(swept: Home) -> None:
    """Computed again from the journals; each its own name and colour."""
    database, values = Database(swept[0]), defaultdict(list)
    for journal in journals(swept[0]):
        for line in journal.read().epochs:
            for name, value in line["metrics"].items():
                values[(journal.identity or {})["configuration"], name, line["epoch"]].append(value)
    rows = database.query(MEANS)
    assert len(rows) == 8
    found = {}
    for _, run, _ in rows:
        config = configuration(database, run)
        for key, step, value in database.query(f"select key, step, value from metrics where run_uuid = '{run}'"):
            found[config, key, step] = value
    for (config, metric, epoch), each in values.items():
        assert len(each) == 2
        assert math.isclose(found[config, metric, epoch], sum(each) / 2, abs_tol=1e-12)
        if metric == "test_accuracy":
            assert found[config, f"{metric} lowest", epoch] == min(each)
            assert found[config, f"{metric} highest", epoch] == max(each)
    assert len(found) == len(values) + 2 * len({(config, epoch) for config, _, epoch in values})
    runs = ", ".join(f"'{run}'" for _, run, _ in rows)
    colours = database.query(f"select value from tags where key = 'mlflow.runColor' and run_uuid in ({runs})")
    assert len(set(colours)) == 8


def test_runs_have_their_configurations_colour(swept: Home) -> None:
    database = Database(swept[0])
    colours = dict(database.query("select run_uuid, value from tags where key = 'mlflow.runColor'"))
    means = {configuration(database, run): colours[run] for _, run, _ in database.query(MEANS)}
    runs = database.query("select value, run_uuid from tags where key = 'config'")
    assert len(runs) == 16
    assert {(config, colours[run]) for config, run in runs} == set(means.items())


def test_nobody_takes_mean_for_run(
    swept: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not the report, which makes no second ones, nor promotion, doctor, sync, repetition."""
    monkeypatch.setenv("OCTANT_HOME", str(swept[0]))
    store, database = locate(Tracking(), home.state()), Database(swept[0])
    connection = connect(store, "smoke", create=False)
    rows = database.query(MEANS)
    assert len(rows) == 8
    ids = {run for _, run, _ in rows}
    sweep = declared_of(connection).sweep
    assert sweep
    runs = read_runs(connection, sweep)
    assert len(runs) == 16
    assert not ids & set(runs["run_id"])
    assert report.COMMAND.run(argparse.Namespace(uri=None, experiment="smoke", sweep=None, out=None)) == 0
    assert database.query(MEANS) == rows
    capsys.readouterr()
    everything = argparse.Namespace(uri=None, probe=None)
    assert (doctor.COMMAND.run(everything), sync.COMMAND.run(everything)) == (0, 0)
    told = capsys.readouterr().out
    assert "journals: 16 finished" in told
    assert told.count("stores: have everything the journals hold") == 2
    _register(store, "smoke")
    assert database.query("select count(*) from model_versions v join tags t on t.run_uuid = v.run_id "
                          "and t.key = 'kind'") == [(0,)]  # fmt: skip
    with pytest.raises(InputError, match="is the mean of other runs; only runs that were trained are repeated"):
        read_run(store, str(rows[0][1]))


def test_sweep_that_grows_has_one_mean_each(swept: Home, tmp_path: Path) -> None:
    home = tmp_path / "home"
    small = ("-m", "hidden=sigmoid,tanh", "engine=numpy", "hidden_units=4", "batch_size=32", "epochs=2")
    for seeds in ("0,1", "0,1", "0,1,2"):
        done = run_octant(home, *small, f"seed={seeds}")
        assert done.returncode == 0, done.stderr
    rows = Database(home).query(MEANS)
    assert {(name, status) for name, _, status in rows} == {("sigmoid", "FINISHED"), ("tanh", "FINISHED")}
    repeats = Database(home).query("select distinct value from params where key = 'repeats'")
    assert ("3",) in repeats
    link = done.stdout.split("viewStateShareKey=")[1].split("&")[0]
    own = f"select count(*) from tags where key = 'mean_of' and value = '{link}'"
    assert Database(home).query(own) == [(2,)]  # the sweep of two seeds is there still, with its own
    assert len(rows) == 4
    ((view,),) = Database(home).query(f"select value from experiment_tags where key = 'mlflow.sharedViewState.{link}'")
    assert f"tags.mean_of = '{link}'" in str(view)

"""The contract with MLflow's unpublished tables: rows written at once are those that its own client writes."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from octant.runs.settings import Tracking
from octant.tracking import rows, whole
from octant.tracking.claims import Claims
from octant.tracking.delivery import deliver
from octant.tracking.differences import forget_missing
from octant.tracking.receipt import Delivery, State, journals, place
from octant.tracking.store import Connection, Store, connect, locate
from support.command import run_here

# MLflow's own.
pytestmark = pytest.mark.filterwarnings("ignore")

TWO = ("-m", "dataset=arrays", "engine=numpy", "hidden_units=4", "epochs=2", "hidden=relu,sigmoid",
       "learning_rate=1000")  # fmt: skip
TIMES = ("creation_timestamp_ms", "last_updated_timestamp_ms", "creation_time", "last_update_time", "input_uuid")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run and one that diverged."""
    folder, rng = tmp_path_factory.mktemp("rows"), np.random.default_rng(0)
    np.savez(folder / "huge.npz", X=rng.random((60, 4)) * 1e306, y=np.arange(60) % 3)
    home = folder / "home"
    assert run_here(home, *TWO, f"dataset.path={folder / 'huge.npz'}") == 0
    outcomes = [journal.read().outcome for journal in journals(home)]
    assert {each["outcome"] for each in outcomes if each} == {"finished", "diverged"}
    return home


def sent(home: Path, folder: Path) -> tuple[Connection, list[Delivery]]:
    """Both runs delivered to a fresh store in `folder`."""
    folder.mkdir(exist_ok=True)
    store = locate(Tracking(uri=f"sqlite:///{folder}/mlflow.db"), home)
    connection = connect(store, "octant")
    wanted = [
        place(store, "octant", "sweep", each, look={"mlflow.runName": f"r {number}", "mlflow.runColor": "#123456"})
        for number, each in enumerate(journals(home))
    ]
    claims = Claims(connection)
    for each in wanted:
        claim = deliver(connection, each, State.FINISHED)
        assert claim
        claims.add(claim)
    claims.keep()
    assert all(each.is_done() for each in wanted)
    return connection, wanted


def plain(text: str, folder: Path, wanted: list[Delivery]) -> str:
    """With the ids of runs and models, and the place, by other names."""
    for number, each in enumerate(wanted):
        receipt = each.receipt()
        text = text.replace(f"models/m-{receipt.run_id}", f"models/{receipt.model_id}")
        for word, name in ((receipt.model_id, "model"), (receipt.run_id, "run"), (receipt.creating, "creation")):
            text = text.replace(word, f"{name} {number}") if word else text
    return text.replace(str(folder), "FOLDER")


def tables(folder: Path, wanted: list[Delivery]) -> dict[str, list[str]]:
    with closing(sqlite3.connect(folder / "mlflow.db")) as store:
        store.row_factory = sqlite3.Row
        (data,) = store.execute("select distinct dataset_uuid from datasets").fetchone()
        names = [name for (name,) in store.execute("select name from sqlite_master where type = 'table'")]
        found = {}
        for name in names:
            kept = [{k: row[k] for k in row.keys() if k not in TIMES} for row in store.execute(f"select * from {name}")]  # noqa: SIM118
            found[name] = sorted(plain(str(each).replace(data, "DATA"), folder, wanted) for each in kept)
        return found


def files(folder: Path, wanted: list[Delivery]) -> dict[str, str]:
    texts = {}
    for file in sorted(path for path in (folder / "artifacts").rglob("*") if path.is_file()):
        text = plain(file.read_bytes().decode("latin-1"), folder, wanted)
        texts[plain(str(file), folder, wanted)] = re.sub("utc_time_created: .*", "", text)
    return texts


def test_rows_are_the_client_s(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, by_client = tmp_path / "rows", tmp_path / "client"
    first, both = sent(home, at_once)
    assert rows.artifact_root(first), "MLflow's schema is another one: read its store again"
    kept, texts = tables(at_once, both), files(at_once, both)
    monkeypatch.setattr(rows, "SCHEMA", "that of another MLflow")
    second, one_by_one = sent(home, by_client)
    assert rows.artifact_root(second) is None
    assert kept == tables(by_client, one_by_one)
    assert texts == files(by_client, one_by_one)
    assert len(kept["metrics"]) > 20
    assert len(kept["logged_models"]) == 1
    assert len(texts) > 8
    for left, right in zip(both, one_by_one, strict=True):
        assert (left.receipt().sent, left.receipt().sha256) == (right.receipt().sent, right.receipt().sha256)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_crash_doubles_nothing(moment: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between files and rows, or between rows and receipt; then the run is sent again, into the same places."""

    def crash(connection: Connection, run: rows.Whole) -> None:
        if moment == "after":
            rows.write_whole(connection, run)
        raise OSError("the power goes")

    with monkeypatch.context() as patched:
        patched.setattr(whole, "write_whole", crash)
        with pytest.raises(OSError, match="power"):
            sent(home, tmp_path / "store")
    _, wanted = sent(home, tmp_path / "store")
    kept = tables(tmp_path / "store", wanted)
    assert [len(kept[name]) for name in ("runs", "logged_models", "inputs")] == [2, 1, 3]
    assert len({name.split("/")[3] for name in files(tmp_path / "store", wanted)}) == 3  # two runs and the models


def killed(home: Path, store: Store) -> Connection:
    """Both runs in the store, and neither receipt says so: a kill came between the two."""
    connection = connect(store, "octant")
    wanted = [place(store, "octant", "A-1", each, look={"mlflow.runName": "r"}) for each in journals(home)]
    for each in wanted:
        assert deliver(connection, each, State.FINISHED)
    assert not any(each.receipt().run_id for each in wanted)
    return connection


def sent_again(connection: Connection, home: Path, store: Store, sweep: str, anew: bool) -> None:
    look = {"mlflow.runName": f"{sweep}'s"}
    wanted = [place(store, "octant", sweep, each, look=look, anew=anew) for each in journals(home)]
    forget_missing(connection, wanted)
    claims = Claims(connection)
    for each in wanted:
        if claim := deliver(connection, each, State.FINISHED):
            claims.add(claim)
    claims.keep()
    assert all(each.is_done() for each in wanted)


@pytest.mark.parametrize("then", ["another sweep", "the trash", "anew"])
def test_killed_before_its_receipt(then: str, home: Path, tmp_path: Path) -> None:
    store = locate(Tracking(uri=f"sqlite:///{tmp_path}/mlflow.db"), home)
    connection = killed(home, store)
    client, of_b = connection.client, "tags.sweep LIKE '%B-2%'"
    first = [run.info.run_id for run in client.search_runs([connection.experiment_id])]
    if then == "the trash":
        for run_id in first:
            client.delete_run(run_id)
    sent_again(connection, home, store, "B-2", anew=then == "anew")
    found = client.search_runs([connection.experiment_id], of_b)
    assert len(found) == len(client.search_runs([connection.experiment_id])) == 2
    assert ({run.info.run_id for run in found} == {*first}) is (then == "another sweep")
    for run in found:
        for name in run.data.metrics:
            steps = [point.step for point in client.get_metric_history(run.info.run_id, name)]
            assert len(steps) == len({*steps}), name

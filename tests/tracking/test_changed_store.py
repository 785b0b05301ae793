"""A store that comes back as another one, where a stranger's experiment has our id: nothing lands there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from octant.runs.settings import Tracking
from octant.tracking import shipper
from octant.tracking.receipt import Delivery, State, journals
from octant.tracking.store import Connection, client_of, connect, locate
from support.command import Database, run_octant

TINY = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=1")


@pytest.mark.filterwarnings("ignore")  # MLflow's own, when a thread imports it
def test_runs_avoid_a_strangers_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    assert run_octant(home, *TINY).returncode == 0
    (home / "mlflow.db").unlink()
    shutil.rmtree(home / "artifacts")
    (journal,) = journals(home)
    (receipt,) = journal.folder.glob("tracking-*.json")
    unknown = dict.fromkeys(("run_id", "model_id", "creating", "status"))
    receipt.write_text(json.dumps(json.loads(receipt.read_text()) | unknown | {"sent": 0, "described": False}))
    store = locate(Tracking(), home)
    client = client_of(store)
    stranger = client.create_experiment("stranger")
    stale = [Connection(client, stranger, "octant")]  # as it was before the store went away
    monkeypatch.setattr(shipper, "connect", lambda *given: stale.pop() if stale else connect(*given))
    shipping = shipper.Shipper(store, "octant", [Delivery(journal, store.key("octant"))], lambda _: None)
    shipping.mark(journal.fingerprint, State.FINISHED)
    shipping.start()
    assert shipping.finish(10.0), shipping.error
    where = Database(home).query(
        "select e.name, count(*) from runs join experiments e using (experiment_id) group by 1"
    )
    assert where == [("octant", 1)]
    told = "select count(*) from experiment_tags t join experiments e using (experiment_id) where e.name = 'stranger'"
    assert Database(home).query(told) == [(0,)]

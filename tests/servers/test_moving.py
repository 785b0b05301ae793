"""Moving house, between two SQLite stores: held while it is read, and nothing lost or doubled by a kill.

test_server.py moves into the real server.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from octant.errors import InputError
from octant.runs.settings import Tracking
from octant.servers.move import _copy_receipts, move
from octant.tracking.pack import pack_runs, packable
from octant.tracking.receipt import journals, placed
from octant.tracking.store import Store, locate
from octant.tracking.upkeep import deliveries
from support.command import Database, environment, run_octant

RUNS = ("experiment=smoke", "engine=numpy", "hidden_units=4", "batch_size=100", "epochs=1", "seed=0")

STARTED_ONCE = """
import sys
from pathlib import Path
from octant.runs.settings import Tracking
from octant.tracking.store import client_of, locate

client_of(locate(Tracking(), Path(sys.argv[1])))
"""

KILLED_BEFORE_COMMIT = """
import os, signal, sys
from pathlib import Path
from octant.runs.settings import Tracking
from octant.servers.move import _copy_receipts, move
from octant.tracking.store import locate

state, there = Path(sys.argv[1]), sys.argv[2]
old, new = locate(Tracking(), state), locate(Tracking(uri=there), state)

def die():
    print(_copy_receipts(state, old, new), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

move(old, there, sys.argv[3], die)
"""


@pytest.fixture
def old(tmp_path: Path) -> Store:
    """A store with eight runs."""
    done = run_octant(tmp_path / "home", *RUNS)
    assert done.returncode == 0, done.stderr
    return locate(Tracking(), tmp_path / "home")


@pytest.fixture
def new(tmp_path: Path) -> Store:
    """A store that was started once."""
    made = [sys.executable, "-c", STARTED_ONCE, str(tmp_path / "new")]
    subprocess.run(made, env=environment(tmp_path / "new"), check=True)
    return locate(Tracking(uri=f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}"), tmp_path)


def test_move_keeps_every_row(old: Store, new: Store, tmp_path: Path) -> None:
    def writer_waits() -> None:
        other = sqlite3.connect(tmp_path / "home" / "mlflow.db", timeout=0)
        with closing(other), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("begin immediate")

    counts = move(old, new.uri, str(tmp_path / "files"), writer_waits)
    assert counts["runs"] == 8 + 8 + 1  # the means and the report
    before, after = Database(tmp_path / "home"), Database(tmp_path / "new")
    assert after.histories() == before.histories()
    assert len(after.histories()) == 8 * 13  # metrics of a record, diagnostics among them
    ids = "select run_uuid, status, start_time from runs order by 1"
    assert after.query(ids) == before.query(ids)
    assert len(list((tmp_path / "files").rglob("config.yaml"))) == 8
    assert not after.query("select 1 from runs where artifact_uri not like 'mlflow-artifacts:/%'")
    with closing(sqlite3.connect(tmp_path / "home" / "mlflow.db", timeout=0)) as other:
        other.execute("begin immediate")  # free again
    with pytest.raises(InputError, match="already has runs"):
        move(old, new.uri, str(tmp_path / "files"), lambda: None)


def test_killed_run_is_done(tmp_path: Path) -> None:
    """Its journal holds no more than the store: nothing is open."""
    home = tmp_path / "home"
    assert run_octant(home, *RUNS[1:]).returncode == 0
    (journal,) = journals(home)
    lines = (journal.folder / "epochs.jsonl").read_bytes().splitlines(keepends=True)
    (journal.folder / "epochs.jsonl").write_bytes(b"".join(lines[:-1]))  # as it was a moment before the end
    (receipt,) = journal.folder.glob("tracking-*.json")
    kept = json.loads(receipt.read_text())
    receipt.write_text(json.dumps(kept | {"status": "RUNNING"}))
    assert len(deliveries(home, done=False)) == 1
    receipt.write_text(json.dumps(kept | {"status": "KILLED"}))
    assert not deliveries(home, done=False)
    with journal.lock():
        assert len(deliveries(home, done=False)) == 1
    receipt.write_text(json.dumps(kept | {"status": "KILLED", "sent": kept["sent"] - 1}))
    assert len(deliveries(home, done=False)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("then", ["move", "launch"])
def test_killed_move_loses_nothing(then: str, old: Store, new: Store, tmp_path: Path) -> None:
    arguments = [str(tmp_path / "home"), new.uri, str(tmp_path / "files")]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_COMMIT, *arguments],
        env=environment(tmp_path / "home"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert killed.stdout == "8\n"  # the receipts are there, the rows are not
    assert Database(tmp_path / "new").statuses() == {}
    if then == "move":
        assert move(old, new.uri, str(tmp_path / "files"), lambda: None)["runs"] == 8 + 8 + 1
    else:
        again = run_octant(tmp_path / "home", *RUNS, f"tracking.uri={new.uri}")
        assert again.returncode == 0, again.stderr
        assert "0 trained, 8 were there already" in again.stdout
    assert Database(tmp_path / "new").statuses() == {"FINISHED": 8}
    assert Database(tmp_path / "new").histories() == Database(tmp_path / "home").histories()


def test_packed_runs_move(old: Store, new: Store, tmp_path: Path) -> None:
    state = tmp_path / "home"
    assert pack_runs(packable(journals(state)), state) == 8
    move(old, new.uri, str(tmp_path / "files"), lambda: _copy_receipts(state, old, new))
    assert len(list(placed(state, old))) == len(list(placed(state, new))) == 8
    assert all(each.is_done() for each in placed(state))
    assert len(packable(journals(state))) == 8

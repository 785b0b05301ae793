"""A run whose journal is gone: doctor ends it, the same command replaces it, other folders' runs are left alone."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from octant import home as places
from octant.runs.disk import read_json
from octant.runs.journal import Journal
from octant.tracking.receipt import Delivery
from support.command import Database, run_here, run_octant

ONE = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=2")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("original") / "home"
    assert run_octant(home, *ONE).returncode == 0
    return home


@pytest.fixture
def home(original: Path, tmp_path: Path) -> Path:
    """A copy whose run is the copy's own."""
    there = Path(shutil.copytree(original, tmp_path / "home"))
    change(there, f"update tags set value = '{places.tag(there)}' where key = 'state'")
    return there


def change(home: Path, text: str) -> None:
    with closing(sqlite3.connect(home / "mlflow.db")) as store, store:
        store.execute(text)


def left_running(home: Path) -> None:
    """The store and no more, as when the machine went down and the journals' folder after it."""
    change(home, "update runs set status = 'RUNNING', end_time = null")
    shutil.rmtree(home / "journal")


def doctor(home: Path) -> str:
    done = run_octant(home, "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_doctor_ends_abandoned_runs(home: Path, tmp_path: Path) -> None:
    left_running(home)
    moved = home.rename(tmp_path / "moved")
    assert "stores: 1 marked KILLED whose journal is gone" in doctor(moved)
    assert Database(moved).statuses() == {"KILLED": 1}
    assert "stores: have everything" in doctor(moved)


def test_doctor_leaves_other_folders_runs(home: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(home, tmp_path / "copy"))
    left_running(copy)
    assert "stores: 1 RUNNING elsewhere" in doctor(copy)
    change(copy, "delete from tags where key = 'state'")  # made by an older octant
    assert "stores: 1 RUNNING elsewhere" in doctor(copy)
    assert Database(copy).statuses() == {"RUNNING": 1}


def test_doctor_leaves_what_is_trained(home: Path) -> None:
    """Its receipt is lost, its lock is held."""
    change(home, "update runs set status = 'RUNNING', end_time = null")
    (folder,) = (home / "journal").iterdir()
    next(folder.glob("tracking-*.json")).unlink()
    with Journal(folder).lock():
        assert "KILLED" not in doctor(home)
    assert Database(home).statuses() == {"RUNNING": 1}
    assert "1 marked KILLED" in doctor(home)


@pytest.mark.parametrize("was", ["RUNNING", "FINISHED"])
@pytest.mark.parametrize("seeds", ["0", "0,1"])
def test_same_command_leaves_one_run(was: str, seeds: str, home: Path) -> None:
    """Within another sweep, too."""
    left_running(home)
    change(home, f"update runs set status = '{was}'")
    assert run_octant(home, "-m", *ONE, f"seed={seeds}").returncode == 0
    assert Database(home).statuses() == {"FINISHED": len(seeds.split(","))}
    replaced = "select count(*) from runs join tags using (run_uuid) where key = 'replaced' and status = "
    assert Database(home).query(f"{replaced} '{was}' and lifecycle_stage = 'deleted'") == [(1,)]


def test_strangers_run_is_kept(home: Path) -> None:
    left_running(home)
    change(home, f"update tags set value = '{32 * 'a'}' where key = 'state'")
    assert run_octant(home, *ONE).returncode == 0
    assert Database(home).statuses() == {"FINISHED": 1, "RUNNING": 1}


def test_lost_receipt_finds_its_run(home: Path) -> None:
    (path,) = home.glob("journal/*/tracking-*.json")
    run_id = (read_json(path) or {})["run_id"]
    path.unlink()
    assert run_octant(home, "-m", *ONE, "seed=0,1").returncode == 0
    assert (read_json(path) or {})["run_id"] == run_id
    assert Database(home).statuses() == {"FINISHED": 2}


def test_copied_folder_has_another_tag(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as many:
        (tag,) = set(many.map(lambda _: places.tag(tmp_path / "a"), range(50)))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert places.tag(tmp_path / "b") != tag
    (tmp_path / "a").rename(tmp_path / "c")
    assert places.tag(tmp_path / "c") == tag
    (tmp_path / "c" / "id").write_text("torn")
    assert places.tag(tmp_path / "c") == places.tag(tmp_path / "c") != tag


def test_doctor_reads_few_receipts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no run is RUNNING, there is none to be matched with them."""
    reads, receipt = [], Delivery.receipt
    monkeypatch.setattr(Delivery, "receipt", lambda self: reads.append(self) or receipt(self))
    assert run_here(home, "doctor") == 0
    assert 0 < len(reads) <= 10

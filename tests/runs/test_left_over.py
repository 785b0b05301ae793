"""Locks that somebody holds, drafts that kills have left, and who may read the state folder."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from octant import home as places
from octant.errors import StoreAway
from octant.runs.disk import locked, say_waiting
from octant.runs.pool import train_all
from octant.runs.run import Outcome
from octant.runs.settings import Tracking, parse_launch
from octant.runs.sweep import prepare_sweep
from octant.tracking import store
from support.command import environment, run_octant
from support.settings import settings

ROOT = Path(__file__).parents[2]
ONE = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=2")


@pytest.fixture(autouse=True)
def unsaid() -> None:
    say_waiting.cache_clear()


def test_held_run_is_waited_for_aloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(places, "state", lambda: tmp_path)
    values = settings(hidden_units=3, epochs=1, batch_size=100).model_dump()
    (job,) = prepare_sweep([parse_launch(values | {"experiment": {"name": "x"}, "tracking": {}})], "octant").runs
    lock = job.journal.lock()
    lock.__enter__()
    free = threading.Timer(8, lock.__exit__, (None, None, None))
    free.start()
    with closing(train_all([job], 1)) as results:
        said = [result[1].outcome for result in results if result]
    free.join()
    assert said == [Outcome.FINISHED]
    assert capsys.readouterr().err.count(f"{job.journal.folder}/lock") == 1


@pytest.mark.filterwarnings("ignore")  # MLflow's own, at its import
def test_held_store_ends_the_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 3.0)
    began = time.monotonic()
    with locked(tmp_path / "store.lock"), pytest.raises(StoreAway, match=r"store\.lock"):
        store.client_of(store.locate(Tracking(), tmp_path))
    assert time.monotonic() - began < 60
    assert capsys.readouterr().err == f"octant: waiting for another process, which holds {tmp_path}/store.lock\n"


@pytest.mark.slow
@pytest.mark.parametrize("command", [ONE, ("doctor",)], ids=["launch", "doctor"])
def test_commands_end_before_a_held_store(command: tuple[str, ...], tmp_path: Path) -> None:
    assert run_octant(tmp_path, *ONE).returncode == 0
    with locked(tmp_path / "store.lock"):
        done = run_octant(tmp_path, *command)
    assert done.returncode == 75, done.stderr
    assert "store.lock" in done.stderr


def aged(path: Path, seconds: float, *, folder: bool = False) -> Path:
    path.mkdir(parents=True) if folder else path.write_bytes(b"half")
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_launch_removes_old_drafts(tmp_path: Path) -> None:
    assert run_octant(tmp_path, *ONE).returncode == 0
    (folder,) = (tmp_path / "journal").iterdir()
    with subprocess.Popen(["true"]) as ended:
        gone = ended.pid
    old = [aged(folder / f"run.json.{gone}.tmp", 100), aged(folder / f"checkpoint.npz.{os.getpid()}.tmp", 90_000),
           aged(tmp_path / "cache" / f".partial-{gone}-x", 100, folder=True),
           aged(tmp_path / "cache" / ".partial-x", 90_000, folder=True),
           aged(tmp_path / "mlflow.db.draft", 0), aged(tmp_path / "mlflow.db.draft-journal", 0)]  # fmt: skip
    at_work = [aged(folder / f"run.json.{os.getpid()}.tmp", 100), aged(folder / f"checkpoint.npz.{gone}.tmp", 5),
               aged(tmp_path / "cache" / f".partial-{os.getpid()}-y", 100, folder=True),
               aged(tmp_path / "cache" / ".partial-y", 100, folder=True)]  # fmt: skip
    assert run_octant(tmp_path, *ONE).returncode == 0
    assert [path.name for path in old if path.exists()] == []
    assert [path.name for path in at_work if not path.exists()] == []


@pytest.mark.parametrize("command", [("octant", *ONE), ("octant", "-m", *ONE, "seed=0,1")], ids=["run", "sweep"])
def test_state_folder_is_private(command: tuple[str, ...], tmp_path: Path) -> None:
    home = tmp_path / "parent" / "home"
    run = "import os, runpy, sys; os.umask(0o022); runpy.run_module('octant', run_name='__main__', alter_sys=True)"
    subprocess.run([sys.executable, "-c", run, *command[1:]], env=environment(home), check=True, capture_output=True)
    assert home.stat().st_mode & 0o777 == 0o700
    assert "open to others" not in run_octant(home, "doctor").stdout
    home.chmod(0o750)
    assert "mode 750); to close it: chmod 700" in run_octant(home, "doctor").stdout
    assert home.stat().st_mode & 0o777 == 0o750


def test_reset_empties_linked_folder(tmp_path: Path) -> None:
    target = tmp_path / "disk"
    (target / "artifacts" / "x").mkdir(parents=True)
    for path in (target / "README.md", target / "mlflow.db", target / "artifacts" / "x" / "README.md"):
        path.write_text("x")
    (tmp_path / "mlruns").symlink_to(target)
    command = ["make", "--no-print-directory", "-f", str(ROOT / "Makefile"), "reset", "YES=1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "mlruns/ is empty\n"), done.stderr
    assert [path.name for path in target.iterdir()] == ["README.md"]

"""What people and disks do to a state folder: files damaged, folders moved, runs deleted in MLflow's page."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from support.command import Database, environment, run_octant
from support.services import wait_for

LONG = ("-m", "engine=numpy", "hidden_units=4", "batch_size=100", "epochs=400", "workers=1")
ONE = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=2")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("original") / "home"
    assert run_octant(home, *ONE).returncode == 0
    return home


@pytest.fixture
def swept(original: Path, tmp_path: Path) -> Path:
    """A copy, which is to find its own files, too."""
    return Path(shutil.copytree(original, tmp_path / "home"))


def journal(home: Path) -> Path:
    return sorted((home / "journal").iterdir())[0]


def receipt(home: Path) -> Path:
    return next(journal(home).glob("tracking-*.json"))


def client(home: Path) -> MlflowClient:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, of SQLAlchemy
        found = MlflowClient(f"sqlite:///{home}/mlflow.db")
        found.search_experiments()
    return found


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def delete_experiment(home: Path) -> None:
    client(home).delete_experiment("1")


def rename_experiment(home: Path) -> None:
    client(home).rename_experiment("1", "mine of old")


def trash_a_run(home: Path) -> None:
    client(home).delete_run(json.loads(receipt(home).read_text())["run_id"])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "run.json cut": lambda home: cut(journal(home) / "run.json"),
    "receipt cut": lambda home: cut(receipt(home)),
    "receipt gone": lambda home: receipt(home).unlink(),
    "receipt without its experiment": lambda home: receipt(home).write_text('{"store": "local", "sent": 0}'),
    "checkpoint cut": lambda home: cut(journal(home) / "checkpoint.npz"),
    "last epoch's line torn": lambda home: cut(journal(home) / "epochs.jsonl"),
    "store gone": lambda home: (home / "mlflow.db").unlink(),
    "run in the trash": trash_a_run,
    "experiment in the trash": delete_experiment,
    "experiment renamed": rename_experiment,
}


# Where doctor misses the run.
GONE = ["store gone", "run in the trash", "experiment in the trash", "experiment renamed"]


@pytest.mark.parametrize("what", DAMAGE)
def test_same_command_mends_it(what: str, swept: Path) -> None:
    """One finished run in the experiment, each step of each metric once, whatever happened.

    Doctor says what the store no longer shows and brings nothing back: the user may have meant it.
    """
    DAMAGE[what](swept)
    doctor = run_octant(swept, "doctor")
    assert "Traceback" not in doctor.stderr
    if what in GONE:
        assert doctor.returncode == 0, doctor.stderr
        assert "1 deleted there, or in the trash" in doctor.stdout
    assert (swept / "mlflow.db").exists() == (what != "store gone")
    again = run_octant(swept, *ONE)
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("1 run: ")
    found = client(swept)
    experiment = found.get_experiment_by_name("octant")
    assert experiment
    runs = found.search_runs([experiment.experiment_id], "tags.fingerprint like '%'")
    assert sorted(run.data.params["seed"] for run in runs) == ["0"]
    for run in runs:
        assert run.info.status == "FINISHED"
        assert [point.step for point in found.get_metric_history(run.info.run_id, "test_accuracy")] == [0, 1, 2]


def test_damaged_cache_is_noticed_by_all(swept: Path) -> None:
    """By doctor, by rerun, by a launch: each gives the numbers of the whole one."""
    (path,) = (swept / "cache").glob("*/X.npy")
    content = path.read_bytes()
    worse = content[:5000] + bytes(byte ^ 0x40 for byte in content[5000:400_000]) + content[400_000:]
    path.write_bytes(worse)
    doctor = run_octant(swept, "doctor")
    assert "data cache: 1 damaged" in doctor.stdout, doctor.stderr
    assert not path.exists()
    before = Database(swept).histories()
    assert run_octant(swept, *ONE, "rerun=true").returncode == 0
    assert path.read_bytes() == content
    path.write_bytes(worse)
    rerun = run_octant(swept, "rerun", json.loads(receipt(swept).read_text())["run_id"])
    assert "bit-identical" in rerun.stdout, rerun.stdout + rerun.stderr
    path.write_bytes(worse)
    assert run_octant(swept, *ONE, "rerun=true").returncode == 0
    assert Database(swept).histories() == before


def test_doctor_vouches_for_no_silent_store(swept: Path) -> None:
    told = json.loads(receipt(swept).read_text())
    receipt(swept).write_text(json.dumps(told | {"store": "http://127.0.0.1:1"}))
    doctor = run_octant(swept, "doctor")
    assert "stores: 1 not looked at" in doctor.stdout
    assert "does not answer" in doctor.stderr
    assert doctor.returncode == 75


def test_state_folder_may_move(swept: Path, tmp_path: Path) -> None:
    there = swept.rename(tmp_path / "there")
    again = run_octant(there, *ONE)
    assert "0 trained, 1 was there already" in again.stdout, again.stderr
    assert Database(there).statuses() == {"FINISHED": 1}
    assert not swept.exists()
    rerun = run_octant(there, "rerun", json.loads(receipt(there).read_text())["run_id"])
    assert "bit-identical" in rerun.stdout, rerun.stderr


def test_what_rerun_replaced_stays_in_the_trash(swept: Path) -> None:
    assert run_octant(swept, *ONE, "rerun=true").returncode == 0
    delete_experiment(swept)
    assert run_octant(swept, *ONE).returncode == 0
    assert Database(swept).statuses() == {"FINISHED": 1}


def test_sqlite_journal_is_not_rolled_back(swept: Path) -> None:
    code = (
        "import os, sqlite3\n"
        f"db = sqlite3.connect('{swept}/mlflow.db')\n"
        "db.execute('pragma cache_size=5')\ndb.execute('begin immediate')\n"
        'db.execute("update tags set value = value || \'x\'")\ndb.execute("update metrics set value = 0")\n'
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (swept / "mlflow.db-journal").stat().st_size
    (swept / "mlflow.db").unlink()
    assert run_octant(swept, *ONE).returncode == 0
    assert sqlite3.connect(swept / "mlflow.db").execute("pragma integrity_check").fetchall() == [("ok",)]


def test_each_launch_reports_its_own_sweep(tmp_path: Path) -> None:
    """The other's runs may be among its own: then it says what it lacks."""
    four, two = (*LONG, "seed=0,1,2,3"), (*LONG, "seed=0,1")
    first = subprocess.Popen(
        [sys.executable, "-m", "octant", *four],
        env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: list(tmp_path.glob("journal/*/epochs.jsonl")), 60, "the first run")
    second = run_octant(tmp_path, *two)
    said, complained = first.communicate()
    assert (first.returncode, second.returncode) == (0, 0), complained + second.stderr
    counted = "2 of the 4 runs" in complained
    assert counted or said.split("seeds")[1].split("\n")[1].split()[-1] == "4", said + complained


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGTERM])
def test_closed_terminal_ends_as_it_should(how: signal.Signals, tmp_path: Path) -> None:
    """The run is KILLED, the exit code tells of the signal, with no stdout and no stderr to write to."""
    command = f"exec {sys.executable} -m octant engine=numpy epochs=100000 >&- 2>&-"
    # Under nohup SIGHUP is ignored, by octant too, and children inherit that.
    process = subprocess.Popen(
        ["sh", "-c", command],
        env=environment(tmp_path),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    database = Database(tmp_path)
    wait_for(lambda: (tmp_path / "mlflow.db").exists() and database.statuses() == {"RUNNING": 1}, 60, "the run")
    process.send_signal(how)
    assert process.wait(timeout=60) == 128 + how
    assert database.statuses() == {"KILLED": 1}


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b"])
def test_unnameable_folder_is_refused(name: str, tmp_path: Path) -> None:
    done = run_octant(tmp_path / name, *ONE)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "use another folder" in done.stderr
    assert os.listdir(tmp_path) == []  # noqa: PTH208

"""What each command says of a store that is locked, is somebody else's or is no store: one line, 75 or 2."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from support.command import run_octant
from support.warm import Warm

ONE = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=2")
COMMANDS: dict[str, tuple[str, ...]] = {
    "octant": ONE,
    "report": ("report", "octant"),
    "rerun": ("rerun", "RUN"),
    "predict": ("predict", "arrays.npz", "--model", "RUN"),
    "promote": ("promote", "octant"),
    "serve": ("serve",),
    "sync": ("sync",),
    "doctor": ("doctor",),
    "portraits": ("portraits", "RUN"),
    "move": ("move",),
}
SERVER = {"MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg2://ann:word@127.0.0.1:1/octant",
          "MLFLOW_TRACKING_URI": "http://127.0.0.1:1", "MLFLOW_AUTH_ADMIN_USERNAME": "ann",
          "MLFLOW_AUTH_ADMIN_PASSWORD": "a-password-for-tests", "MLFLOW_FLASK_SERVER_SECRET_KEY": "the-tests-own-key",
          "MLFLOW_ARTIFACTS_DESTINATION": "/tmp/nowhere"}  # fmt: skip


@contextmanager
def locked(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database)) as holder:
        holder.execute("begin exclusive")
        yield
        holder.rollback()


@contextmanager
def instead(database: Path, make: Callable[[Path], object]) -> Iterator[None]:
    database.unlink()
    make(database)
    yield


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("create table holidays (day text)")


def other_experiments(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("create table experiments (name text)")


FAULTS: dict[str, tuple[int, Callable[[Path], object]]] = {
    "locked": (75, locked),
    "foreign": (2, lambda path: instead(path, foreign)),
    "other experiments": (2, lambda path: instead(path, other_experiments)),
    "no database": (2, lambda path: instead(path, lambda here: here.write_text("not a database\n" * 99))),
    "folder": (2, lambda path: instead(path, Path.mkdir)),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("original") / "home"
    assert run_octant(home, *ONE).returncode == 0
    return home


def run_id(home: Path) -> str:
    return str(json.loads(next(home.glob("journal/*/tracking-*.json")).read_text())["run_id"])


def run(warm: Warm, home: Path, command: str) -> subprocess.CompletedProcess[str]:
    words = (each.replace("RUN", run_id(home)) for each in COMMANDS[command])
    return warm.run(home, *words, **(SERVER if command == "move" else {"OCTANT_PORT": "5999"}))


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_faulty_stores_are_one_line(command: str, fault: str, original: Path, warm: Warm, tmp_path: Path) -> None:
    if (command, fault) == ("octant", "locked"):
        pytest.skip("a launch waits for it: test_outage.py")
    home = Path(shutil.copytree(original, tmp_path / "home"))
    if command == "sync":
        receipt = next(home.glob("journal/*/tracking-*.json"))
        receipt.write_text(json.dumps(json.loads(receipt.read_text()) | {"status": "RUNNING"}))
    expected, harm = FAULTS[fault]
    with harm(home / "mlflow.db"):  # type: ignore[attr-defined]
        done = run(warm, home, command)
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == expected, done.stderr


@pytest.mark.parametrize("text", ["", "- 1\n", "just words\n", "a: [\n", "loss: nothing\n", "\x00\x01"])
def test_unusable_config_cannot_be_repeated(text: str, original: Path, warm: Warm, tmp_path: Path) -> None:
    home = Path(shutil.copytree(original, tmp_path / "home"))
    (config,) = (home / "artifacts").rglob("config.yaml")
    config.write_text(text)
    done = run(warm, home, "rerun")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "config.yaml" in done.stderr


def test_empty_database_file_is_filled(original: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(original, tmp_path / "home"))
    os.truncate(home / "mlflow.db", 0)
    assert run_octant(home, *ONE).returncode == 0

"""A signal while MLflow lags behind the journals: no run is left RUNNING, and the last line tells what is unsent."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.command import Database, environment, run_octant
from support.services import wait_for

SHORT = ("-m", "engine=numpy", "hidden_units=4", "batch_size=200", "epochs=1", "seed=range(150)")
LONG = ("engine=numpy", "hidden_units=4", "batch_size=300", "epochs=6000")

# Each request takes longer, as on a busy disk or from a far server.
SLOW_STORE = """
import signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup lets it be ignored, and octant leaves it so
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from octant.cli.main import main

def slowly(name):
    real = getattr(SqlAlchemyStore, name)
    def late(*given, **named):
        time.sleep(float({delay}))
        return real(*given, **named)
    setattr(SqlAlchemyStore, name, late)

for name in ("log_batch", "log_inputs", "create_run", "create_logged_model"):
    slowly(name)
if {by_client}:  # MLflow's client sends what is over, too, request by request
    from octant.tracking import rows
    rows.SCHEMA = "another"
main()
"""


def launch(home: Path, *arguments: str, delay: float = 0.0, by_client: bool = False) -> subprocess.Popen[str]:
    code = SLOW_STORE.replace("{delay}", str(delay)).replace("{by_client}", str(by_client))
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(
        command, env=environment(home), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )


def count(home: Path, text: str) -> int:
    try:
        return int(str(Database(home).query(text)[0][0]))
    except sqlite3.Error:
        return 0  # the store does not exist yet


def trained(home: Path) -> int:
    return sum('"outcome"' in path.read_text() for path in (home / "journal").glob("*/epochs.jsonl"))


def stopped(process: subprocess.Popen[str], how: signal.Signals) -> str:
    """Stop the launch; its last line."""
    began = time.monotonic()
    process.send_signal(how)
    _, said = process.communicate()
    assert time.monotonic() - began < 3.5
    assert process.returncode == 128 + how, said
    return said.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("delay", "runs", "how"),
    [(0.0, 3, signal.SIGTERM), (0.0, 25, signal.SIGINT), (0.3, 2, signal.SIGTERM), (0.6, 1, signal.SIGHUP)],
)
def test_lagging_delivery_leaves_nothing_running(delay: float, runs: int, how: signal.Signals, tmp_path: Path) -> None:
    process = launch(tmp_path, *SHORT, delay=delay)
    wait_for(lambda: count(tmp_path, "select count(*) from runs") >= runs and trained(tmp_path) > runs, 120, "runs")
    said = stopped(process, how)
    statuses = Database(tmp_path).statuses()
    assert "RUNNING" not in statuses, said
    told = re.search(r"(\d+) runs left, (\d+) not yet in MLflow", said)
    assert told, said
    outcomes = trained(tmp_path)
    assert (int(told[1]), int(told[2])) == (150 - outcomes, outcomes - statuses.get("FINISHED", 0))
    sync = run_octant(tmp_path, "sync")
    assert sync.returncode == 0, sync.stderr
    assert Database(tmp_path).statuses()["FINISHED"] == outcomes
    assert all([step for step, _ in points] == [0, 1] for points in Database(tmp_path).histories().values())


@pytest.mark.slow
def test_long_backlog_is_closed_in_time(tmp_path: Path) -> None:
    """Thousands of epochs that the store lacks do not keep the run RUNNING: the rest is sent later, once."""
    assert run_octant(tmp_path, *LONG[:3], "epochs=1").returncode == 0
    assert run_octant(tmp_path, *LONG).returncode == 0
    longest = max((tmp_path / "journal").iterdir(), key=lambda path: (path / "epochs.jsonl").stat().st_size)
    (receipt,) = longest.glob("tracking-*.json")
    kept = json.loads(receipt.read_text())
    unknown = dict.fromkeys(("run_id", "model_id", "creating", "status"))
    receipt.write_text(json.dumps(kept | unknown | {"sent": 0, "described": False}))
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        store.execute("update runs set lifecycle_stage = 'deleted' where run_uuid = ?", (kept["run_id"],))
    process = launch(tmp_path, *LONG, delay=0.1, by_client=True)
    wait_for(lambda: count(tmp_path, "select count(*) from runs where status = 'RUNNING'"), 60, "the open run")
    said = stopped(process, signal.SIGTERM)
    assert Database(tmp_path).statuses() == {"FINISHED": 1, "KILLED": 1}
    assert "0 runs left, 1 not yet in MLflow" in said
    sync = run_octant(tmp_path, "sync")
    assert sync.returncode == 0, sync.stderr
    assert Database(tmp_path).statuses() == {"FINISHED": 2}
    steps = [len(points) for points in Database(tmp_path).histories().values()]
    assert sorted(set(steps)) == [2, 6001]

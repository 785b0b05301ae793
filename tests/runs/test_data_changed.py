"""A data file replaced while a sweep runs: no run is trained on other data than the launch saw."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from octant import home as places
from octant.runs.cluster import task
from octant.runs.disk import locked
from octant.runs.pool import train_all
from octant.runs.run import Outcome
from octant.runs.settings import Ray, parse_launch
from octant.runs.sweep import Sweep, prepare_sweep
from octant.runs.worker import execute
from support.command import Database, environment, run_octant
from support.services import wait_for
from support.settings import settings

RAY = {"cluster": "ray", "tasks": 1, "runs_per_task": 9, "minutes_per_run": 1, "memory_mb": 500, "address": "auto"}


def write(path: Path, seed: int) -> None:
    """Examples with other labels for each seed, put in place as people do: a new file moved over the old."""
    draw = np.random.default_rng(seed)
    np.savez(path.with_name("draft.npz"), X=np.random.default_rng(0).random((60, 4)), y=draw.permutation(60) % 3)
    path.with_name("draft.npz").replace(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path / "mine.npz", 1)
    return tmp_path / "mine.npz"


def launched(data: Path, monkeypatch: pytest.MonkeyPatch, *, seeds: int = 1, **changes: object) -> Sweep:
    """A sweep of short runs that has been checked, and not trained yet."""
    monkeypatch.setattr(places, "state", lambda: data.parent / "state")
    dataset = {"name": "arrays", "path": str(data), "test_fraction": 0.2, "validation_fraction": 0.2}
    base = settings(hidden_units=3, epochs=3, batch_size=5).model_dump() | {"dataset": dataset} | changes
    wanted = [base | {"seed": seed, "experiment": {"name": "x"}, "tracking": {}} for seed in range(seeds)]
    return prepare_sweep([parse_launch(each) for each in wanted], "octant")


def test_runs_on_replaced_data_fail(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = launched(data, monkeypatch, seeds=2).runs
    assert execute(first).outcome is Outcome.FINISHED
    before = data.read_bytes()
    write(data, 2)
    ending = execute(second)
    assert ending.outcome is Outcome.FAILED
    assert ending.reason.startswith("the data changed since the launch: SHA-256 ")
    assert str(data) in ending.reason
    assert second.identity["dataset"]["digest"][:16] in ending.reason
    assert second.journal.read().epochs == []
    data.write_bytes(before)
    assert execute(second).outcome is Outcome.FINISHED


def test_resumed_run_compares_its_data(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = launched(data, monkeypatch).runs
    assert execute(job).outcome is Outcome.FINISHED
    lines = (job.journal.folder / "epochs.jsonl").read_bytes().splitlines(keepends=True)
    (job.journal.folder / "epochs.jsonl").write_bytes(b"".join(lines[:-2]))
    (job.journal.folder / "checkpoint.npz").unlink()
    write(data, 2)
    assert "the data changed since the launch" in execute(job).reason
    assert len(job.journal.read().epochs) == len(lines) - 2


def test_later_launch_sees_new_data(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one process, as where a worker of Ray's serves one launch after another."""
    (old,) = launched(data, monkeypatch).runs
    write(data, 2)
    (new,) = launched(data, monkeypatch).runs
    assert new.fingerprint != old.fingerprint
    assert new.identity["dataset"]["digest"] != old.identity["dataset"]["digest"]
    assert execute(new).outcome is Outcome.FINISHED
    assert "the data changed since the launch" in execute(old).reason


def test_replaced_worker_compares(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first worker is killed in the first run; whoever comes after it meets other data."""
    jobs = launched(data, monkeypatch, seeds=3, epochs=3000).runs  # 5 s each: time to kill the first
    said = {}
    with closing(train_all(jobs, 1)) as results:
        for result in results:
            if result:
                said[result[0].fingerprint] = result[1].reason
            elif not said and jobs[0].journal.read().epochs:
                write(data, 2)
                for pid in holders(jobs[0].journal.folder / "lock"):
                    os.kill(pid, signal.SIGKILL)
    assert "killed" in said[jobs[0].fingerprint]
    for job in jobs[1:]:
        assert "the data changed since the launch" in said[job.fingerprint]


def holders(lock: Path) -> list[int]:
    inode = str(lock.stat().st_ino)
    held = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" not in line]
    return [int(fields[4]) for fields in held if fields[5].split(":")[-1] == inode]


def test_cluster_s_task_compares(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = launched(data, monkeypatch, seeds=2).runs
    folder = data.parent / "state" / "tasks" / "one"
    with locked(folder / "lock"):
        task.write_batch(folder, 0, Ray(**RAY), jobs)
        write(data, 2)
        before = signal.getsignal(signal.SIGTERM)
        task.run_batch(str(folder), 0)
        signal.signal(signal.SIGTERM, before)
    assert task.endings_in(folder, 0).read_text().count("the data changed since the launch") == 2


def test_command_fails_and_says_so(data: Path, tmp_path: Path) -> None:
    """A file replaced in mid-sweep: exit code 1, nothing delivered as finished that saw other data."""
    home, kept = tmp_path / "home", tmp_path / "kept.npz"
    shutil.copy(data, kept)
    command = ("-m", "dataset=arrays", f"dataset.path={data}", "engine=numpy", "hidden_units=8", "epochs=1500",
               "batch_size=5", "workers=1", "seed=0,1,2")  # fmt: skip
    sweep = subprocess.Popen(
        [sys.executable, "-m", "octant", *command],
        env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: list(home.glob("journal/*/epochs.jsonl")), 120, "the first run")
    write(data, 2)
    _, complained = sweep.communicate()
    assert sweep.returncode == 1, complained
    assert complained.count("the data changed since the launch") >= 2
    assert "Traceback" not in complained
    statuses = Database(home).statuses()
    assert statuses["FAILED"] == 2, statuses
    shutil.copy(kept, data)
    assert run_octant(home, *command).returncode == 0
    assert Database(home).statuses() == {"FINISHED": 3}
    fresh = tmp_path / "fresh"
    assert run_octant(fresh, *command).returncode == 0
    assert Database(fresh).histories() == Database(home).histories()

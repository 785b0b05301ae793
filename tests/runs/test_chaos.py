"""Kills at random moments, a worker's death, a crowd on one store: the store ends up as if nothing had happened."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.command import Database, environment, run_octant
from support.services import wait_for

EPOCHS = 25
SWEEP = ("experiment=smoke", "engine=numpy", "hidden_units=16", "batch_size=4", f"epochs={EPOCHS}")
RUNS = 16

TRAINED = "(select run_uuid from tags where key = 'fingerprint')"  # not the means, which are made anew
POINTS = f"select key, count(*) from metrics where run_uuid in {TRAINED} group by key order by key"


def launch(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "octant", *arguments]
    return subprocess.Popen(
        command,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def processes(home: Path) -> dict[int, str]:
    """Live processes that work for this state folder, and their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"OCTANT_HOME={home}\0".encode() in (entry / "environ").read_bytes():
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if state != "Z":
                    found[int(entry.name)] = (entry / "cmdline").read_text()
        except OSError:
            continue
    return found


def workers(home: Path, launcher: int) -> list[int]:
    """Worker processes: forked by the fork server, which is the launcher's child."""
    mine = processes(home)

    def parent(pid: int) -> int:
        try:
            return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            return 0

    servers = {pid for pid in mine if parent(pid) == launcher}
    return [pid for pid in mine if parent(pid) in servers]


def in_mid_run(pid: int) -> bool:
    """Whether this worker holds the lock of a run with epochs still to come."""
    try:
        opened = [entry.readlink() for entry in Path(f"/proc/{pid}/fd").iterdir()]
        journals = [path.with_name("epochs.jsonl") for path in opened if path.name == "lock"]
        return any(1 < path.read_bytes().count(b"\n") < EPOCHS for path in journals)
    except OSError:
        return False


def stopped_in_mid_run(home: Path, launcher: int) -> int:
    """A worker that SIGSTOP holds in the middle of a run: what is seen of it now is still so when it is killed."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pid in workers(home, launcher):
            os.kill(pid, signal.SIGSTOP)
            if in_mid_run(pid):
                return pid
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("no worker was seen in mid-run")


def wait_until_empty(home: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while left := processes(home):
        assert time.monotonic() < deadline, f"orphans: {left}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("golden") / "home"
    done = run_octant(home, *SWEEP)
    assert done.returncode == 0, done.stderr
    return home


def assert_equal_to(golden: Path, home: Path) -> None:
    expected, found = Database(golden), Database(home)
    assert found.statuses() == {"FINISHED": RUNS}
    assert found.histories() == expected.histories()
    assert found.query("select count(*) from tags where key = 'fingerprint'") == [(RUNS,)]
    assert found.query(POINTS) == expected.query(POINTS)


@pytest.mark.slow
def test_killed_at_random_moments(golden: Path, tmp_path: Path) -> None:
    seed, kills = int(os.environ.get("OCTANT_SEED", "0")), int(os.environ.get("OCTANT_KILLS", "40"))
    rng = random.Random(seed)
    home, struck = tmp_path / "home", 0
    while struck < kills:
        process = launch(home, *SWEEP, *(["rerun=true"] if struck and struck % 12 == 0 else []))
        time.sleep(rng.uniform(0.2, 6.0))
        if process.poll() is not None:  # it was finished before the blow: begin again
            assert process.returncode == 0, process.communicate()[1]
            process.communicate()
            for path in (home / "journal").glob("*/epochs.jsonl"):
                path.write_bytes(path.read_bytes()[: rng.randrange(0, 2000)])
            continue
        how = rng.choice(["SIGKILL", "SIGTERM", "SIGINT", "worker"])
        victims = workers(home, process.pid) if how == "worker" else []
        if victims:
            os.kill(rng.choice(victims), signal.SIGKILL)
            time.sleep(rng.uniform(0, 1))
        began = time.monotonic()
        os.kill(process.pid, signal.Signals[how] if how != "worker" else signal.SIGKILL)
        _, said = process.communicate()
        if how in ("SIGTERM", "SIGINT") and process.returncode not in (0, 1):
            assert time.monotonic() - began < 3.5
            assert process.returncode in (128 + signal.Signals[how], -signal.Signals[how]), (
                how,
                process.returncode,
                said,
            )
        assert "Traceback" not in said
        wait_until_empty(home, 3.0)
        struck += 1
    last = run_octant(home, *SWEEP)
    assert last.returncode == 0, last.stderr
    if kills >= 12:
        active = Database(home).statuses()
        assert active == {"FINISHED": RUNS}
        assert Database(home).histories() == Database(golden).histories()
    else:
        assert_equal_to(golden, home)


@pytest.mark.slow
def test_killed_worker_costs_its_own_run_only(golden: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = launch(home, *SWEEP)
    os.kill(stopped_in_mid_run(home, process.pid), signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == 1
    assert said.count("its worker was killed") == 1
    assert "seed=" in said
    assert Database(home).statuses() == {"FINISHED": RUNS - 1, "KILLED": 1}
    again = run_octant(home, *SWEEP)
    assert again.returncode == 0, again.stderr
    assert "1 trained, 15 were there already" in again.stdout
    assert_equal_to(golden, home)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_signals_mark_killed_and_end_soon(how: signal.Signals, tmp_path: Path) -> None:
    process = launch(tmp_path, "engine=numpy", "epochs=10000")
    database, deadline = Database(tmp_path), time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline
        try:
            if int(str(database.query("select count(*) from metrics")[0][0])) > 50:
                break
        except Exception:  # noqa: BLE001 - the store does not exist yet
            time.sleep(0.1)
    assert database.statuses() == {"RUNNING": 1}
    began = time.monotonic()
    process.send_signal(how)
    _, said = process.communicate()
    assert time.monotonic() - began < 3.5
    assert process.returncode == 128 + how
    assert "the same command continues" in said
    assert database.statuses() == {"KILLED": 1}
    wait_until_empty(tmp_path, 1.0)


@pytest.mark.slow
def test_doctor_marks_runs_of_sigkill(tmp_path: Path) -> None:
    arguments = ("engine=numpy", f"epochs={EPOCHS}", "hidden_units=16")
    process = launch(tmp_path, *arguments)
    worker = stopped_in_mid_run(tmp_path, process.pid)
    database = Database(tmp_path)
    wait_for(lambda: (tmp_path / "mlflow.db").exists() and database.statuses() == {"RUNNING": 1}, 60, "the run")
    busy = run_octant(tmp_path, "doctor")
    assert "1 being trained now" in busy.stdout
    for pid in (process.pid, worker):
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    wait_until_empty(tmp_path, 3.0)
    assert database.statuses() == {"RUNNING": 1}
    doctor = run_octant(tmp_path, "doctor")
    assert doctor.returncode == 0, doctor.stderr
    assert "1 marked KILLED" in doctor.stdout
    assert database.statuses() == {"KILLED": 1}
    done = run_octant(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert database.statuses() == {"FINISHED": 1}
    for points in database.histories().values():
        assert [step for step, _ in points] == list(range(EPOCHS + 1))


@pytest.mark.slow
def test_sixteen_processes_on_one_fresh_store(tmp_path: Path) -> None:
    tiny = ("engine=numpy", "hidden_units=4", "batch_size=50", "epochs=5")
    crowd = [launch(tmp_path, *tiny, f"seed={seed}") for seed in range(16)]
    for process in crowd:
        _, said = process.communicate()
        assert "Traceback" not in said
        assert process.returncode in (0, 75), said
    sync = run_octant(tmp_path, "sync")
    assert sync.returncode == 0, sync.stdout + sync.stderr
    database = Database(tmp_path)
    assert database.statuses() == {"FINISHED": 16}
    histories = database.histories()
    assert len(histories) == 16 * 13
    assert all([step for step, _ in points] == list(range(6)) for points in histories.values())


@pytest.mark.slow
def test_two_launches_train_no_run_twice(golden: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    pair = [launch(home, *SWEEP) for _ in range(2)]
    printed = []
    for process in pair:
        out, said = process.communicate()
        assert process.returncode == 0, said
        printed.append(out)
    trained = [int(match[1]) for out in printed if (match := re.search(r"(\d+) trained", out))]
    assert sum(trained) == RUNS, printed
    assert_equal_to(golden, home)

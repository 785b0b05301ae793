"""A tracking store that goes away: training goes on, nothing is lost, nothing is sent twice, the end says so."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from octant.runs import launch
from octant.runs.disk import locked
from octant.runs.journal import Journal
from octant.runs.settings import Tracking
from octant.tracking import shipper
from octant.tracking.claims import Claim
from octant.tracking.receipt import Delivery, Receipt, State
from octant.tracking.store import locate
from support.command import Database, environment, run_here, run_octant
from support.services import Service, free_port, wait_for

SWEEP = ("experiment=smoke", "engine=numpy", "hidden_units=16", "batch_size=2", "epochs=20", "workers=1")
OUTAGE_SECONDS = 2.5
TINY = ("engine=numpy", "hidden_units=4", "batch_size=50", "epochs=2")

TRAINED = "(select run_uuid from tags where key = 'fingerprint')"  # not the means, which are made anew
POINTS = f"select key, count(*) from metrics where run_uuid in {TRAINED} group by key order by key"


class Server(Service):
    """A real MLflow server on 127.0.0.1 with a SQLite file of its own; it stops as when its power goes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
        self.spawn(
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", self.port, "--workers", "1",
            "--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db",
            "--artifacts-destination", self.folder / "artifacts", env=environment(self.folder, **quiet),
        )  # fmt: skip
        wait_for(self._up, 90, "the server")

    def _up(self) -> bool:
        assert self.children[0].poll() is None, self.log()
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=1):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        for child in self.children:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self.children.clear()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server")
    yield server
    server.stop()


def times(home: Path) -> list[list[int]]:
    """For each run, the times at which its journal got its lines: milliseconds."""
    journals = (home / "journal").glob("*/epochs.jsonl")
    return [[json.loads(line)["time"] for line in path.read_text().splitlines()] for path in journals]


def with_two_outages(server: Server, home: Path, *sweep: str) -> tuple[int, str]:
    """Launch into the server, stop and start it twice once it has runs; exit code and stderr of the launch."""
    process = subprocess.Popen(
        [sys.executable, "-m", "octant", *sweep, "tracking=server"],
        env=environment(home, MLFLOW_TRACKING_URI=server.address),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: sum(Database(server.folder).statuses().values()) >= 2, 120, "two runs in the store")
    for _ in range(2):
        server.stop()
        time.sleep(OUTAGE_SECONDS)
        server.start()
        time.sleep(1.0)
    _, said = process.communicate()
    return process.returncode, said


@pytest.mark.slow
def test_two_outages_lose_nothing(server: Server, tmp_path: Path) -> None:
    calm = run_octant(tmp_path / "calm", *SWEEP)
    assert calm.returncode == 0, calm.stderr
    server.start()
    home = tmp_path / "home"
    code, said = with_two_outages(server, home, *SWEEP)
    assert "Traceback" not in said
    assert code in (0, 75), said
    sync = run_octant(home, "sync", MLFLOW_TRACKING_URI=server.address)
    assert sync.returncode == 0, sync.stdout + sync.stderr
    found, expected = Database(server.folder), Database(tmp_path / "calm")
    assert found.statuses() == {"FINISHED": 16}
    assert found.histories() == expected.histories()
    assert found.query(POINTS) == expected.query(POINTS)
    assert found.query("select count(*) from tags where key = 'fingerprint'") == [(16,)]
    # The one worker never waited for the server: no pause as long as an outage. benchmarks/outage.py has the ratio.
    lines = sorted(each for run in times(home) for each in run)
    assert max(later - earlier for earlier, later in pairwise(lines)) < 1000 * OUTAGE_SECONDS


GONE_BEFORE_THE_REPORT = """
import os, signal
from octant.analysis.report import reports as report
from octant.cli.main import main

log = report.log

def late(*arguments):
    os.killpg(int(os.environ["SERVER"]), signal.SIGKILL)
    return log(*arguments)

report.log = late
main()
"""


@pytest.mark.slow
def test_server_lost_before_report(server: Server, tmp_path: Path) -> None:
    server.start()
    command = [sys.executable, "-c", GONE_BEFORE_THE_REPORT, "-m", *TINY, "seed=0,1", "tracking=server"]
    env = environment(tmp_path, MLFLOW_TRACKING_URI=server.address, SERVER=str(server.children[0].pid))
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 75, done.stderr
    assert done.stderr.startswith("octant: the runs are stored, the report is not: ")
    assert done.stderr.count("\n") == 1
    assert Database(server.folder).statuses() == {"FINISHED": 2}
    server.stop()
    server.start()
    again = run_octant(tmp_path, *command[3:], MLFLOW_TRACKING_URI=server.address)
    assert again.returncode == 0, again.stderr
    assert Database(server.folder).query("select count(*) from tags where key = 'report_of'") == [(1,)]


@pytest.mark.slow
def test_sync_sends_everything_once(server: Server, tmp_path: Path) -> None:
    secret = f"s3cret{os.getpid()}"  # runs keep the tree's uncommitted changes, which may hold this test's own text
    address = {"MLFLOW_TRACKING_URI": server.address.replace("http://", f"http://ann:{secret}@")}
    began = time.monotonic()
    done = run_octant(tmp_path / "home", *TINY, "tracking=server", **address)
    assert done.returncode == 75, done.stderr
    assert time.monotonic() - began < 60
    assert "their results are safe in" in done.stderr
    assert "octant sync" in done.stderr
    early = run_octant(tmp_path / "home", "sync", **address)
    assert early.returncode == 75
    locked_out = run_octant(tmp_path / "home", "sync")
    assert "set MLFLOW_TRACKING_URI" in locked_out.stderr
    server.start()
    printed = ""
    for expected in ("1 sent", "have everything"):
        sync = run_octant(tmp_path / "home", "sync", **address)
        assert sync.returncode == 0, sync.stderr
        assert expected in sync.stdout
        printed += sync.stdout + sync.stderr
    launched = run_octant(tmp_path / "home", *TINY, "seed=1", "tracking=server", **address)
    assert launched.returncode == 0, launched.stderr
    dead = ("--uri", f"http://ann:{secret}@127.0.0.1:1")
    refused = run_octant(tmp_path / "home", "report", "nothing", *dead)
    assert refused.returncode == 2
    report = run_octant(tmp_path / "home", "report", "nothing", *dead, MLFLOW_TRACKING_URI=dead[1])
    assert report.returncode == 75
    printed += launched.stdout + launched.stderr + report.stdout + report.stderr + refused.stderr
    database = Database(server.folder)
    assert database.statuses() == {"FINISHED": 2}
    assert all([step for step, _ in points] == [0, 1, 2] for points in database.histories().values())
    printed += done.stdout + done.stderr + early.stderr + locked_out.stderr
    kept = "".join(path.read_text(errors="replace") for path in (tmp_path / "home").rglob("*") if path.is_file())
    stored = str(database.query("select * from tags")) + str(database.query("select * from params"))
    assert secret not in printed + kept + stored


@pytest.mark.slow
def test_silent_server_delays_no_training(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        began = time.monotonic()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = run_octant(tmp_path, *TINY, "tracking=server", MLFLOW_TRACKING_URI=address)
        assert done.returncode == 75, done.stderr
        assert time.monotonic() - began < 60
    (journal,) = (tmp_path / "journal").iterdir()
    assert '"finished"' in (journal / "epochs.jsonl").read_text()


@pytest.mark.slow
def test_locked_store_is_waited_for(tmp_path: Path) -> None:
    assert run_octant(tmp_path, *TINY).returncode == 0
    holder = sqlite3.connect(tmp_path / "mlflow.db")
    holder.execute("begin immediate")
    done = run_octant(tmp_path, *TINY, "seed=1")
    assert done.returncode == 75, done.stderr
    assert "Traceback" not in done.stderr
    holder.rollback()
    holder.close()
    sync = run_octant(tmp_path, "sync")
    assert sync.returncode == 0, sync.stderr
    database = Database(tmp_path)
    assert database.statuses() == {"FINISHED": 2}
    assert all([step for step, _ in points] == [0, 1, 2] for points in database.histories().values())


def test_deleted_store_is_filled_again(tmp_path: Path) -> None:
    assert run_octant(tmp_path, *TINY).returncode == 0
    before = Database(tmp_path).histories()
    (tmp_path / "mlflow.db").unlink()
    shutil.rmtree(tmp_path / "artifacts")
    done = run_octant(tmp_path, *TINY)
    assert "1 run: 0 trained, 1 was there already" in done.stdout, done.stderr
    assert Database(tmp_path).histories() == before


def test_kill_leaves_no_broken_store(tmp_path: Path) -> None:
    """Found by the 200 kills: half a schema, on which MLflow fails for ever."""
    home = tmp_path / "home"
    tiny = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=1")
    process = subprocess.Popen(
        [sys.executable, "-m", "octant", *tiny], env=environment(home), stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not ((home / "mlflow.db.draft").exists() and (home / "mlflow.db.draft").stat().st_size):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert not (home / "mlflow.db").exists(), "the schema was not made under another name"
    done = run_octant(home, *tiny)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in home.glob("mlflow.db*")] == ["mlflow.db"]
    assert Database(home).statuses() == {"FINISHED": 1}


@pytest.mark.parametrize("limit", [20_000, 200])
def test_full_disk_is_one_line(tmp_path: Path, limit: int) -> None:
    """No file may grow beyond `limit` bytes: what a full disk does, without needing one."""
    import resource

    other = [word for word in TINY if not word.startswith("epochs=")]

    assert run_octant(tmp_path, *other, "epochs=1").returncode == 0  # data cached, store there
    done = subprocess.run(
        [sys.executable, "-m", "octant", *other, "epochs=300"], env=environment(tmp_path), capture_output=True,
        text=True, check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert done.returncode in (1, 74), done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr or "No space left" in done.stderr
    again = run_octant(tmp_path, *other, "epochs=300")
    assert again.returncode == 0, again.stderr
    steps = [[step for step, _ in points] for points in Database(tmp_path).histories().values()]
    assert steps.count(list(range(301))) == 13  # metrics


@pytest.mark.parametrize(("refusal", "sent"), [(None, True), (OSError("refused"), False)])
def test_slow_store_is_waited_for(
    refusal: OSError | None, sent: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> None:
        if refusal:
            raise refusal
        time.sleep(1.5)

    monkeypatch.setattr(shipper, "connect", connect)
    monkeypatch.setattr(shipper, "forget_missing", lambda *_: None)
    monkeypatch.setattr(shipper, "forget_damaged", lambda *_: None)
    monkeypatch.setattr(shipper, "deliver", lambda _, delivery, *__: Claim(delivery, Receipt(), Receipt()))
    delivery = Delivery(Journal(tmp_path), "key")
    shipping = shipper.Shipper(locate(Tracking(uri=None), tmp_path), "x", [delivery], lambda _: None)
    shipping.mark(delivery.journal.fingerprint, State.FINISHED)
    shipping.start()
    assert shipping.finish(1.0) is sent


@pytest.mark.parametrize("home", ["/dev/null/state", "/proc/state"])
def test_unusable_folder_is_one_line(home: str) -> None:
    done = run_octant(Path(home), *TINY)
    assert done.returncode == 74
    assert done.stderr.count("\n") == 1
    assert home in done.stderr


def test_unknown_trash_is_skipped(tmp_path: Path) -> None:
    assert run_octant(tmp_path, *TINY).returncode == 0
    (tmp_path / "mlflow.db").unlink()
    shutil.rmtree(tmp_path / "artifacts")
    done = run_octant(tmp_path, *TINY, "rerun=true")
    assert done.returncode == 0, done.stderr
    assert Database(tmp_path).statuses() == {"FINISHED": 1}


def fingerprints(home: Path) -> list[str]:
    """Of the runs in the store, by seed: the order in which a launch delivers them."""
    seeds = Database(home).query(
        "select t.value from tags t join params p using (run_uuid) where t.key = 'fingerprint' and p.key = 'seed' "
        "order by cast(p.value as integer)"
    )
    return [str(row[0]) for row in seeds]


@pytest.mark.slow
def test_refused_run_delays_no_other(tmp_path: Path) -> None:
    """Receipts with a place for files that no store has, of two runs; the others are delivered, the end says so."""
    assert run_octant(tmp_path, "-m", *TINY, "seed=0,1,2,3").returncode == 0
    receipts = [next((tmp_path / "journal").glob(f"{found}/tracking-*.json")) for found in fingerprints(tmp_path)]
    others = receipts[2:]
    for path in receipts:
        again = {"status": "RUNNING", "sent": 0, "described": False}
        odd = {} if path in others else {"artifacts": "odd://place"}
        path.write_text(json.dumps(json.loads(path.read_text()) | again | odd))
    done = run_octant(tmp_path, "-m", *TINY, "seed=0,1,2,3")
    assert done.returncode == 75, done.stderr
    assert "2 runs could not be sent" in done.stderr
    assert all(json.loads(path.read_text())["status"] == "FINISHED" for path in others)


def test_hanging_sender_stops_no_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It lets go too late for the second sweep and in time for the third, which then has all four runs."""
    monkeypatch.setattr(launch, "PATIENCE_SECONDS", 4.0)
    assert run_here(tmp_path, "-m", *TINY, "seed=0,1") == 0
    lock = next((tmp_path / "journal").glob("*/tracking-*.json")).with_suffix(".lock")
    capfd.readouterr()
    with locked(lock):
        assert run_here(tmp_path, "-m", *TINY, "seed=0,1,2") == 75
    said = capfd.readouterr().err
    assert f"octant: waiting for another process, which sends {lock.parent.name[:16]} (4 s at most)\n" in said
    assert f"octant: 1 run could not be sent to sqlite:///{tmp_path}/mlflow.db (another process holds {lock}); " in said
    assert said.endswith("; the same command sends them\n")
    assert Database(tmp_path).statuses() == {"FINISHED": 3}
    with ExitStack() as held:
        held.enter_context(locked(lock))
        threading.Timer(2.0, held.close).start()
        assert run_here(tmp_path, "-m", *TINY, "seed=0,1,2,3") == 0
    assert Database(tmp_path).statuses() == {"FINISHED": 4}
    tags = Database(tmp_path).query(f"select value from tags where key = 'sweep' and run_uuid in {TRAINED}")
    assert len({str(value).split()[-1] for (value,) in tags}) == 1


def test_unusable_lock_costs_one_run(tmp_path: Path) -> None:
    assert run_octant(tmp_path, "-m", *TINY, "seed=0,1").returncode == 0
    first = sorted((tmp_path / "journal").iterdir())[0]
    (first / "epochs.jsonl").unlink()
    (first / "lock").unlink()
    (first / "lock").mkdir()
    done = run_octant(tmp_path, "-m", *TINY, "seed=0,1,2")
    assert done.returncode == 1, done.stderr
    assert "Is a directory" in done.stderr
    assert "2 runs" not in done.stdout
    assert Database(tmp_path).query("select count(*) from runs where status = 'RUNNING'") == [(0,)]
    seeds = "select value from params join runs using (run_uuid) where key = 'seed' and status = 'FINISHED' order by 1"
    assert ("2",) in Database(tmp_path).query(seeds)


def test_failed_launch_leaves_none_running(tmp_path: Path) -> None:
    """Even where the store takes its time: nobody waits for the end, as after Ctrl-C."""
    code = (
        "import time\nimport octant.runs.launch as launch\nimport octant.tracking.shipper as shipper\n"
        "from octant.cli.main import main\n"
        "connect = shipper.connect\n"
        "def slowly(*given):\n    time.sleep(3)\n    return connect(*given)\n"
        "shipper.connect = slowly\n"
        "def train(*_):\n    yield None\n    raise OSError(28, 'No space left on device')\n"
        "launch.train_here = train\nmain()\n"
    )
    assert run_octant(tmp_path, *TINY).returncode == 0
    (journal,) = (tmp_path / "journal").iterdir()
    lines = (journal / "epochs.jsonl").read_bytes().splitlines(keepends=True)
    (journal / "epochs.jsonl").write_bytes(b"".join(lines[:-1]))
    (receipt,) = journal.glob("tracking-*.json")
    receipt.write_text(json.dumps(json.loads(receipt.read_text()) | {"status": "RUNNING"}))
    command = [sys.executable, "-c", code, *TINY]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 74, done.stderr
    assert done.stderr == "octant: No space left on device\n"
    assert Database(tmp_path).statuses() == {"KILLED": 1}

"""The power goes: a real ext4 image, copied at random moments, holds what had reached the device and nothing else.

Only root may mount. The file system writes by itself after minutes only, so what octant does not sync is lost.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from octant.runs.journal import Journal
from runs.test_chaos import POINTS, TRAINED, launch, processes, wait_until_empty
from support.command import Database, environment, run_octant
from support.services import wait_for

RUNS, CUTS, AFTER = 6, 30, (0.0, 1.0, 3.0)
SWEEP = ("-m", "engine=numpy", "hidden_units=16", "batch_size=4", "epochs=20", f"seed=range({RUNS})")

# Slow epochs: one request takes all that are new, so the last ones that the store has were written just before.
SENDS, LONG = 12, ("engine=numpy", "hidden_units=16", "batch_size=1", "epochs=5000")
SENT = f"select count(*) from metrics where run_uuid in {TRAINED}"
EPOCHS_SENT = """select distinct t.value, m.step, m.timestamp from metrics m
    join tags t on t.run_uuid = m.run_uuid and t.key = 'fingerprint'"""

# In a mount namespace of its own, so that each copy lies where the disk did.
AGAIN = """
mount -o loop "$1" "$2" || exit 99
image=$1 mounted=$2; shift 2
"$@"; code=$?
cd /
for try in 1 2 3 4 5 6 7 8 9 10; do umount "$mounted" 2>/dev/null && exit $code; sleep 0.3; done
exit 98
"""


@contextmanager
def mounted(image: Path, place: Path, options: str = "loop") -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", options, image, place], check=True, capture_output=True)
    try:
        yield place / "home"
    finally:
        subprocess.run(["umount", place], check=False)


def made_disk(folder: Path) -> Path:
    """A fresh image; where this machine mounts none the test is skipped, in CI it fails."""
    image = folder / "disk.img"
    with image.open("wb") as file:
        file.truncate(128 << 20)
    try:
        subprocess.run(["mkfs.ext4", "-q", image], check=True, capture_output=True)
        with mounted(image, folder / "try"):
            return image
    except (OSError, subprocess.CalledProcessError) as error:
        why = f"no ext4 image can be mounted here, which needs root and loop devices ({error})"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)


def are_stopped(pids: set[int]) -> bool:
    """Whether every thread of these stands still: one in the middle of a sync goes on to its end."""
    for pid in pids:
        for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
            with suppress(OSError):
                if stat.read_text().rsplit(")", 1)[1].split()[0] not in "TtZX":
                    return False
    return True


def stop(home: Path) -> set[int]:
    """SIGSTOP to all that work on this state folder."""
    while True:
        pids = set(processes(home))
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        while not are_stopped(pids):
            time.sleep(0.002)
        if set(processes(home)) <= pids:
            return pids


def cut(home: Path, image: Path, copy: Path) -> None:
    """Copy what is on the device at this moment."""
    device = subprocess.run(["losetup", "-nO", "NAME", "-j", image], capture_output=True, text=True, check=True)
    written = Path(f"/sys/block/{Path(device.stdout.strip()).name}/stat")
    pids = stop(home)
    try:
        while True:
            before = written.read_text().split()[4]
            subprocess.run(["cp", "--sparse=always", image, copy], check=True)
            if written.read_text().split()[4] == before:
                return
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def cut_in_sweeps(folder: Path, rng: random.Random) -> list[Path]:
    """Copies of the disk: CUTS at random moments from the first line to the end, of as many sweeps as that takes, and
    some after exit 0.
    """
    during: list[Path] = []
    after: list[Path] = []
    while len(during) < CUTS:
        image = made_disk(folder)
        with mounted(image, folder / "disk", "loop,commit=300") as home:
            process = launch(home, *SWEEP)
            while process.poll() is None:
                time.sleep(rng.uniform(0.0, 0.15))
                if list(home.glob("journal/*/epochs.jsonl")):
                    during.append(folder / f"{len(during)}.img")
                    cut(home, image, during[-1])
            assert process.returncode == 0, process.communicate()[1]
            process.communicate()
            for seconds in AFTER if len(during) >= CUTS else ():
                time.sleep(seconds)
                after.append(folder / f"after-{seconds}.img")
                cut(home, image, after[-1])
    chosen = rng.sample(during, CUTS)
    for copy in set(during) - set(chosen):
        copy.unlink()
    return chosen + after


def vouched(home: Path) -> list[Path]:
    """What receipts say the store has: the files of finished runs."""
    found: list[Path] = []
    for path in home.glob("journal/*/tracking-*.json"):
        receipt = json.loads(path.read_text())
        if receipt["status"] == "FINISHED":
            run = home / "artifacts" / "octant" / receipt["run_id"] / "artifacts"
            model = home / "artifacts" / "octant" / "models" / receipt["model_id"] / "artifacts"
            found += [run / "config.yaml", run / "test_errors.json", model / "weights.npz", model / "MLmodel"]
            found += [each for each in model.iterdir() if each.is_file()] if model.exists() else []
    return found


def assert_vouched_files_are_there(home: Path) -> None:
    broken = [path for path in vouched(home) if not path.exists() or path.stat().st_size == 0]
    assert not broken, broken


def repaired(copy: Path, place: Path) -> str:
    """The same command on the copied disk; returns what it said if it failed."""
    command = [sys.executable, "-m", "octant", *SWEEP]
    again = ["unshare", "--mount", "sh", "-c", AGAIN, "again", str(copy), str(place), *command]
    done = subprocess.run(again, capture_output=True, text=True, env=environment(place / "home"), check=False)
    return "" if done.returncode == 0 else f"{done.returncode}: {done.stderr}"


@pytest.mark.slow
def test_power_cut_loses_and_doubles_nothing(tmp_path: Path) -> None:
    made_disk(tmp_path)
    golden = tmp_path / "golden"
    assert run_octant(golden, *SWEEP).returncode == 0
    expected = Database(golden)
    copies = cut_in_sweeps(tmp_path, random.Random(int(os.environ.get("OCTANT_SEED", "0"))))
    assert len(copies) == CUTS + len(AFTER)
    for copy in copies:
        with mounted(copy, tmp_path / "look") as home:
            assert_vouched_files_are_there(home)
    with ThreadPoolExecutor(2) as pair:
        said = dict(zip(copies, pair.map(lambda copy: repaired(copy, tmp_path / "disk"), copies), strict=True))
    assert not {copy.name: text for copy, text in said.items() if text}
    for copy in copies:
        with mounted(copy, tmp_path / "look") as home:
            found = Database(home)
            assert found.statuses() == {"FINISHED": RUNS}, copy.name
            assert found.histories() == expected.histories(), copy.name
            assert found.query(POINTS) == expected.query(POINTS), copy.name
            assert len(vouched(home)) >= 12 * RUNS
            assert_vouched_files_are_there(home)


def wait_until_more_is_sent(home: Path) -> None:
    """Until the store has more points; where it is locked this asks again at once, since a sync follows soon."""
    wait_for((home / "mlflow.db").exists, 60, "the store")
    with closing(sqlite3.connect(f"file:{home / 'mlflow.db'}?mode=ro", uri=True, timeout=0)) as store:
        counts, deadline = set(), time.monotonic() + 60
        while len(counts) < 2:
            assert time.monotonic() < deadline, "nothing was sent"
            time.sleep(0.001)
            with suppress(sqlite3.OperationalError):
                counts |= {store.execute(SENT).fetchone()}


def cut_after_sends(folder: Path) -> list[Path]:
    """Copies of the disk, each taken just after the store has accepted epochs of a run that is being trained."""
    copies, image = [folder / f"{number}.img" for number in range(SENDS)], made_disk(folder)
    with mounted(image, folder / "disk", "loop,commit=300") as home:
        process = launch(home, *LONG)
        for copy in copies:
            wait_until_more_is_sent(home)
            os.killpg(process.pid, signal.SIGSTOP)  # at once; `cut` looks for all processes first
            with (home / "other").open("w") as other:
                os.fsync(other.fileno())  # as anybody may: what the store has is on the device, lines may not be
            cut(home, image, copy)
        for pid in stop(home):
            os.kill(pid, signal.SIGKILL)
        process.communicate()
        wait_until_empty(home, 10.0)
    return copies


def sent_without_line(home: Path) -> set[tuple[object, ...]]:
    """Epochs in the store that the journal lacks: they would be trained again and sent with another time."""
    with closing(sqlite3.connect(home / "mlflow.db")) as store:
        sent = set(store.execute(EPOCHS_SENT))
    lines = {path.name: Journal(path).read().epochs for path in (home / "journal").iterdir()}
    return sent - {(name, line["epoch"], line["time"]) for name, epochs in lines.items() for line in epochs}


@pytest.mark.slow
def test_power_cut_takes_no_sent_line(tmp_path: Path) -> None:
    lost = []
    for copy in cut_after_sends(tmp_path):
        with mounted(copy, tmp_path / "look") as home:
            lost.append(len(sent_without_line(home)))
    assert lost == [0] * SENDS

"""Packed runs: read by every command where they lie, unpacked by whoever changes them, lost and doubled by nothing."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from octant.errors import InputError
from octant.home import tag
from octant.runs import packed
from octant.runs.disk import Busy, locked
from octant.runs.journal import Journal
from octant.tracking.pack import pack_runs, packable
from octant.tracking.receipt import journals, placed
from support.command import Database, environment, run_here

SWEEP = ("experiment=smoke", "engine=numpy", "hidden_units=8", "batch_size=8")
RUNS = 16

# Packs and unpacks all runs until it is killed.
BACK_AND_FORTH = """
import sys
from pathlib import Path
from octant.tracking.pack import pack_runs, packable
from octant.tracking.receipt import journals

state = Path(sys.argv[1])
print("ready", flush=True)
while True:
    pack_runs(packable(journals(state)), state)
    for journal in journals(state):
        with journal.lock():
            pass
"""


def contents(home: Path) -> dict[str, bytes]:
    """Every file of every journal, locks and drafts left out, with the pack read by SQLite alone."""
    found = {
        str(path.relative_to(home / "journal")): path.read_bytes()
        for path in (home / "journal").rglob("*")
        if path.is_file() and not path.name.endswith(("lock", ".tmp"))
    }
    if (home / packed.FILE).exists():
        with closing(sqlite3.connect(home / packed.FILE)) as pack_of:
            rows = dict(pack_of.execute("select name, data from sqlar"))
        assert all(rows[name] == found[name] for name in rows.keys() & found.keys())
        found |= rows
    return found


def folders(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "journal").iterdir())


@pytest.fixture(scope="module")
def original(swept: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep in a folder where it was launched again: of a copy the first launch draws the report anew."""
    home = Path(shutil.copytree(swept[0], tmp_path_factory.mktemp("original") / "home"))
    assert run_here(home, *SWEEP) == 0
    return home


@pytest.fixture
def whole(original: Path, tmp_path: Path) -> Path:
    """A copy whose runs lie in their folders, and are its own in the store, too."""
    home = Path(shutil.copytree(original, tmp_path / "home"))
    with closing(sqlite3.connect(home / "mlflow.db")) as store, store:
        store.execute("update tags set value = ? where key = 'state'", (tag(home),))
    return home


@pytest.fixture
def home(whole: Path) -> Path:
    """A copy whose runs are packed."""
    assert pack_runs(packable(journals(whole)), whole) == RUNS
    assert folders(whole) == []
    return whole


def said(home: Path, capfd: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    capfd.readouterr()
    assert run_here(home, *words) == code
    return capfd.readouterr().out.replace(str(home), "HOME")


READERS = [
    SWEEP, ("doctor",), ("sync",), ("prune",), ("report", "smoke"), ("plan", "smoke", "--detect", "1"),
    ("archive", "smoke"),
]  # fmt: skip


def test_commands_read_packed_runs(
    whole: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(whole)
    before = [said(whole, capfd, *words) for words in READERS]
    (table,) = (whole / "reports").glob("*/results.csv")
    kept, histories, results = contents(whole), Database(whole).histories(), table.read_bytes()
    assert pack_runs(packable(journals(whole)), whole) == RUNS
    table.with_name(".kept.json").unlink()  # so that it is written anew
    assert [said(whole, capfd, *words) for words in READERS] == before
    assert folders(whole) == []
    assert (contents(whole), Database(whole).histories(), table.read_bytes()) == (kept, histories, results)


def test_watched_sweep_may_be_packed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from octant.servers.watched import Watched
    from octant.tracking.noted import Noted

    monkeypatch.setenv("OCTANT_HOME", str(home))
    watched = Watched(Noted.read())
    watched.look()
    assert watched.over == RUNS
    assert watched.explored()
    assert folders(home) == []


def test_command_packs_when_told(whole: Path, capfd: pytest.CaptureFixture[str]) -> None:
    kept = contents(whole)
    assert "16 journals of runs that are over" in said(whole, capfd, "pack")
    assert not (whole / packed.FILE).exists()
    assert "16 packed into HOME/packed.sqlar" in said(whole, capfd, "pack", "--yes")
    assert contents(whole) == kept
    assert "0 journals" in said(whole, capfd, "pack", "--yes")
    with pytest.raises(InputError, match="leave it out"):
        run_here(whole, "pack", "--uri", "http://127.0.0.1:1")


def test_unfinished_and_unsent_stay(whole: Path) -> None:
    failed, unsent, live, *_ = journals(whole)
    path = failed.folder / "epochs.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    next(unsent.folder.glob("tracking-*.json")).unlink()
    found = packable(journals(whole))
    with live.lock():
        assert len(packable(journals(whole))) == RUNS - 3
        assert pack_runs(found, whole) == RUNS - 3
    assert folders(whole) == [each.fingerprint for each in (failed, unsent, live)]


def test_rerun_unpacks_its_own(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = Database(home).histories()
    again = (*SWEEP, "loss=mse", "hidden=tanh", "output=softmax", "seed=0", "rerun=true")
    assert "1 run: 1 trained" in said(home, capfd, *again)
    (name,) = folders(home)
    assert name not in packed.fingerprints(home)
    assert len(packed.fingerprints(home)) == RUNS - 1
    database = Database(home)
    assert database.statuses() == {"FINISHED": RUNS}
    assert database.histories() == before
    assert pack_runs(packable(journals(home)), home) == 1
    assert "16 runs: 0 trained" in said(home, capfd, *SWEEP)


@pytest.mark.slow
def test_other_store_gets_packed_runs(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    told = said(home, capfd, *SWEEP, f"tracking.uri=sqlite:///{tmp_path / 'other.db'}")
    assert "0 trained, 16 were there already" in told
    assert len(folders(home)) == RUNS
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        (models,) = other.execute("select count(*) from logged_models").fetchone()
    assert models == RUNS
    assert {len(list(each.folder.glob("tracking-*.json"))) for each in journals(home)} == {2}


def test_sync_mends_from_the_pack(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = next((home / "artifacts").rglob("config.yaml"))
    content = config.read_bytes()
    config.write_bytes(b"")
    assert "1 with files empty" in said(home, capfd, "doctor")
    assert folders(home) == []
    assert "1 sent" in said(home, capfd, "sync")
    assert config.read_bytes() == content
    assert len(folders(home)) == 1


def test_prune_deletes_packed_runs(home: Path) -> None:
    from octant.tracking.prune import remove, size

    size_before = (home / packed.FILE).stat().st_size
    found = journals(home)[:4]
    assert size(found) == sum(len(content) for name, content in contents(home).items() if name[:64] in
                              {each.fingerprint for each in found})  # fmt: skip
    assert remove(found, home) == 4
    assert len(journals(home)) == RUNS - 4
    assert (home / packed.FILE).stat().st_size < 0.8 * size_before


@pytest.mark.parametrize("how", ["no database", "page damaged", "gone"])
def test_damaged_pack_is_one_line(how: str, home: Path) -> None:
    """Its runs are not trained again in silence."""
    file, before = home / packed.FILE, Database(home).histories()
    content = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        start = 0 if how == "no database" else 4096 * 3
        damaged = file.with_suffix(".new")  # not in place: this process has pages of it in memory
        damaged.write_bytes(content[:start] + b"\xff" * 4096 + content[start + 4096 :])
        damaged.replace(file)
    for words in (SWEEP, ("doctor",), ("sync",), ("pack",)):
        with pytest.raises(InputError, match=f"^{file}[^\n]*put a copy of it back[^\n]*$"):
            run_here(home, *words)
    assert folders(home) == []
    assert run_here(home, "report", "smoke") == 0  # from the store alone
    assert Database(home).histories() == before


@pytest.mark.slow
def test_lost_runs_replace_what_mlflow_has(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = Database(home).histories()
    (home / packed.FILE).unlink()
    (home / packed.LOCK).unlink()
    assert "16 trained" in said(home, capfd, *SWEEP)
    assert Database(home).statuses() == {"FINISHED": RUNS}
    assert Database(home).histories() == before


@pytest.mark.parametrize("name", ["run.json", "checkpoint.npz", "tracking-%.json"])
def test_flipped_bit_is_mended_once(name: str, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = Database(home).histories()
    with closing(sqlite3.connect(home / packed.FILE)) as pack_of, pack_of:
        (key, content) = pack_of.execute("select name, data from sqlar where name like ?", (f"%/{name}",)).fetchone()
        half = len(content) // 2
        changed = content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]
        pack_of.execute("update sqlar set data = ? where name = ?", (changed, key))
    assert "16 runs: " in said(home, capfd, *SWEEP)
    assert folders(home) == [key.partition("/")[0]]
    assert Database(home).statuses() == {"FINISHED": RUNS}
    assert Database(home).histories() == before
    assert all(each.is_done() for each in placed(home))


def test_full_disk_packs_nothing(whole: Path) -> None:
    import resource

    kept = contents(whole)
    done = subprocess.run(
        [sys.executable, "-m", "octant", "pack", "--yes"], env=environment(whole), capture_output=True, text=True,
        check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)),
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (74, 1), done.stderr
    assert str(whole / packed.FILE) in done.stderr
    assert len(folders(whole)) == RUNS
    assert contents(whole) == kept
    assert pack_runs(packable(journals(whole)), whole) == RUNS
    assert contents(whole) == kept


def test_receipts_wait_for_the_packer(home: Path) -> None:
    """And are then written to the run's folder."""
    delivery = next(placed(home))
    receipt = delivery.receipt()
    writer = threading.Thread(target=delivery.save, args=(receipt,))
    with packed.held(home):
        writer.start()
        writer.join(0.3)
        assert writer.is_alive()
        assert folders(home) == []
    writer.join(20)
    assert folders(home) == [delivery.journal.fingerprint]
    assert delivery.receipt() == receipt


def test_lock_of_deleted_folder_counts_for_nothing(tmp_path: Path) -> None:
    """Whoever waited for it takes the one that is there by then."""
    lock, began, ended = tmp_path / "run" / "lock", threading.Event(), threading.Event()

    def wait() -> None:
        with locked(lock, wait=20):
            began.set()
            ended.wait(20)

    waiting = threading.Thread(target=wait)
    with locked(lock):
        waiting.start()
        time.sleep(0.2)
        (tmp_path / "run").rename(tmp_path / "gone")
    assert began.wait(20)
    with pytest.raises(Busy), locked(lock):
        pass
    ended.set()
    waiting.join()


@pytest.mark.slow
def test_killed_packer_loses_nothing(whole: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Killed while it packs and unpacks: every file of every run is there, as it was."""
    rng = random.Random(int(os.environ.get("OCTANT_SEED", "0")))
    kept, histories, states = contents(whole), Database(whole).histories(), set()
    for _ in range(int(os.environ.get("OCTANT_KILLS", "40"))):
        with subprocess.Popen(
            [sys.executable, "-c", BACK_AND_FORTH, str(whole)], env=environment(whole), stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            time.sleep(rng.uniform(0, 1.0))
            process.send_signal(signal.SIGKILL)
        assert contents(whole) == kept
        assert len(journals(whole)) == RUNS
        for name, content in kept.items():
            run, _, file = name.partition("/")
            assert Journal(whole / "journal" / run).content(file) == content
        states.add((len(folders(whole)), len(packed.fingerprints(whole))))
    assert len(states) > 3, states  # it was struck at several stages
    assert "16 runs: 0 trained" in said(whole, capfd, *SWEEP)
    assert Database(whole).histories() == histories

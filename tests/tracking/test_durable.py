"""In which order things reach the disk: what is told of lies there before it is told, names as well as contents."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from octant.runs import disk
from octant.runs.disk import make_folder, replace
from octant.runs.journal import Journal
from octant.runs.settings import Tracking
from octant.tracking import claims, whole
from octant.tracking.claims import Claim, Claims
from octant.tracking.delivery import deliver
from octant.tracking.receipt import Delivery, Receipt, State, journals, place
from octant.tracking.store import Connection, connect, locate
from octant.tracking.upkeep import DAMAGED, count_lost
from support.command import Database, run_octant

# MLflow's own.
pytestmark = pytest.mark.filterwarnings("ignore")

ONE = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=1", "dataset.validation_fraction=0.1")


class Recorder(list[tuple[str, str]]):
    """What was done to which path, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        fsync, rename = os.fsync, Path.replace

        def synced(descriptor: int) -> None:
            self.append(("fsync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
            fsync(descriptor)

        def renamed(path: Path, target: Path) -> Path:
            self.append(("rename", str(target)))
            return rename(path, target)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(Path, "replace", renamed)

    def at(self, what: str, path: Path) -> int:
        """Position of the first such event."""
        return self.index((what, str(path)))


def test_rename_syncs_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Recorder(monkeypatch)
    replace(tmp_path / "a.json", b"{}")
    assert [what for what, _ in seen] == ["fsync", "rename", "fsync"]
    assert seen[1:] == [("rename", str(tmp_path / "a.json")), ("fsync", str(tmp_path))]


def test_new_folders_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Recorder(monkeypatch)
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert seen == [("fsync", str(tmp_path)), ("fsync", str(tmp_path / "a"))]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("finished") / "home"
    assert run_octant(home, *ONE).returncode == 0
    return home


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    """One finished run, of which the store knows nothing yet."""
    (before,) = journals(finished)
    after = tmp_path / "home" / "journal" / before.fingerprint
    shutil.copytree(before.folder, after, ignore=shutil.ignore_patterns("tracking-*"))
    return tmp_path / "home"


def delivery_in(home: Path, *, at_once: bool = False) -> tuple[Connection, Delivery]:
    """Without a name the run goes through MLflow's client, as it does to a server."""
    store = locate(Tracking(uri=None), home)
    (journal,) = journals(home)
    look = {"mlflow.runName": "one"} if at_once else {}
    return connect(store, "octant"), place(store, "octant", "sweep", journal, look=look)


def test_lines_are_synced_then_sent(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection, delivery = delivery_in(home)
    seen = Recorder(monkeypatch)
    send = connection.client.log_batch
    monkeypatch.setattr(
        connection.client, "log_batch", lambda *given, **more: (seen.append(("send", "")), send(*given, **more))
    )
    assert deliver(connection, delivery, State.RUNNING)
    assert seen.at("fsync", delivery.journal.folder / "epochs.jsonl") < seen.index(("send", ""))
    assert seen.at("fsync", delivery.journal.folder) < seen.index(("send", ""))


def test_receipt_follows_the_sync(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sync for the whole pass; what is on the disk before it makes no claim on files, status or points."""
    connection, delivery = delivery_in(home)
    seen: list[Receipt] = []
    monkeypatch.setattr(disk, "_sync_file_system", lambda _: seen.append(delivery.receipt()))
    held = Claims(connection)
    claim = deliver(connection, delivery, State.RUNNING)
    assert claim
    held.add(claim)
    held.keep()
    (before,) = seen
    assert before.run_id
    assert (before.status, before.sent, before.described, before.model_id) == (State.RUNNING, 0, False, None)
    assert delivery.is_done()


def test_rows_follow_lines_receipt_follows_rows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same two orders where a run is sent in one go."""
    connection, delivery = delivery_in(home, at_once=True)
    seen = Recorder(monkeypatch)
    write = whole.write_whole
    monkeypatch.setattr(whole, "write_whole", lambda *given: (seen.append(("send", "")), write(*given)))
    claim = deliver(connection, delivery, State.RUNNING)
    assert claim
    assert seen.at("fsync", delivery.journal.folder / "epochs.jsonl") < seen.index(("send", ""))
    assert seen.at("rename", delivery.path) < seen.index(("send", ""))
    before = delivery.receipt()
    assert before.creating
    assert (before.status, before.run_id, before.sent, before.model_id) == (State.WANTED, None, 0, None)
    assert (claim.receipt.is_final, claim.receipt.described, delivery.is_done()) == (True, True, False)


@pytest.mark.parametrize("at_once", [False, True])
def test_failed_sync_leaves_receipt(at_once: bool, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next pass sends all again, and nothing is there twice."""
    connection, delivery = delivery_in(home, at_once=at_once)
    monkeypatch.setattr(claims, "HOLD_SECONDS", 1e9)  # on a busy machine `add` would keep

    def refuse(_: Path) -> None:
        raise OSError(5, "Input/output error")

    for sync in (refuse, disk._sync_file_system):
        monkeypatch.setattr(disk, "_sync_file_system", sync)
        held = Claims(connection)
        claim = deliver(connection, delivery, State.RUNNING)
        assert claim
        held.add(claim)
        if sync is refuse:
            with pytest.raises(OSError, match="Input/output"):
                held.keep()
            assert not delivery.is_done()
    held.keep()
    assert delivery.is_done()
    database = Database(home)
    assert database.query("select count(*) from metrics where key = 'test_accuracy'") == [(2,)]
    assert database.query("select count(*) from logged_models") == [(1,)]
    assert database.query("select count(*) from inputs where destination_type = 'RUN'") == [(1,)]


def test_newer_receipt_beats_a_claim(tmp_path: Path) -> None:
    delivery = Delivery(Journal(tmp_path), "key")
    delivery.save(Receipt(run_id="old"))
    claim = Claim(delivery, delivery.receipt(), Receipt(run_id="old", status=State.FINISHED))
    delivery.save(Receipt(trash=("old",)))
    assert not claim.save()
    assert delivery.receipt() == Receipt(trash=("old",))


def test_whole_file_system_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk._sync_file_system(tmp_path)

    class Old:
        """A C library without syncfs."""

    called: list[str] = []
    monkeypatch.setattr(disk, "_C", Old())
    monkeypatch.setattr(os, "sync", lambda: called.append("sync"))
    disk._sync_file_system(tmp_path)
    assert called == ["sync"]


def of_the_run(home: Path) -> dict[str, Path]:
    run = next(home.glob("artifacts/*/*/artifacts/config.yaml")).parent
    model = next(home.glob("artifacts/*/models/*/artifacts"))
    return {path.name: path for folder in (run, model) for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("mend", ["sync", "the command"])
def test_emptied_files_are_counted_and_mended(mend: str, finished: Path) -> None:
    """What an older octant's power cut left: files of length 0 that receipts vouch for."""
    files = {name: path.read_bytes() for name, path in of_the_run(finished).items()}
    assert files.keys() >= {"config.yaml", "test_errors.json", "MLmodel", "weights.npz", "model.py"}
    metrics = Database(finished).query("select * from metrics order by 1, 2, 3, 4, 5")
    for path in of_the_run(finished).values():
        path.write_bytes(b"")
    refused = run_octant(finished, "promote", "octant")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert "octant sync" in refused.stderr
    doctor = run_octant(finished, "doctor")
    assert f"1 {DAMAGED}" in doctor.stdout, doctor.stderr
    again = run_octant(finished, "sync") if mend == "sync" else run_octant(finished, *ONE)
    assert again.returncode == 0, again.stderr
    assert {name: path.read_bytes() for name, path in of_the_run(finished).items()}.keys() == files.keys()
    assert of_the_run(finished)["weights.npz"].read_bytes() == files["weights.npz"]
    assert all(path.stat().st_size for path in of_the_run(finished).values())
    assert Database(finished).query("select * from metrics order by 1, 2, 3, 4, 5") == metrics
    assert Database(finished).statuses() == {"FINISHED": 1}
    assert not count_lost(finished)[DAMAGED]
    assert run_octant(finished, "promote", "octant").returncode == 0


@pytest.mark.parametrize("name", ["config.yaml", "test_errors.json", "weights.npz", "model.py", "MLmodel"])
@pytest.mark.parametrize("how", ["gone", "changed"])
def test_each_damaged_file_is_seen(name: str, how: str, finished: Path) -> None:
    path = of_the_run(finished)[name]
    content = path.read_bytes()
    try:
        if how == "gone":
            path.unlink()
        else:
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        by_digest = name in ("weights.npz", "model.py")
        assert count_lost(finished)[DAMAGED] == (how == "gone" or by_digest)
    finally:
        path.write_bytes(content)
    assert not count_lost(finished)[DAMAGED]


def test_old_receipts_ask_the_store(finished: Path) -> None:
    (path,) = finished.glob("journal/*/tracking-*.json")
    told = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in told.items() if key != "sha256"}))
    assert not count_lost(finished)[DAMAGED]
    weights = of_the_run(finished)["weights.npz"]
    content = weights.read_bytes()
    weights.write_bytes(content + b"x")
    assert count_lost(finished)[DAMAGED] == 1
    weights.write_bytes(content)


def test_moved_folder_is_not_damaged(finished: Path, tmp_path: Path) -> None:
    there = finished.rename(tmp_path / "there")
    try:
        assert not count_lost(there)[DAMAGED]
        next(there.glob("artifacts/*/*/artifacts/config.yaml")).unlink()
        assert run_octant(there, "sync").returncode == 0
        assert next(there.glob("artifacts/*/*/artifacts/config.yaml"))
        assert not finished.exists()
    finally:
        there.rename(finished)

"""The journal after a crash at any byte, a torn line, a damaged checkpoint, a full disk, a second process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from octant import home
from octant.errors import InputError
from octant.runs.disk import Busy, locked, read_json, replace, write_json
from octant.runs.journal import Journal

STATE = {"W1": np.ones((2, 3)), "b1": np.array([1e-300, np.pi]), "epoch": 3, "rate": 0.1, "is late": True,
         "words": "토끼", "generator": b"\0\1\2\0"}  # fmt: skip


def line(epoch: int) -> dict[str, object]:
    return {"epoch": epoch, "time": 1000 + epoch, "seconds": 0.1, "metrics": {"test_accuracy": epoch / 7}}


def written(folder: Path, epochs: int) -> Journal:
    journal = Journal(folder)
    journal.begin({"settings": {}})
    for epoch in range(epochs):
        journal.append(line(epoch))
    return journal


def test_lines_come_back_exactly(tmp_path: Path) -> None:
    journal = written(tmp_path / "run", 4)
    journal.checkpoint(3, STATE, force=True)
    outcome = {"outcome": "finished", "has_state": True, "files": journal.keep({"a.txt": b"kept"}), "time": 5}
    journal.append(outcome, sync=True)
    story = Journal(tmp_path / "run").read()
    assert story.epochs == [line(epoch) for epoch in range(4)]
    assert story.outcome == outcome
    assert Journal(tmp_path / "other").read().epochs == []


@given(cut=st.integers(0, 400), junk=st.binary(max_size=20))
def test_torn_end_is_cut_off(tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes) -> None:
    folder = tmp_path_factory.mktemp("torn")
    journal = written(folder, 4)
    path = folder / "epochs.jsonl"
    path.write_bytes(path.read_bytes()[:cut] + junk.replace(b"\n", b""))
    kept = len(journal.begin({}).epochs)
    assert kept <= 4
    for epoch in range(kept, 6):
        journal.append(line(epoch))
    assert journal.read().epochs == [line(epoch) for epoch in range(6)]


def test_gap_or_repeat_ends_lines(tmp_path: Path) -> None:
    for wrong in (5, 1):
        journal = written(tmp_path / str(wrong), 3)
        journal.append(line(wrong))
        assert len(journal.read().epochs) == 3


def test_checkpoint_is_exact_and_atomic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = written(tmp_path, 3)
    journal.checkpoint(1, STATE, force=True)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        journal.checkpoint(2, STATE, force=True)
    monkeypatch.undo()
    with pytest.raises(OSError, match="No space left"), monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        journal.checkpoint(2, STATE, force=True)
    loaded = journal.load_checkpoint()
    assert loaded is not None
    assert loaded[0] == 1
    assert loaded[1].keys() == STATE.keys()
    for name, mine in STATE.items():
        np.testing.assert_array_equal(mine, loaded[1][name])
        assert type(loaded[1][name]) is type(mine)
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("value", [object(), {1: 2}, (1, 2), {"a": np.ones(2)}, np.array([object()])])
def test_odd_state_is_refused(value: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"state: mine is of type .*; allowed are arrays, numbers, text and bytes"):
        written(tmp_path, 1).checkpoint(0, {"mine": value}, force=True)


def test_one_checkpoint_per_second(tmp_path: Path) -> None:
    journal = written(tmp_path, 1)
    journal.checkpoint(0, STATE)
    assert journal.load_checkpoint() is None
    journal._saved -= 1.1
    journal.checkpoint(0, STATE)
    assert journal.load_checkpoint() is not None


def test_checkpoints_take_a_small_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of training that takes 1 s per epoch, where the disk takes 4 s for a checkpoint; by a clock of the test's."""
    import octant.runs.journal

    now, written_at = [0.0], list[float]()

    def slow(path: Path, content: bytes) -> None:
        written_at.append(now[0])
        now[0] += 4

    monkeypatch.setattr(octant.runs.journal, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(octant.runs.journal, "replace", slow)
    journal = Journal(tmp_path)
    for epoch in range(1, 1001):
        now[0] += 1
        journal.checkpoint(epoch, {"w": 1.0})
    assert written_at[:2] == [1, 85]
    assert 0.04 < 4 * len(written_at) / now[0] < 0.05


@given(junk=st.binary(max_size=200), keep=st.integers(0, 1000))
def test_damaged_checkpoint_is_none(tmp_path_factory: pytest.TempPathFactory, junk: bytes, keep: int) -> None:
    journal = written(tmp_path_factory.mktemp("damaged"), 1)
    journal.checkpoint(0, STATE, force=True)
    path = journal.folder / "checkpoint.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: min(keep, len(whole) - 1)] + junk)
    assert journal.load_checkpoint() is None


def test_death_frees_the_lock(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run")
    code = (
        "import sys, time; from pathlib import Path; from octant.runs.journal import Journal\n"
        "with Journal(Path(sys.argv[1])).lock(): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(journal.folder)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert journal.is_live()
        with pytest.raises(Busy), journal.lock():
            pass
        holder.kill()
        holder.wait()
    assert not journal.is_live()
    with journal.lock():
        pass


def test_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that comes back short is taken out again, so that the next attempt starts at a line's end."""
    import octant.runs.journal

    journal = written(tmp_path, 2)

    class Short:
        def __init__(self, file: object) -> None:
            self.file = file

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

        def __enter__(self) -> Short:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()  # type: ignore[attr-defined]

        def write(self, data: bytes) -> int:
            return self.file.write(data[:5])  # type: ignore[attr-defined, no-any-return]

    real = Path.open
    monkeypatch.setattr(octant.runs.journal.Path, "open", lambda path, *a, **k: Short(real(path, *a, **k)))
    with pytest.raises(OSError, match="No space left"):
        journal.append(line(2))
    monkeypatch.undo()
    assert (tmp_path / "epochs.jsonl").read_bytes().endswith(b"\n")
    assert len(journal.read().epochs) == 2


def test_replace_and_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1})
    assert read_json(tmp_path / "a.json") == {"b": 1}
    replace(tmp_path / "a.json", b"{torn")
    assert read_json(tmp_path / "a.json") is None
    assert read_json(tmp_path / "none.json") is None


@pytest.mark.parametrize("step", ["fsync", "rename"])
def test_failed_replace_leaves_no_draft(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, at either step: the old content stays, and nothing beside it."""
    replace(tmp_path / "a.json", b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", refuse) if step == "fsync" else (Path, "replace", refuse)))
    with pytest.raises(OSError, match="No space left"):
        replace(tmp_path / "a.json", b"new")
    monkeypatch.undo()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.json", b"old")]


@pytest.mark.parametrize("name", ["a.json.{pid}.tmp", ".partial-{pid}-x"])
def test_drafts_of_dead_are_removed(name: str, tmp_path: Path) -> None:
    """A minute after the death of whoever wrote them; those of the living, of others' machines and all else stay."""
    with subprocess.Popen(["true"]) as process:
        gone = process.pid

    def draft(pid: int | str, age: float) -> Path:
        path = tmp_path / name.format(pid=pid)
        path.mkdir() if name.startswith(".") else path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
        return path

    for pid, age, stays in [
        (gone, 100, False),
        (gone, 5, True),
        (os.getpid(), 100, True),
        (os.getpid(), 90_000, False),
    ]:
        path = draft(pid, age)
        home.discard_drafts(tmp_path)
        assert path.exists() == stays
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    kept = tmp_path / "a.json"
    kept.write_bytes(b"{}")
    os.utime(kept, (0, 0))
    home.discard_drafts(tmp_path)
    assert kept.exists()


def test_waiting_lock(tmp_path: Path) -> None:
    with locked(tmp_path / "x", wait=1):
        pass

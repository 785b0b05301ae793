"""What `octant prune` may delete: runs that later code has trained again, and that their store has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from octant.runs.journal import Journal
from octant.tracking.prune import remove, superseded
from octant.tracking.receipt import journals
from support.command import Database, run_octant

pytestmark = pytest.mark.slow

TRAINER = """
import octant

class Settings(octant.Settings):
    width: int = 1

def train(settings, state=None):
    yield octant.Epoch(0, {"test_accuracy": 0.5 + settings.seed * SCALE})
"""


def names(found: list[Journal]) -> set[str]:
    return {each.fingerprint for each in found}


def test_superseded_runs_go_when_told(tmp_path: Path) -> None:
    mine, home = tmp_path / "mine.py", tmp_path / "home"
    sweep = (f"trainer={mine}", "-m", "seed=0,1")
    mine.write_text(TRAINER.replace("SCALE", "0.01"))
    done = run_octant(home, *sweep)
    assert done.returncode == 0, done.stderr
    old = names(journals(home))
    assert len(old) == 2
    assert superseded(home) == []
    mine.write_text(TRAINER.replace("SCALE", "0.02"))
    assert "2 runs: 2 trained" in run_octant(home, *sweep).stdout
    assert len(journals(home)) == 4
    assert names(superseded(home)) == old

    told = run_octant(home, "prune").stdout
    assert set(re.findall(r"/journal/(\w{64})$", told, re.MULTILINE)) == old
    assert "nothing is deleted" in told
    first, second = superseded(home)
    with first.lock():
        assert names(superseded(home)) == {second.fingerprint}
        assert remove([first], home) == 0
    (receipt,) = first.folder.glob("tracking-*.json")
    content = receipt.read_bytes()
    receipt.unlink()
    assert names(superseded(home)) == {second.fingerprint}
    receipt.write_bytes(content)

    before = Database(home).histories()
    assert "2 deleted" in run_octant(home, "prune", "--yes").stdout
    assert len(journals(home)) == 2
    assert not names(journals(home)) & old
    assert not list((home / "cache").glob(".partial-*"))
    assert Database(home).histories() == before
    assert "0 trained, 2 were there already" in run_octant(home, *sweep).stdout
    assert run_octant(home, "doctor").stdout.splitlines()[-1] == "stores: have everything the journals hold"


def test_another_trainer_supersedes_nothing(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(TRAINER.replace("SCALE", "0.01" if name == "one" else "0.02"))
        assert run_octant(tmp_path / "home", f"trainer={tmp_path / name}.py").returncode == 0
    assert len(journals(tmp_path / "home")) == 2
    assert superseded(tmp_path / "home") == []

"""What the terminal says of how a single run ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.test_own_trainer import TRAINER
from octant.cli.conclude import _outcome_of
from octant.runs.journal import Journal
from octant.runs.run import Outcome
from octant.tracking.runs import TEST_ERRORS
from support.command import run_octant
from support.warm import Warm

MOONS = ("dataset=arrays", "hidden=relu", "learning_rate=1000", "seed=1")


def moons(folder: Path) -> str:
    """Two half circles with noise, as a .csv with a header."""
    rng = np.random.default_rng(0)
    label = np.arange(300) % 2
    angle = rng.random(300) * np.pi
    x = np.where(label, 1 - np.cos(angle), np.cos(angle)) + rng.normal(0, 0.2, 300)
    y = np.where(label, 0.5 - np.sin(angle), np.sin(angle)) + rng.normal(0, 0.2, 300)
    rows = [f"{a},{b},{c}" for a, b, c in zip(x, y, label, strict=True)]
    (folder / "moons.csv").write_text("\n".join(["x1,x2,label", *rows]))
    return f"dataset.path={folder / 'moons.csv'}"


def test_diverged_run_is_told_and_not_promoted(tmp_path: Path) -> None:
    command = (*MOONS, moons(tmp_path))
    done = run_octant(tmp_path / "home", *command)
    assert done.returncode == 0, done.stderr
    assert "diverged in epoch 2: W1 is not finite" in done.stdout
    assert "accuracy" not in done.stdout
    again = run_octant(tmp_path / "home", *command)
    assert "1 run: 0 trained, 1 was there already\nthere already: " in again.stdout
    assert " to train it anew, add rerun=true to the command\ndiverged in epoch " in again.stdout
    promoted = run_octant(tmp_path / "home", "promote", "octant")
    assert promoted.returncode == 2
    assert "experiment octant: all of its runs diverged (1)" in promoted.stderr


def ended(folder: Path, accuracy: float, examples: list[int], **outcome: Any) -> str:
    folder.mkdir()
    lines = [{"epoch": 0, "metrics": {"test_accuracy": accuracy, "test_loss": 1.0}}]
    journal = Journal(folder)
    files = journal.keep({TEST_ERRORS: json.dumps({"examples": examples, "wrong": []}).encode()})
    for line in [*lines, {"outcome": "finished", "has_state": False, "files": files} | outcome]:
        journal.append(line)
    return _outcome_of(journal)


def test_collapsed_run_is_told(tmp_path: Path) -> None:
    assert ended(tmp_path / "a", 0.125, [40, 45, 36]).startswith("test_accuracy 0.1250\ncollapsed: no better than")
    assert ended(tmp_path / "b", 0.95, [40, 45, 36]) == "test_accuracy 0.9500"
    assert "collapsed" in ended(tmp_path / "c", 0.9, [900, 100])
    diverged = ended(tmp_path / "d", 0.5, [1, 1], outcome="diverged", epoch=2, reason="W1 is not finite")
    assert diverged.startswith("diverged in epoch 2: W1 is not finite")


ENDS = {
    Outcome.FINISHED: ("good", 0, ""),
    Outcome.DIVERGED: ("diverge", 0, ""),
    Outcome.FAILED: ("raise", 1, "KeyError: 'lost'"),
    Outcome.KILLED: ("kill", 1, "its worker was killed"),
}


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.BUSY}))  # that one is waited for: test_left_over.py
def test_single_run_tells_what_sweep_tells(outcome: Outcome, warm: Warm, tmp_path: Path) -> None:
    """Alone, among others, and by the same command again: the same exit code, and the same line."""
    what, code, reason = ENDS[outcome]
    (tmp_path / "mine.py").write_text(TRAINER)
    words = (f"trainer={tmp_path / 'mine.py'}", f"what={what}", "epochs=2")
    alone, swept, again = (warm.run(tmp_path / "home", *words, *more) for more in ((), ("-m", "seed=0,1"), ()))
    assert (alone.returncode, swept.returncode, again.returncode) == (code, code, code)
    told = [[line for line in each.stderr.splitlines() if "did not finish" in line] for each in (alone, swept, again)]
    assert [len(lines) for lines in told] == [bool(code), 2 * bool(code), bool(code)]
    assert told[0] == told[2] == [line for line in told[1] if "seed=0)" in line]
    assert reason in "".join(told[0])
    assert ("1 did not finish" if code else "1 trained, 0 were there already") in alone.stdout
    assert ("1 did not finish" if code else "0 trained, 1 was there already\nthere already: ") in again.stdout
    shown = {Outcome.FINISHED: "test_accuracy 0.", Outcome.DIVERGED: "diverged in epoch 2: test_accuracy is nan"}
    for each in (alone, again):
        assert [key for key, text in shown.items() if text in each.stdout] == [outcome] * (not code)

"""`octant check` in a small repository with a trainer of its own: unchanged, worse, and asked wrongly."""

from __future__ import annotations

import os
import runpy
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import octant
from octant.analysis.check import alpha_of
from octant.cli import main
from octant.errors import InputError
from octant.runs.growth import NO_GROWTH
from octant.runs.ledger import Ledger, LedgerLine
from octant.runs.revisions import checked_out, commit_of
from support.command import run_here
from support.predictions import two_way

TRAINER = """
import random

import octant

GAIN = 0.0


class Settings(octant.Settings):
    width: int = 1


def train(settings, state=None):
    draw = random.Random(f"{settings.seed} {settings.width} {GAIN}")
    yield octant.Epoch(1, {"test_accuracy": 0.9 + GAIN + 0.002 * draw.random()})
"""

# Each seed and example has its luck; the change is of width 2 alone.
GUESSER = """
import json
import random

import octant

LOSS = 0.0


class Settings(octant.Settings):
    width: int = 1


def right(settings):
    luck = random.Random(f"{settings.seed} {settings.width}")
    hard = [0.1 + 0.05 * (e % 10) + (LOSS if settings.width == 2 else 0) for e in range(60)]
    return [luck.random() + (random.Random(e).random() > 0.5) > each for e, each in enumerate(hard)]


def train(settings, state=None):
    yield octant.Epoch(1, {"test_accuracy": sum(right(settings)) / 60})


def files(settings, last):
    wrong = [[e, 0, 1] for e, each in enumerate(right(settings)) if not each]
    return {"test_errors.json": json.dumps({"examples": [60], "wrong": wrong})}
"""


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two commits that differ in a comment; the working directory is there."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    for text in (TRAINER, f"# A comment.\n{TRAINER}"):
        (folder / "mine.py").write_text(text)
        git(folder, "add", "mine.py")
        git(folder, "commit", "-qm", "mine")
    monkeypatch.chdir(folder)
    source = str(Path(octant.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")])))
    return folder


def test_unchanged_is_equal_and_worse_is_found(
    repository: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home, words = tmp_path / "home", ("trainer=mine.py", "width=1,2", "seed=range(6)")
    assert run_here(home, "check", "HEAD~1", "HEAD", *words) == 0
    assert capfd.readouterr().out.startswith("**equal: the same numbers in all 12 runs**\n")
    assert len(list((home / "journal").iterdir())) == 12  # trained once
    assert not (home / "check" / "ledger.jsonl").exists()

    (repository / "mine.py").write_text(TRAINER.replace("GAIN = 0.0", "GAIN = -0.005"))
    assert run_here(home, "check", "HEAD", *words, "--out", str(tmp_path / "check.md")) == 1
    said = capfd.readouterr().out
    assert said.startswith("**worse: HEAD is worse than BASE by about 0.5")
    assert "Attempt 1 against the trainer's code of BASE" in said
    assert (tmp_path / "check.md").read_text() == said
    assert [line.decision for line in Ledger(home / "check" / "ledger.jsonl").lines] == ["worse"]
    assert len(list((home / "journal").iterdir())) == 24
    assert git(repository, "worktree", "list").count("\n") == 1
    assert {path.name for path in (home / "check").iterdir()} == {"lock", "ledger.jsonl"}


def test_holds_over_examples_as_by_hand(repository: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Two crossed samples, computed a second time; the options stand among the settings."""
    home, file = tmp_path / "home", repository / "mine.py"
    widths = "experiment:\n  name: over\n  over: examples\nhydra:\n  mode: MULTIRUN\n"
    (repository / "conf" / "experiment").mkdir(parents=True)
    (repository / "conf" / "experiment" / "over.yaml").write_text(
        f"# @package _global_\n{widths}  sweeper:\n    params:\n      width: 1,2\n      seed: range(6)\n"
    )
    file.write_text(GUESSER)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "guesses")
    sides = [_right(file)]
    file.write_text(GUESSER.replace("LOSS = 0.0", "LOSS = 0.4"))
    sides.append(_right(file))
    words = ("check", "HEAD", "--experiment", "over", 'trainer="mine.py::files=files"')
    assert run_here(home, *words) == 1
    said = capfd.readouterr()
    each = 100.0 * (sides[1] - sides[0])  # repeats x configurations x examples
    (line,) = Ledger(home / "check" / "ledger.jsonl").lines
    error, df = two_way(each.mean(axis=1))
    half = stats.t(df).isf(alpha_of(1) / 2) * error
    assert (line.gain, line.low, line.high) == pytest.approx((each.mean(), each.mean() - half, each.mean() + half))
    assert line.experiment == "check-over"
    error, df = two_way(each[:, 1])
    half, gain = stats.t(df).isf(alpha_of(1) / 4) * error, each[:, 1].mean()
    means = " | ".join(f"{100 * side[:, 1].mean():.2f}" for side in sides)
    assert f"| width=2 | {means} | {gain:+.3g} | {gain - half:+.3g} to {gain + half:+.3g} | worse |" in said.out
    assert f"| width=1 | {100 * sides[0][:, 0].mean():.2f} |" in said.out
    assert " | +0 |  | equal |" in said.out
    assert "Measured over 6 seeds and 60 test examples. This holds over new seeds and new test examples" in said.out
    assert "code=" not in said.err
    assert run_here(home, *words, "seed=range(5)") in (0, 1)
    assert "\nAttempt 2 against the trainer's code of BASE" in capfd.readouterr().out


def _right(file: Path) -> np.ndarray:
    """Which test examples each run gets right: seeds x widths x examples."""
    module = runpy.run_path(str(file))
    return np.array([[module["right"](module["Settings"](seed=seed, width=width)) for width in (1, 2)]
                     for seed in range(6)], dtype=float)  # fmt: skip


def test_growing_experiment_is_refused_before_work(
    repository: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its limit stands in a yaml, which only the revision's own code reads."""
    text = "# @package _global_\nexperiment:\n  name: grows\n  max_repeats: 10\nhydra:\n  mode: MULTIRUN\n"
    conf = repository / "conf" / "experiment"
    conf.mkdir(parents=True)
    (conf / "grows.yaml").write_text(f"{text}  sweeper:\n    params:\n      width: 1,2\n      seed: range(5)\n")
    words, named = ("check", "HEAD", "trainer=mine.py"), ("--experiment", "grows")
    git(repository, "add", "conf")
    git(repository, "commit", "-qm", "grows")
    assert run_here(tmp_path / "home", *words, *named) == 2
    said = capfd.readouterr().err.splitlines()
    assert said[1:] == [f"octant: {NO_GROWTH}"]
    assert not (tmp_path / "home" / "journal").exists()
    assert run_here(tmp_path / "home", *words, "experiment.max_repeats=null", *named) == 0


def test_worktree_goes_after_ctrl_c(repository: Path, tmp_path: Path) -> None:
    """Also one that a killed process has left behind is no hindrance."""
    (tmp_path / "tree").mkdir()
    with pytest.raises(KeyboardInterrupt), checked_out(repository, commit_of(repository, "HEAD~1"), tmp_path / "tree"):
        assert (tmp_path / "tree" / "mine.py").read_text() == TRAINER
        raise KeyboardInterrupt
    assert not (tmp_path / "tree").exists()
    assert git(repository, "worktree", "list").count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "'nowhere' is no revision of "),
        (["--", "--exec=true"], "name BASE, or BASE and HEAD"),
        (["--", "-q"], "'-q' is no revision of "),
        (["a", "b", "c"], "name BASE, or BASE and HEAD"),
        (["HEAD", "--margin", "0"], "--margin: 0 is no difference"),
        (["HEAD", "--out", "."], "--out: . is no file"),
        (["HEAD", "trainer=/tmp/mine.py"], "name the file from where you are"),
        (["HEAD", "experiment=smoke"], "say --experiment NAME"),
        (["HEAD", "code=abc"], "code= says that two codes give the same numbers"),
        (["HEAD", "++code=abc"], "code= says that two codes give the same numbers"),
        (["HEAD"], "has no src/octant; name the trainer whose code changed"),
    ],
)
def test_bad_input_is_one_line(repository: Path, tmp_path: Path, words: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        run_here(tmp_path / "home", "check", *words)
    assert "\n" not in str(error.value)
    assert git(repository, "worktree", "list").count("\n") == 1


def test_outside_a_repository_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OCTANT_HOME", str(tmp_path / "home"))
    with pytest.raises(InputError, match="is in no git repository"):
        main.run(["check", "HEAD"])


def test_ledger_counts_attempts_once(tmp_path: Path) -> None:
    """A line with a flipped bit may have been any attempt."""
    path = tmp_path / "ledger.jsonl"
    for runs in ("x", "y", "x"):
        ledger = Ledger(path)
        number = ledger.number("smoke", "code", runs)
        ledger.note(LedgerLine("smoke", "code", runs, number, 0.01, "a", "b", 0.1, 0.0, 0.2, "undecided"))
    ledger = Ledger(path)
    assert [line.number for line in ledger.lines] == [1, 2]
    assert [ledger.number("smoke", *each) for each in (("code", "y"), ("code", "z"), ("other", "z"))] == [2, 3, 1]
    path.write_bytes(path.read_bytes().replace(b'"runs": "x"', b'"runs": "w"'))
    assert [Ledger(path).number("smoke", *each) for each in (("code", "y"), ("code", "z"), ("other", "z"))] == [2, 3, 2]

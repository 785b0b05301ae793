"""Sweeps of the examples, killed again and again at any moment, end as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import octant
from octant.runs.journal import Journal
from support.command import Database, environment
from support.examples import EXAMPLES, marked, need

SWEEPS = {
    "digits_numpy": ["width=8,16", "seed=range(10)", "epochs=40"],
    "digits_sgd": ["loss=hinge,log_loss", "seed=range(10)", "epochs=40"],
    "digits_forest": ["trees=50,100", "seed=range(10)"],
    "digits_torch": ["optimizer=SGD,Adam", "seed=range(10)", "epochs=5"],
}
# Few by default; OCTANT_EXAMPLE_KILLS=20 takes all the examples, twenty kills each.
KILLS = int(os.environ.get("OCTANT_EXAMPLE_KILLS", "3"))
KILLED = list(SWEEPS) if "OCTANT_EXAMPLE_KILLS" in os.environ else ["digits_numpy", "digits_torch"]
PATIENCE = 1800  # seconds, for a process that hangs: a busy machine is no failure


def started(home: Path, name: str) -> subprocess.Popen[str]:
    words = [sys.executable, f"{name}.py", "-m", *SWEEPS[name]]
    there = environment(home, PYTHONPATH=str(Path(octant.__file__).parents[1]))
    return subprocess.Popen(words, cwd=EXAMPLES, env=there, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def numbers(home: Path) -> dict[str, list[object]]:
    """Fingerprint -> the metrics of each epoch, of finished runs."""
    stories = {path.name: Journal(path).read() for path in (home / "journal").iterdir()}
    assert all(story.outcome and story.outcome["outcome"] == "finished" for story in stories.values())
    return {name: [line["metrics"] for line in story.epochs] for name, story in stories.items()}


def size(home: Path) -> int:
    return sum(path.stat().st_size for path in home.glob("journal/*/epochs.jsonl"))


@pytest.mark.slow
@pytest.mark.parametrize("name", marked(KILLED))
def test_killed_sweep_ends_as_undisturbed(name: str, tmp_path: Path) -> None:
    need(name)
    calm, hit = tmp_path / "calm", tmp_path / "hit"
    chance = random.Random(name)
    undisturbed = started(calm, name)
    undisturbed.communicate(timeout=PATIENCE)
    assert undisturbed.returncode == 0
    while_training = 0
    for _ in range(KILLS):
        process, before = started(hit, name), size(hit)
        while process.poll() is None and size(hit) == before:
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.3))
        while_training += process.poll() is None
        process.send_signal(chance.choice([signal.SIGKILL, signal.SIGTERM]))
        process.communicate(timeout=PATIENCE)
    print(f"{name}: {while_training} of {KILLS} signals found it at work")
    assert while_training > KILLS / 4
    last = started(hit, name)
    output, errors = last.communicate(timeout=PATIENCE)
    assert last.returncode == 0, errors
    assert "Traceback" not in errors
    assert "20 runs" in output
    assert numbers(hit) == numbers(calm)
    assert len(numbers(hit)) == 20
    assert Database(hit).histories() == Database(calm).histories()
    assert Database(hit).statuses() == {"FINISHED": 20}

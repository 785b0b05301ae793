"""What the command line refuses: one line that says what is allowed, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CLI_BAD = {
    "unknown word": (["loss=msee"], "loss: 'msee' is unknown; did you mean 'mse'? known: cross_entropy, mse"),
    "unknown key": (["learning_rat=1"], "setting: 'learning_rat' is unknown; did you mean 'learning_rate'?"),
    "added key": (["+momentum=0.9"], "setting: 'momentum' is unknown"),
    "wrong type": (["learning_rate=abc"], "learning_rate: should be a valid number, got 'abc'"),
    "out of range": (["seed=-1"], "seed: should be greater than or equal to 0"),
    "unparsable": (["loss=[mse"], "'[mse'"),
    "no equals sign": (["loss"], "loss"),
    "a name that is no text": (["dataset=arrays", "dataset.path='/tmp/\udcff.npz'"], "should be a name in UTF-8"),
    "several values": (["loss=mse,cross_entropy"], "loss=mse,cross_entropy has several values; add -m"),
    "nothing to train on": (["dataset.validation_fraction=0.5", "dataset.test_fraction=0.5"], "no training example of"),
    "unknown option": (["--rerun"], "unrecognized arguments: --rerun; octant --help lists what there is"),
    "contradiction": (["batch_size=5000"], "batch_size: 5000 is more than the 1079 training examples of digits"),
    "path with digits": (["dataset.path=x.npz"], "'dataset.path' does not exist with this choice of dataset"),
    "arrays without path": (["dataset=arrays"], "dataset=arrays needs dataset.path"),
    "second of a sweep": (["-m", "loss=mse", "learning_rate=0.1,-1"], "learning_rate: should be greater than 0"),
    "unknown experiment": (["experiment=factorail"], "did you mean 'factorial'"),
    "no server address": (["tracking=server"], "tracking.uri: set the environment variable MLFLOW_TRACKING_URI first"),
    "two experiments": (["-m", "experiment.name=aa,bb"], "experiment: one command has one, here are 2"),
    "batches": (["-m", "seed=0,1", "hydra.sweeper.max_batch_size=1"], "'hydra.sweeper.max_batch_size' does not exist"),
    "sbatch without plus": (
        ["hydra/launcher=slurm", "hydra.launcher.sbatch.partition=cpu"],
        "+hydra.launcher.sbatch.partition=... adds one",
    ),
    "code without a digest": (["code=xyz"], "code: 'xyz' is no digest; it has 32 digits"),
    "number for a launcher": (["hydra/launcher=0"], "hydra/launcher: 0 is unknown"),
    "relative store": (["tracking.uri=sqlite:///x.db"], "write sqlite:////absolute/path.db"),
    "repeat=auto": (["experiment=smoke", "repeat=auto", "max_repeats=40"], "type experiment.max_repeats=40"),
    "store as folder": (["tracking.uri=./mlruns"], "known scheme"),
}


@pytest.mark.parametrize("case", CLI_BAD)
def test_refusals_leave_one_line_only(case: str, tmp_path: Path) -> None:
    arguments, said = CLI_BAD[case]
    stranger = {"PATH": "/usr/bin:/bin", "OCTANT_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "octant", *arguments], capture_output=True, text=True, env=stranger, check=False
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("octant: ")
    assert said in done.stderr
    home = tmp_path / "home"
    left = {path.name for path in home.iterdir()} if home.exists() else set()
    assert left <= {"cache", "hydra"}, left

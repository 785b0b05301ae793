"""Yaml files of one's own, in the folder of --config-dir: nothing in them is passed over without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.test_overrides import REFUSED, command

HEAD = "# @package _global_\nexperiment:\n  name: mine\n"
MULTIRUN = HEAD + "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n"
BAD = {
    "no header": ("experiment:\n  name: mine\n", "mine.yaml: its first line should be # @package _global_"),
    "byte order mark": (f"\ufeff{HEAD}", "(in UTF-8 without a byte order mark)"),
    "nothing": ("", "its first line should be # @package _global_"),
    "tab": (HEAD.replace("  name", "\tname"), "mine.yaml: while scanning for the next token found character"),
    "twice": (f"{HEAD}epochs: 2\nepochs: 3\n", "found duplicate key epochs"),
    "no UTF-8": (f"{HEAD}  question: gr\udcfcn\n", "experiment/mine.yaml: it is not UTF-8; save it as UTF-8"),
    "launcher": (
        HEAD + "defaults:\n  - override /hydra/launcher: slurm\n",
        "Hydra passes over its hydra/launcher; leave it out and type hydra/launcher=slurm after octant",
    ),
    "sweep without a mode": (
        HEAD + "hydra:\n  sweeper:\n    params:\n      seed: 0,1\n",
        "its hydra.sweeper.params is a sweep; write mode: MULTIRUN under hydra, or add -m",
    ),
    "list as a sweep": (f"{MULTIRUN}      seed: [0, 1]\n", "got [0, 1]; for a run each: -m seed=0,1"),
    "joblib's option": (f"{MULTIRUN}      seed: 0,1\n  launcher:\n    n_jobs: 4\n", "octant's own takes no n_jobs"),
    "no override": (f"{HEAD}defaults:\n  - /loss: mse\n", "in a yaml write override /loss: mse"),
    "no slash": (f"{HEAD}defaults:\n  - override loss: mse\n", "a group begins with a slash: override /loss: mse"),
    "unknown key": (f"{HEAD}epochs: ${{nothing}}\n", "epochs: Interpolation key 'nothing' not found"),
}
BESIDE = ["null", "list", "two words", "braces without -m", "a shell's spaces", "Korean", "outside", "experiments",
          "no experiment", "number", "pasted quotes", "no key", "interval"]  # fmt: skip


def folder(home: Path, text: str) -> Path:
    (home / "conf" / "experiment").mkdir(parents=True)
    (home / "conf" / "experiment" / "mine.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    return home / "conf"


@pytest.mark.parametrize("case", BAD)
def test_fault_of_a_yaml_is_one_line(case: str, tmp_path: Path) -> None:
    text, said = BAD[case]
    code, line, runs = command(tmp_path, "--config-dir", str(folder(tmp_path, text)), "experiment=mine")
    assert (code, runs, line.count("\n")) == (2, [], 1), line
    assert said in line


@pytest.mark.parametrize("place", ["--config-dir", "hydra.searchpath"])
def test_sweep_of_a_yaml_is_trained(place: str, tmp_path: Path) -> None:
    conf = folder(tmp_path, f"{MULTIRUN}      seed: 0,1\n      loss: mse,cross_entropy\n".replace("\n", "\r\n"))
    words = ["--config-dir", str(conf)] if place == "--config-dir" else [f"{place}=[{conf}]"]
    code, said, runs = command(tmp_path, *words, "experiment=mine", "seed=3")
    assert (code, said) == (0, "")
    assert {(run.settings.seed, run.settings.loss) for run in runs} == {(3, "mse"), (3, "cross_entropy")}


@pytest.mark.parametrize("case", BESIDE)
def test_folder_of_ones_own_lowers_no_guard(case: str, tmp_path: Path) -> None:
    words, said = REFUSED[case]
    code, line, runs = command(tmp_path, "--config-dir", str(folder(tmp_path, HEAD)), *words)
    assert (code, runs, line.count("\n")) == (2, [], 1)
    assert said in line

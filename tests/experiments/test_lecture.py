"""The lecture as an experiment, and its page: every number on it is the table's."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from scipy.stats import ttest_ind
from statsmodels.stats.multitest import multipletests

from lecture_page.chaos import PAIRS, chaos, settings
from lecture_page.page import pages
from lecture_page.tables import RUNGS, SETTINGS
from octant.network.data import load
from octant.network.engines import ENGINES
from octant.network.network import build
from octant.network.settings import DataSettings, Settings
from octant.network.training import initial_parameters, step_of, target_matrix, train
from octant.runs.settings import parse_launch

ROOT = Path(__file__).parents[2]
RULES = {"cross_entropy": "cross_entropy", "mse": "squared_error"}
FOLDER = ROOT / "experiments" / "lecture"


def composed(*overrides: str) -> Settings:
    """The settings of one run of a sweep, as Hydra composes them."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return parse_launch(OmegaConf.to_container(compose("config", list(overrides)), resolve=True))[0]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_experiment_is_the_lecture(pair: tuple[str, str]) -> None:
    """With seed 1, whose initial weights are the lecture's own; on digits only the data differ."""
    loss, hidden = pair
    words = ("experiment=lecture", f"rule={RULES[loss]}", f"hidden={hidden}", "seed=1")
    found = composed(*words)
    assert found == settings(loss, hidden)
    digits = composed(*words, "dataset=digits")
    assert digits.dataset.name == "digits"
    assert digits.model_copy(update={"dataset": found.dataset}) == found


def test_first_of_five_seeds_is_the_lectures() -> None:
    content = yaml.safe_load((ROOT / "conf" / "experiment" / "lecture.yaml").read_text())
    assert content["hydra"]["sweeper"]["params"]["seed"] == "1,2,3,4,5"


def test_rungs_differ_in_one_setting() -> None:
    for name, words in RUNGS.items():
        content = yaml.safe_load((ROOT / "conf" / "rung" / f"{name}.yaml").read_text())
        assert content == dict(zip(SETTINGS, words, strict=True))
    rungs = list(RUNGS.values())
    changes = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairwise(rungs)]
    assert changes == [1] * 5


def test_chaos_starts_from_rounding() -> None:
    """On the digits, 64 pixels and few examples: the reversed sums agree to rounding, float32 pixels to 1e-7."""
    digits = load(DataSettings(name="digits", test_fraction=0.2))
    table = chaos(digits, marks=(1, 10))
    assert len(table) == 2 * 2 * len(PAIRS)
    largest = table.groupby("twin")["distance"].max()
    assert largest["reversed"] < 1e-11
    # sixteenths are float32 numbers already
    assert largest["float32"] == 0
    assert table["test_accuracy"].between(0, 100).all()


def test_targets_above_one_push_outputs_up() -> None:
    """Why rung 1 fails with cross-entropy: A2 - Y sums to -0.08, so b2 rises by eta x 0.08 / 10 an example."""
    words = settings("cross_entropy", "sigmoid").model_copy(update={"output_step": "gradient", "hidden_units": 8})
    rng, n = np.random.default_rng(0), 500
    X, labels = rng.random((n, 12)), rng.integers(0, 10, n)
    parameters = initial_parameters(words, 12, 10)
    network = build(words.loss, words.hidden, words.output)
    step = step_of(words, n)
    ENGINES["numpy"](network, X, target_matrix(words, labels, 10), step)(parameters, np.arange(n))
    assert parameters.b2.mean() == pytest.approx(0.2 * 0.08 / 10 * n)


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_every_number_on_the_page_is_the_tables(name: str) -> None:
    assert (FOLDER / name).read_text() == pages(FOLDER)[name], "make lecture writes it anew"


def test_stale_page_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "lecture"
    shutil.copytree(FOLDER, folder)
    table = pd.read_csv(folder / "curve.csv")
    table["test_mean"] += 1
    table.to_csv(folder / "curve.csv", index=False)
    assert all(pages(folder)[name] != (folder / name).read_text() for name in ("README.md", "README.ko.md"))


def test_octant_agrees_with_transcription() -> None:
    """Five seeds each, run once on the full MNIST: the ranges meet, and of the eight differences of means none is
    shown by Welch's t after Holm. (Not asked: that each mean lie in the other's range. Seven pairs of eight do.)
    """
    theirs = pd.read_csv(FOLDER / "transcription.csv")
    ours = pd.read_csv(FOLDER / "curves.csv")
    ours = ours[ours["rung"] == "lecture"]
    p_values = []
    for loss, hidden in PAIRS:
        for metric in ("train_accuracy", "test_accuracy"):
            a, b = (_third_epoch(each, loss, hidden)[metric] for each in (ours, theirs))
            assert len(a) == len(b) == 5
            assert max(a.min(), b.min()) <= min(a.max(), b.max()), (loss, hidden, metric)
            p_values.append(ttest_ind(a, b, equal_var=False).pvalue)
    assert min(multipletests(p_values, method="holm")[1]) > 0.05


def _third_epoch(frame: pd.DataFrame, loss: str, hidden: str) -> pd.DataFrame:
    return frame[(frame["loss"] == loss) & (frame["hidden"] == hidden) & (frame["epoch"] == 3)]


def test_long_run_passes_shorter_ones_points() -> None:
    """The lecture trains anew for every number of epochs; the curve of one run is the same, to the last bit."""
    digits = load(DataSettings(name="digits", test_fraction=0.2))
    words = settings("cross_entropy", "sigmoid", engine="numpy").model_copy(update={"dataset": None})
    runs = [list(train(words.model_copy(update={"epochs": epochs}), digits)) for epochs in (1, 2, 3)]
    assert [run[-1].metrics for run in runs] == [record.metrics for record in runs[-1][1:]]

"""Several data sets as repeats: each counts once, and its ranks are Demsar's."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from octant.analysis.comparison import answer
from octant.analysis.comparison.ranks import ranks_of
from octant.analysis.decide import verdict_of
from octant.analysis.figures import design_of
from octant.analysis.question import Question, noun_of
from octant.analysis.report.table import TableReport
from octant.analysis.report.words import measured_over
from octant.runs.factors import question_of
from octant.runs.settings import Experiment

NAMES = ["wine", "iris", "digits", "moons", "circles", "spirals"]
QUESTION = Question(("loss",), repeat=("dataset", "seed"))


def frame(seeds: int = 3) -> pd.DataFrame:
    """Three losses on six data sets; what a data set has of its own is far larger than what a seed has."""
    rng = np.random.default_rng(5)
    own = dict(zip(NAMES, 0.1 * rng.normal(size=(len(NAMES), 3)), strict=True))
    rows = [
        {"config": loss, "loss": loss, "dataset": name, "seed": seed, "outcome": "finished",
         "test_accuracy": float(np.clip(0.7 + own[name][at] + 0.005 * rng.normal(), 0, 1))}
        for name in NAMES for at, loss in enumerate("abc") for seed in range(seeds)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_data_set_counts_once() -> None:
    runs = frame()
    means = 100 * runs.pivot_table("test_accuracy", "dataset", "loss").add_prefix("loss=")
    pairs = answer(runs, QUESTION).pairs.set_index(["first", "second"])
    for (first, second), row in pairs.iterrows():
        by_hand = stats.ttest_rel(means[first], means[second])
        low, high = by_hand.confidence_interval(0.95)
        assert (row["n"], row["low"], row["high"], row["p"]) == pytest.approx((len(NAMES), low, high, by_hand.pvalue))


@pytest.mark.parametrize("goal", ["max", "min"])
def test_ranks_agree_with_scipy(goal: str) -> None:
    runs = frame().assign(test_accuracy=lambda all_: all_["test_accuracy"].round(1))  # ties
    ranks = answer(runs, replace(QUESTION, goal=goal)).ranks.set_index("config")
    means = runs.pivot_table("test_accuracy", "loss", "dataset").rename("loss={}".format)
    wanted = stats.rankdata(means if goal == "min" else -means, axis=0).mean(axis=1)
    np.testing.assert_allclose(ranks["mean_rank"].loc[means.index], wanted)
    np.testing.assert_allclose(ranks.loc[means.index, means.columns], 100 * means)
    assert ranks["mean_rank"].is_monotonic_increasing


def test_last_bit_breaks_no_tie() -> None:
    for scale in (1.0, 1e-9, 1e9):
        means = pd.DataFrame({"wine": [scale * (0.1 + 0.2), scale * 0.3, scale * 0.2]})
        assert ranks_of(means, QUESTION)["wine"].tolist() == [1.5, 1.5, 3.0]


def test_diverging_gains_no_rank() -> None:
    """a is best where it lives: two of three runs in each data set, and the third diverges."""
    runs = frame().assign(test_accuracy=lambda all_: all_["loss"].map({"a": 0.9, "b": 0.8, "c": 0.7}))
    lost = (runs["loss"] == "a") & (runs["seed"] == 0)
    runs = runs.assign(outcome=np.where(lost, "diverged", "finished"))
    ranks = answer(runs, QUESTION).ranks.set_index("config")
    assert ranks["mean_rank"].to_dict() == {"loss=b": 1.0, "loss=c": 2.0, "loss=a": 3.0}
    np.testing.assert_allclose(ranks.loc["loss=a", NAMES].astype(float), 60.0)  # (90 + 90 + 0) / 3


def test_data_set_may_have_any_name() -> None:
    runs = frame().replace({"dataset": {"wine": "mean_rank", "iris": "config"}})
    ranks = answer(runs, QUESTION).ranks
    assert {"mean_rank (data set)", "config (data set)"} <= set(ranks)
    assert ranks["mean_rank"].between(1, 3).all()


def test_ranks_need_whole_data_sets() -> None:
    runs = frame()
    assert answer(runs[runs["dataset"] == "wine"], replace(QUESTION, repeat=("seed",))).ranks.empty
    without = runs[(runs["dataset"] != "wine") | (runs["loss"] != "a")]
    assert "wine" not in answer(without, QUESTION).ranks
    assert answer(runs[runs["dataset"] == "wine"], QUESTION).ranks.empty


def test_answer_holds_over_data_sets() -> None:
    verdict = verdict_of(answer(frame(), QUESTION))
    assert QUESTION.noun == noun_of("dataset") == "data set"
    assert measured_over(verdict) == (
        "Measured over 6 data sets, in each the mean of several seeds. This holds over data sets like these, not for "
        "each of them."
    )


def test_what_comes_with_repeats_is_no_factor() -> None:
    """moons has a size and a noise, wine has none: they follow from the data set, which repeats."""
    rows = [
        {"loss": loss, "dataset": name, "dataset.noise": noise, "seed": seed}
        for loss in ("a", "b") for name, noise in (("wine", None), ("moons", 0.2)) for seed in (0, 1)
    ]  # fmt: skip
    assert question_of(Experiment(name="x", repeat=["dataset", "seed"]), rows).compare == ("loss",)
    assert question_of(Experiment(name="x", repeat=["seed"]), rows).compare == ("loss", "dataset")


def test_page_shows_ranks_and_bounds(tmp_path: Path) -> None:
    """Means near 100 % that differ by data set: Student's interval goes beyond it, and is not printed so."""
    runs = frame().assign(
        test_accuracy=lambda all_: np.where(all_["dataset"] == "wine", 0.6, 0.99) + all_["test_accuracy"] / 999
    )
    comparison = answer(runs, QUESTION)
    assert comparison.summary["high"].max() > 100
    report = TableReport("x", comparison, [], "octant compare x.csv", pd.DataFrame())
    assert max(map(float, re.findall(r"\d+\.\d\d", report.printed()))) <= 100
    report.write(tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert "## Ranks over data sets" in page
    assert (tmp_path / "ranks.svg").is_file()
    assert pd.read_csv(tmp_path / "ranks.csv")["mean_rank"].tolist() == comparison.ranks["mean_rank"].tolist()


def test_figures_count_runs_of_data_sets() -> None:
    """Six data sets and three seeds are 18 runs, not 18 data sets."""
    runs = frame()
    assert design_of(runs, QUESTION).repeats(18) == "18 runs"
    assert design_of(runs, replace(QUESTION, repeat=("seed",))).repeats(3) == "3 seeds"

"""Repeats of several kinds: which of them are independent, and what is said of it, against SciPy and simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from octant.analysis.comparison import answer
from octant.analysis.comparison.design import lay_out
from octant.analysis.comparison.intervals import ALPHA
from octant.analysis.comparison.settings import config_names
from octant.analysis.decide import verdict_of
from octant.analysis.question import Question, noun_of
from octant.analysis.report.origin import about_shown
from octant.analysis.report.words import measured_over
from octant.analysis.verdict import Decision

SPLIT = "dataset.split_seed"
BOTH = Question(("loss",), repeat=("seed", SPLIT))


def runs(pairs: list[tuple[int, int]], spread: float = 0.01, key: int = 0) -> pd.DataFrame:
    """Two configurations, equal over all splits; on each split one of them is better, whatever the seed."""
    rng = np.random.default_rng(key)
    effect = rng.normal(size=100) * spread
    rows = [
        {"loss": loss, "seed": seed, SPLIT: split, "dataset.test_fraction": 0.2, "outcome": "finished",
         "test_accuracy": 0.9 + (loss == "b") * effect[split] + 0.002 * rng.normal()}
        for (seed, split), loss in product(pairs, "ab")
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(config=lambda frame: config_names(frame, ["loss"]), fingerprint="")


def test_seeds_of_one_split_count_once() -> None:
    crossed = runs(list(product(range(4), range(6))))
    (pair,) = answer(crossed, BOTH).pairs.to_dict("records")
    wide = 100 * crossed.pivot_table(index=SPLIT, columns="loss", values="test_accuracy")
    wanted = stats.ttest_rel(wide[pair["first"][-1]], wide[pair["second"][-1]])
    low, high = wanted.confidence_interval()
    assert pair["n"] == 6
    assert (pair["p"], pair["low"], pair["high"]) == pytest.approx((wanted.pvalue, low, high))


def test_splits_hold_the_mean_over_splits() -> None:
    """60 sweeps of two equal configurations. Monte Carlo error of 5 %: 2.8."""
    designs = {"one split": [(seed, 1) for seed in range(6)], "crossed": list(product(range(2), range(6))),
               "together": [(seed, seed) for seed in range(6)]}  # fmt: skip
    false = {}
    for name, pairs in designs.items():
        found = [stats.ttest_rel(*lay_out(runs(pairs, key=key), BOTH).values.T).pvalue < 0.05 for key in range(60)]
        false[name] = np.mean(found)
    assert false["one split"] > 0.5
    assert max(false["crossed"], false["together"]) < 0.05 + 3 * 0.0281


@pytest.mark.parametrize(
    ("pairs", "said"),
    [([(seed, 0) for seed in range(6)], "6 repeats, on one split of the data: another split may move test accuracy "
      "too."),
     ([(seed, seed) for seed in range(6)], "6 repeats, each a seed with a split of its own. This holds over seeds and "
      "splits of this data set, not for other data."),
     ([(0, split) for split in range(6)], "6 repeats. This holds over splits of this data set, not for other data."),
     (list(product(range(2), range(6))), "6 splits, in each the mean of several seeds, which are no independent "
      "repeats. This holds over seeds and splits of this data set, not for other data.")],
)  # fmt: skip
def test_scope_is_what_varies(pairs: list[tuple[int, int]], said: str) -> None:
    assert measured_over(verdict_of(answer(runs(pairs), BOTH))) == f"Measured over {said}"


def test_published_test_set_is_named() -> None:
    own = runs([(seed, 0) for seed in range(6)]).assign(**{"dataset.test_fraction": None})
    assert "on the data set's own test examples" in measured_over(verdict_of(answer(own, BOTH)))


def folds(count: int, key: int = 0, seeds: int = 1) -> pd.DataFrame:
    """Two configurations on the same folds."""
    rng = np.random.default_rng(key)
    rows = [{"loss": loss, "fold": fold, "seed": seed, "outcome": "finished",
             "test_accuracy": 0.9 + 0.01 * (loss == "b") + 0.01 * rng.normal()}
            for fold, loss, seed in product(range(count), "ab", range(seeds))]  # fmt: skip
    return pd.DataFrame(rows).assign(config=lambda frame: config_names(frame, ["loss"]), fingerprint="")


@pytest.mark.parametrize("seeds", [1, 3])
def test_folds_have_corrected_variance(seeds: int) -> None:
    """Nadeau and Bengio by hand: (1 / n + n_test / n_train) times the variance, in every table."""
    n, runs = 5, folds(5, seeds=seeds)
    table = answer(runs, Question(("loss",), repeat=("fold", "seed") if seeds > 1 else ("fold",), margin=9.0))
    wide = 100 * runs.pivot_table(index="fold", columns="loss", values="test_accuracy")
    gains = (wide["b"] - wide["a"]).to_numpy()
    half = stats.t.isf(0.025, n - 1) * np.sqrt((1 / n + 1 / 4) * gains.var(ddof=1))
    p = 2 * stats.t.sf(abs(gains.mean()) * stats.t.isf(0.025, n - 1) / half, n - 1)
    (pair,), (effect,) = table.pairs.to_dict("records"), table.effects.to_dict("records")
    size = abs(gains.mean())
    assert (pair["low"], pair["high"]) in (pytest.approx((size - half, size + half)),
                                           pytest.approx((-size - half, half - size)))  # fmt: skip
    assert (pair["p"], effect["p"]) == pytest.approx((p, p))
    assert abs(effect["high"] - effect["low"]) == pytest.approx(2 * half)
    assert "Training sets of folds overlap" in measured_over(verdict_of(table))
    best = table.best.iloc[0]
    assert best["lead_high"] - best["lead_low"] == pytest.approx(2 * half)


def test_effects_of_folds_have_the_level_of_t() -> None:
    """One factor of two levels is one pair: as effect and as pair it has one p, and is shown as both or neither."""
    rng = np.random.default_rng(5)
    for _ in range(300):
        runs = folds(10)
        runs["test_accuracy"] = 0.8 + 0.02 * (runs["loss"] == "b") - 0.01 * rng.gamma(1, size=20)
        found = answer(runs, Question(("loss",), repeat=("fold",)))
        (pair,), (effect,) = found.pairs.to_dict("records"), found.effects.to_dict("records")
        assert pair["shown"] == effect["shown"]
        if found.alpha <= pair["p"] < ALPHA:
            assert found.verdict.alpha_of_effects == found.alpha
            assert f"the adjusted p is below {found.alpha:.2g}, and" in about_shown(found, "0 %")
            return
    pytest.fail("none between the two levels")


def test_folds_of_each_repetition_count() -> None:
    """Ten divisions into five folds: 50 results, whose variance counts (1 / 50 + 1 / 4) times (Bouckaert and Frank)."""
    rng = np.random.default_rng(2)
    rows = [{"loss": loss, "repeat": again, "fold": fold, "outcome": "finished", "test_accuracy": rng.uniform(0.8, 0.9)}
            for loss, again, fold in product("ab", range(10), range(5))]  # fmt: skip
    runs = pd.DataFrame(rows).assign(config=lambda frame: config_names(frame, ["loss"]), fingerprint="")
    (pair,) = answer(runs, Question(("loss",), repeat=("repeat", "fold"))).pairs.to_dict("records")
    wide = 100 * runs.pivot_table(index=["repeat", "fold"], columns="loss", values="test_accuracy")
    half = stats.t.isf(0.025, 49) * (wide["a"] - wide["b"]).std() * np.sqrt(1 / 50 + 1 / 4)
    assert (pair["n"], (pair["high"] - pair["low"]) / 2) == (50, pytest.approx(half))


def test_overlap_is_test_to_train() -> None:
    """Five folds of 100 examples, of which 20 validate: 20 / 60; without the sizes 1 / 4."""
    runs, question = folds(5), Question(("loss",), repeat=("fold",))
    assert lay_out(runs, question).overlap == 1 / 4
    assert lay_out(runs.assign(n_test=20, n_train=60), question).overlap == 1 / 3
    assert lay_out(runs.assign(n_test=20, n_train="many"), question).overlap == 1 / 4


def test_folds_are_a_word_of_their_own() -> None:
    said = {"dataset.fold": "fold", "cv_fold": "fold", "fold_seed": "seed", "manifold": "repeat", "n_folds": "repeat",
            "dataset.split_seed": "split", "random_seed": "seed", "industrial": "repeat", "trial": "trial"}  # fmt: skip
    assert {name: noun_of(name) for name in said} == said


def test_overlap_makes_equality_rarer() -> None:
    """Differences of mean 0 and SD 1: t is 1.5 / sqrt(1/5) = 3.35, beyond 2.78; or 1.5 / sqrt(1/5 + 1/4) = 2.24."""
    gains = np.array([-2, -1, 0, 1, 2]) / np.sqrt(2.5) / 100
    runs = folds(5).assign(test_accuracy=lambda frame: 0.9 + (frame["loss"] == "b") * gains[frame["fold"]])
    for name, wanted in (("trial", Decision.EQUAL), ("fold", Decision.UNDECIDED)):
        table = answer(runs.rename(columns={"fold": name}), Question(("loss",), repeat=(name,), margin=1.5))
        assert verdict_of(table).best.decision is wanted

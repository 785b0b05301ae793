"""The seven effects against planted ones, arithmetic by hand, and statsmodels."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import AnovaRM
from statsmodels.stats.multitest import multipletests

from octant.analysis.comparison import answer
from octant.analysis.comparison.design import lay_out
from octant.analysis.comparison.effects import factorial_effects
from support.comparison_frames import CONFIGS, QUESTION, WORDS, compare, frame, noise

NAMES = [
    *["loss x hidden x output", "loss x hidden", "loss x output", "hidden x output"],
    *["loss", "hidden", "output"],
]


def effects_of(accuracy: np.ndarray, **kwargs: object) -> pd.DataFrame:
    return factorial_effects(lay_out(frame(accuracy, **kwargs), QUESTION))[0].set_index("effect")


def coded(accuracy: np.ndarray) -> pd.DataFrame:
    """Long form, percent, the factors as -1 and +1."""
    codes = list(product((-1, 1), repeat=3))
    rows = [(seed, *codes[cell], 100 * accuracy[seed, cell]) for seed in range(len(accuracy)) for cell in range(8)]
    return pd.DataFrame(rows, columns=["seed", "loss", "hidden", "output", "y"])


def test_one_seed_by_hand() -> None:
    # mse: 50 52 54 56, cross_entropy: 60 63 66 71 (sigmoid-sigmoid, sigmoid-softmax, tanh-sigmoid, tanh-softmax)
    table = effects_of(np.array([[0.50, 0.52, 0.54, 0.56, 0.60, 0.63, 0.66, 0.71]]))["estimate"]
    assert table["loss"] == pytest.approx(65 - 53)
    assert table["hidden"] == pytest.approx((54 + 56 + 66 + 71) / 4 - (50 + 52 + 60 + 63) / 4)
    assert table["output"] == pytest.approx((52 + 56 + 63 + 71) / 4 - (50 + 54 + 60 + 66) / 4)
    # Half of: hidden's effect with cross_entropy less hidden's effect with mse.
    assert table["loss x hidden"] == pytest.approx(((68.5 - 61.5) - (55 - 51)) / 2)
    # Half of: (hidden x output with cross_entropy) less (hidden x output with mse).
    assert table["loss x hidden x output"] == pytest.approx(((5 - 3) / 2 - (2 - 2) / 2) / 2)
    assert list(table.index) == NAMES


@pytest.mark.parametrize("planted", [*np.eye(7), np.array([0.3, -0.2, 0.0, 0.1, 2.0, -1.0, 0.5])])
def test_planted_effects_come_back(planted: np.ndarray) -> None:
    loss, hidden, output = np.array(list(product((-1, 1), repeat=3))).T
    codes = [loss * hidden * output, loss * hidden, loss * output, hidden * output, loss, hidden, output]
    percent = 80 + planted @ np.array(codes) / 2
    seeds = np.array([[0.0], [1.0], [-2.0], [0.5], [3.0]])
    table = effects_of((percent + seeds) / 100)
    np.testing.assert_allclose(table["estimate"], planted, atol=1e-11)
    half = stats.t.ppf(0.975, 4) * np.std([100 / 360, 0, 0, 0, 0], ddof=1) / np.sqrt(5)  # as if one example differed
    np.testing.assert_allclose(table["low"], planted - half, atol=1e-11)
    np.testing.assert_allclose(table["high"], planted + half, atol=1e-11)
    assert (table["p"][planted == 0] == 1).all()
    assert (table["p"][planted != 0] == 2 / 2**5).all()


@pytest.mark.parametrize("seeds", [2, 5, 10, 20])
def test_estimates_agree_with_least_squares(seeds: int) -> None:
    accuracy = noise(seeds)
    fit = smf.ols("y ~ C(seed) + loss * hidden * output", coded(accuracy)).fit()
    table = effects_of(accuracy)
    for name in NAMES:
        # A coefficient on -1/+1 codes is half the effect.
        assert table["estimate"][name] == pytest.approx(2 * fit.params[name.replace(" x ", ":")], abs=1e-10)


@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_intervals_agree_with_anova(seeds: int) -> None:
    accuracy = noise(seeds, key=1)
    anova = AnovaRM(coded(accuracy), "y", "seed", within=["loss", "hidden", "output"]).fit().anova_table
    table = effects_of(accuracy)
    for name in NAMES:
        row, F = table.loc[name], anova.loc[name.replace(" x ", ":"), "F Value"]
        # The error of each effect is its own interaction with the seeds: F(1, n - 1) = t^2.
        half = stats.t.ppf(0.975, seeds - 1) * abs(row["estimate"]) / np.sqrt(F)
        assert row["high"] - row["low"] == pytest.approx(2 * half, abs=1e-10)
        excludes = row["low"] > 0 or row["high"] < 0
        assert excludes == (anova.loc[name.replace(" x ", ":"), "Pr > F"] < 0.05)


def test_sign_says_which_level_is_ahead() -> None:
    better = np.where([config.startswith("cross_entropy") for config in CONFIGS], 0.95, 0.90)
    row = effects_of(np.tile(better, (5, 1))).loc["loss"]
    assert (row["plus"], row["minus"]) == ("cross_entropy", "mse")
    assert row["estimate"] == pytest.approx(5)


def test_other_words_make_factorial() -> None:
    configs = [config.replace("-sigmoid-", "-relu-") for config in CONFIGS]
    better = [0.95 if "-tanh-" in config else 0.9 for config in configs]
    row = effects_of(np.array([better]), configs=configs).loc["hidden"]
    assert (row["plus"], row["minus"], row["estimate"]) == ("tanh", "relu", pytest.approx(5))


PARTIAL = {
    "a factor with one word": (CONFIGS[:4], "loss has one level (mse)", ["hidden x output", "hidden", "output"]),
    "a factor with three words": ([*CONFIGS, "mse-relu-sigmoid"], "3 of 12 combinations of loss, hidden, output",
                                  [*NAMES[:5], *["hidden"] * 3, "output"]),
    "a missing cell": (CONFIGS[:7], "1 of 8 combinations of loss, hidden, output have no finished run "
                       "(cross_entropy, tanh, softmax)", NAMES[1:]),
}  # fmt: skip


@pytest.mark.parametrize("case", PARTIAL)
def test_what_can_be_estimated_is_answered(case: str) -> None:
    configs, reason, estimated = PARTIAL[case]
    comparison = compare(frame(noise(5, len(configs)), configs))
    assert any(reason in note for note in comparison.notes)
    assert list(comparison.effects["effect"]) == estimated
    assert len(comparison.summary) == len(configs)
    assert len(comparison.pairs) == len(configs) * (len(configs) - 1) / 2


def test_too_few_seeds_are_said_to_be_too_few() -> None:
    for seeds, few in ((8, True), (9, False)):
        table = effects_of(noise(seeds) + np.linspace(0, 0.05, 8))
        assert table["note"].str.contains("too few").all() == few
        assert table["shown"].any() != few


def test_words_are_those_of_design() -> None:
    assert CONFIGS[-1] == "cross_entropy-tanh-softmax"
    assert len(list(product(*WORDS))) == 8


def test_log_odds_beside_points() -> None:
    """By counts of right and wrong examples, every choice of signs, and Holm's method of statsmodels."""
    right = np.round(360 * noise())
    odds = np.log((right + 0.5) / (360 - right + 0.5))
    loss, hidden, output = np.array(list(product((-1, 1), repeat=3))).T
    codes = np.array([loss * hidden * output, loss * hidden, loss * output, hidden * output, loss, hidden, output])
    each = odds @ codes.T / 4
    means = np.abs(np.array(list(product((-1, 1), repeat=10))) @ each / 10)
    p = (means >= np.abs(each.mean(axis=0)) - 1e-12).mean(axis=0)
    table = effects_of(right / 360)
    np.testing.assert_allclose(table["log_odds"], each.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(table["log_odds_p"], multipletests(p, method="holm")[1], atol=1e-12)


def test_log_odds_are_of_shares_alone() -> None:
    loss = answer(frame(noise()), replace(QUESTION, endpoint="validation_accuracy", share=False))
    assert "log_odds" not in loss.effects
    perfect = effects_of(np.ones((5, 8)))
    assert np.isfinite(perfect["log_odds"]).all()

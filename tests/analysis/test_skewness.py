"""What skewed repeats do to the level of claims and to intervals of means, by hand and by simulation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from octant.analysis.comparison import Comparison, answer
from octant.analysis.comparison.intervals import ALPHA
from octant.analysis.comparison.skewness import claim_level, longer, skewness
from octant.analysis.question import Question

# Errors with a mean of 0, an SD of 1 and a tail to the bad side.
LAWS = {
    "normal": lambda rng, size: rng.normal(size=size),
    "gamma": lambda rng, size: (4 - rng.gamma(4, size=size)) / 2,
    "exponential": lambda rng, size: 1 - rng.gamma(1, size=size),
}


def compared(values: np.ndarray) -> Comparison:
    """Of repeats x configurations, in points."""
    rows = [
        {"optimizer": name, "seed": seed, "test_accuracy": value / 100, "outcome": "finished"}
        for seed, row in enumerate(values)
        for name, value in zip("abcdefgh", row, strict=False)
        if np.isfinite(value)
    ]
    return answer(pd.DataFrame(rows), Question(("optimizer",)))


def test_skewness_is_scipy_s() -> None:
    values = np.random.default_rng(0).gamma(1, size=(5, 9))
    values[1, :3], values[2, :6], values[3] = np.nan, np.nan, 7.0
    found = skewness(values)
    wanted = np.array([stats.skew(row[np.isfinite(row)], bias=False) if np.ptp(row) != 0 else 0 for row in values])
    np.testing.assert_allclose(found[[0, 1, 4]], wanted[[0, 1, 4]])
    assert np.isnan(found[2])  # three values
    assert found[3] == 0
    np.testing.assert_allclose(skewness(-3 * values + 40)[[0, 1, 4]], -wanted[[0, 1, 4]])


def test_level_of_claims_by_hand() -> None:
    """The differences of three configurations, six repeats."""
    one = np.array([0.0, 0, 0, 0, 0, 6])
    values = np.column_stack([one, np.zeros(6), [1.0, -1, 1, -1, 1, -1]])
    squares = [stats.skew(values[:, a] - values[:, b], bias=False) ** 2 for a, b in combinations(range(3), 2)]
    by_chance = 6 * 6 * 5 / (4 * 7 * 9) * (1 + 1.5 / np.sqrt(3))
    assert claim_level(values) == pytest.approx(0.04 / (1 + 4 * (np.mean(squares) - by_chance)))
    assert claim_level(1000 * values + 5, unit=10) == pytest.approx(claim_level(values))
    assert claim_level(values[:4]) == claim_level(values[:, :1]) == ALPHA
    common = 50 * one[:, None]  # a seed that is bad for all says nothing of differences
    assert claim_level(values + common) == pytest.approx(claim_level(values))


def test_every_one_of_many_counts() -> None:
    """Ten skewed configurations of seventy, the first or the last."""
    rng = np.random.default_rng(0)
    values = 0.1 * rng.normal(size=(10, 70))
    values[:, 60:] = 3 * LAWS["exponential"](rng, (10, 10))
    level = claim_level(values)
    assert level < 0.03
    assert claim_level(values[:, ::-1]) == pytest.approx(level)


def test_runs_that_lack_do_not_count() -> None:
    values = np.random.default_rng(1).gamma(1, size=(9, 2))
    values[6:, 0] = np.nan
    assert claim_level(values) == claim_level(values[:6])


def test_tables_use_the_level_of_claims() -> None:
    """Skewed differences: a p that would do at 4 % does not, and no configuration is out of the best."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        values = 90 + LAWS["exponential"](rng, (10, 3)) * [0.2, 1, 2] + [0, 0.6, 0]
        found, level = compared(values), claim_level(values)
        assert found.alpha == pytest.approx(level)
        pairs = found.pairs
        assert list(pairs["shown"]) == list((pairs["p_holm"] < level) & (pairs["low"] * pairs["high"] > 0))
        between = pairs[(pairs["p_holm"] < ALPHA) & ~pairs["shown"]]
        if len(between) and level < ALPHA:
            return
    pytest.fail("none between the two levels")


@pytest.mark.parametrize(("law", "least", "most"), [("normal", 94, 97), ("gamma", 94, 97), ("exponential", 92.5, 96)])
def test_means_are_covered(law: str, least: float, most: float) -> None:
    """400 sweeps of eight configurations, five repeats: 3,200 intervals, with an error of about 0.4 points."""
    rng, held, shorter = np.random.default_rng(7), 0, 0
    for _ in range(400):
        values = LAWS[law](rng, (5, 8))
        mean, half = values.mean(axis=0), special.stdtrit(4, 0.975) * values.std(axis=0, ddof=1) / np.sqrt(5)
        skew = skewness(values.T).mean()
        tail = half / special.stdtrit(4, 0.975) * longer(special.stdtrit(4, 0.975), skew, np.array(5))
        low, high = mean - half - tail * (skew < 0), mean + half + tail * (skew > 0)
        held += ((low <= 0) & (high >= 0)).sum()
        shorter += ((mean - half <= 0) & (mean + half >= 0)).sum()
    assert least < held / 32 < most
    assert shorter < held
    found = compared(90 + values).summary.set_index("config")
    np.testing.assert_allclose(
        found.loc["optimizer=a", ["low", "high"]].astype(float), 90 + np.array([low[0], high[0]])
    )


def test_false_claims_are_rare_with_skewed_runs() -> None:
    """800 sweeps of eight equal ones, the largest SD four times the smallest; an error of 0.7 points."""
    rng, false = np.random.default_rng(11), 0
    left, right = np.array(list(combinations(range(8), 2))).T
    for _ in range(800):
        values = LAWS["exponential"](rng, (10, 8)) * np.linspace(0.4, 1.6, 8)
        p = stats.ttest_1samp(values[:, left] - values[:, right], 0).pvalue
        false += p.min() * 28 < claim_level(values)
    assert false / 8 < 5.5


def test_few_repeats_have_plain_intervals() -> None:
    """The tail of the others says nothing that two repeats can use: the expansion would add 48 standard errors."""
    values = 90 + LAWS["exponential"](np.random.default_rng(0), (10, 3))
    values[2:, 0] = np.nan
    found = compared(values).summary.set_index("config").loc["optimizer=a"]
    ends = stats.t(1, found["mean"], found["sd"] / np.sqrt(2)).interval(0.95)
    assert (found["low"], found["high"]) == pytest.approx(ends)

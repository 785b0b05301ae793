"""The interval, the p-values and the adjustment: hand examples, scipy, and simulated sweeps."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from octant.analysis.comparison.design import lay_out
from octant.analysis.comparison.intervals import PATTERNS, holm, shown, sign_flip_p, student
from support.comparison_frames import QUESTION, A, B, compare, frame

SWEEPS = 2000
# The seven effects of a 2 x 2 x 2 factorial, by hand.
_CODES = np.array(list(product((-1.0, 1.0), repeat=3)))
_SETS = ((0, 1, 2), (0, 1), (0, 2), (1, 2), (0,), (1,), (2,))
CONTRASTS = np.array([_CODES[:, list(names)].prod(axis=1) for names in _SETS]) / 4


def test_student_is_scipys_t() -> None:
    values = np.random.default_rng(0).normal(1, 2, size=(7, 9))
    ours, theirs = student(values), stats.ttest_1samp(values, 0, axis=-1)
    interval = theirs.confidence_interval(0.95)
    np.testing.assert_allclose(ours.p, theirs.pvalue, rtol=1e-12)
    np.testing.assert_allclose([ours.low, ours.high], [interval.low, interval.high], rtol=1e-12)


def test_student_by_hand() -> None:
    # 1, 2, 3: mean 2, SD 1, t(2) at 97.5 % = 4.302653
    t = student(np.array([1.0, 2.0, 3.0]))
    assert (float(t.mean), float(t.sd)) == (2, 1)
    assert float(t.high) == pytest.approx(2 + 4.302653 / np.sqrt(3), abs=1e-6)


def test_equal_values_make_no_certainty() -> None:
    # 0.7 and 0.1 + 0.6 differ in the last bit: that is no spread.
    t = student(np.array([[0.7, 0.1 + 0.6, 0.7, 0.7], [0.0, 0.0, 0.0, 0.0]]))
    assert (t.sd == 0).all()
    np.testing.assert_array_equal(t.low, t.high)
    np.testing.assert_array_equal(t.p, [2 / 2**4, 1])


def test_equal_numbers_have_interval() -> None:
    """As wide as if one of six were one step away."""
    one_off = stats.ttest_1samp([0.3, 0.3, 0.3, 0.3, 0.3, 0.3 - 0.25], 0).confidence_interval()
    t = student(np.full((1, 6), 0.3), step=0.25)
    assert t.high[0] - t.low[0] == pytest.approx(one_off[1] - one_off[0])
    assert (t.mean[0], t.p[0]) == (0.3, 2 / 2**6)
    runs = frame(np.tile([0.9, 0.9 + 1 / 360], (6, 1)), [A, B])
    assert lay_out(runs, QUESTION).step == pytest.approx(100 / 360)
    assert lay_out(runs.drop(columns="n_test"), QUESTION).step == pytest.approx(100 / 360)
    (pair,) = compare(runs).pairs.to_dict("records")
    assert 0 < pair["low"] < 100 / 360 < pair["high"]


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_values_have_no_interval(n: int) -> None:
    t = student(np.ones((3, n)))
    assert np.isnan([t.sd, t.low, t.high, t.p]).all()
    assert np.isnan(sign_flip_p(np.ones((3, n)))).all()
    np.testing.assert_array_equal(t.mean, [1.0 if n else np.nan] * 3)


def test_sign_flips_by_hand() -> None:
    # 3, 1, -1 sum to 3. Of the eight signed sums 3 1 5 3 -3 -5 -1 -3, six are at least 3 in size.
    # 1, 2, 4 sum to 7: only +++ and --- reach it.
    np.testing.assert_array_equal(sign_flip_p(np.array([[3.0, 1.0, -1.0], [1.0, 2.0, 4.0]])), [6 / 8, 2 / 8])


def test_sign_flips_enumerated_twice() -> None:
    contrasts = np.random.default_rng(3).integers(-4, 6, size=(7, 6)) / 7
    signs = np.array(list(product((-1, 1), repeat=6)))
    sizes = np.abs(contrasts @ signs.T)
    at_least = sizes >= sizes[:, -1:] - 1e-12
    np.testing.assert_array_equal(sign_flip_p(contrasts), at_least.mean(axis=1))


def test_ties_that_rounding_breaks_still_tie() -> None:
    # Sums to 0, but not in floating point, where some patterns come nearer: all are at least as far from 0.
    assert sign_flip_p(np.array([[0.1, 0.2, -0.3, 0.1, 0.2, -0.3]]))[0] == 1


def test_many_seeds_take_fixed_random_patterns() -> None:
    far = np.random.default_rng(0).normal(10, 1, size=(2, 25))
    np.testing.assert_array_equal(sign_flip_p(far), [1 / (PATTERNS + 1)] * 2)
    near = np.random.default_rng(1).normal(0.4, 1, size=(1, 17))
    assert sign_flip_p(near)[0] == sign_flip_p(near)[0]
    signs = np.array(list(product((-1.0, 1.0), repeat=17)))
    exact = np.mean(np.abs(near @ signs.T) >= abs(near.sum()) - 1e-12)
    # Four standard errors of a Monte Carlo p-value.
    assert abs(sign_flip_p(near)[0] - exact) < 4 * np.sqrt(exact * (1 - exact) / PATTERNS)


def test_holm_by_hand() -> None:
    # Sorted 0.01 0.02 0.03 0.04, times 4 3 2 1: 0.04 0.06 0.06 0.04, then never below the one before.
    np.testing.assert_allclose(holm(np.array([0.04, 0.01, 0.03, 0.02])), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm(np.array([0.02, np.nan, 0.03])), [0.04, np.nan, 0.04])
    assert np.isnan(holm(np.array([np.nan]))).all()


def test_shown_needs_interval_and_p_value() -> None:
    cases = np.array(
        [
            # estimate, low, high, p_holm, diverged as zero
            [2, 1, 3, 0.01, 2],
            [-2, -3, -1, 0.01, -2],
            [2, -1, 5, 0.01, 2],
            [2, 1, 3, 0.05, 2],
            [2, 1, 3, 0.01, -8],
            [2, np.nan, np.nan, np.nan, 2],
        ]
    )
    np.testing.assert_array_equal(shown(*cases.T), [True, True, False, False, False, False])


def errors(law: str, n: int) -> np.ndarray:
    """(sweeps x configurations x seeds), mean 0; the eight differ in spread as real ones do."""
    rng = np.random.default_rng([n, len(law)])
    size = (SWEEPS, 8, n)
    drawn = {
        "normal": lambda: rng.normal(size=size),
        "gamma": lambda: 4 - rng.gamma(4, size=size),
        "lognormal": lambda: np.exp(0.125) - rng.lognormal(0, 0.5, size=size),
    }[law]()
    return drawn * np.linspace(0.4, 1.6, 8)[:, None]


def covers_zero(samples: np.ndarray) -> float:
    t = student(samples)
    return float(np.mean((t.low <= 0) & (t.high >= 0)))


@pytest.mark.parametrize("n", [5, 10, 20])
@pytest.mark.parametrize(("law", "least"), [("normal", 0.935), ("gamma", 0.91), ("lognormal", 0.91)])
def test_intervals_cover(law: str, least: float, n: int) -> None:
    drawn = errors(law, n)
    assert least <= covers_zero(drawn) <= 0.97
    assert least <= covers_zero(CONTRASTS @ drawn) <= 0.97
    assert least <= covers_zero(drawn[:, 0] - drawn[:, 7]) <= 0.97


@pytest.mark.parametrize("law", ["normal", "gamma"])
@pytest.mark.parametrize("n", [5, 10])
def test_false_positives_after_holm_are_few(law: str, n: int) -> None:
    drawn = errors(law, n)
    effects = sign_flip_p((CONTRASTS @ drawn).reshape(-1, n)).reshape(SWEEPS, 7)
    first, second = np.triu_indices(8, 1)
    pairs = student(drawn[:, first] - drawn[:, second]).p
    for p in (effects, pairs):
        # Holm's smallest adjusted p is the smallest p times their number, as the first assertion holds.
        assert holm(p[0]).min() == min(1, p[0].min() * p.shape[1])
        assert np.mean(p.min(axis=1) * p.shape[1] < 0.05) <= 0.06

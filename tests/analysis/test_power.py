"""Equality within a margin and the number of repeats, against statsmodels and simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from octant.analysis.comparison.intervals import student
from octant.analysis.decide import decided
from octant.analysis.power import equality_power, power, repeats_needed
from octant.analysis.verdict import Decision


@pytest.mark.parametrize(("gain", "sd", "family"), [(0.3, 0.4, 1), (0.1, 0.4, 1), (0.2, 0.5, 10), (2.0, 0.5, 1)])
def test_repeats_agree_with_statsmodels(gain: float, sd: float, family: int) -> None:
    wanted = TTestPower().solve_power(gain / sd, alpha=0.04 / family, power=0.8)
    assert repeats_needed(-gain, sd, 2, family=family) == max(5, np.ceil(wanted))


def test_too_many_repeats_are_none() -> None:
    assert repeats_needed(0.0, 1.0, 10) is None
    assert repeats_needed(0.01, 1.0, 10) is None
    assert repeats_needed(0.3, float("nan"), 1) is None
    assert repeats_needed(0.0, 1.0, 10, margin=0.5) == repeats_needed(0.0, 2.0, 10, margin=1.0)


def is_equal(gains: np.ndarray, margin: float) -> bool:
    t = student(gains)
    return decided(float(t.mean), float(t.low), float(t.high), len(gains), False, margin) is Decision.EQUAL


def test_equality_agrees_with_statsmodels() -> None:
    a, b = np.random.default_rng(3).normal(size=(2, 12)) * 0.3
    p = {}
    for shift, margin in product((0.0, 0.3, -0.3, 0.6), np.linspace(0.02, 1, 99)):
        p[shift, margin] = ttost_paired(a + shift, b, -margin, margin)[0]
        assert is_equal(a + shift - b, margin) == (p[shift, margin] < 0.025)
    assert sum(0.025 < each < 0.05 for each in p.values()) >= 5  # what 5 % each would call equal


@pytest.mark.parametrize("family", [1, 3, 28])
def test_differences_without_spread_need_a_few_more(family: int) -> None:
    """As many as give the paired test of equal numbers, 2 / 2^n, a p below its share of 4 %."""
    enough = repeats_needed(0.4, 0.0, 5, family=family)
    assert enough
    assert 2 / 2**enough * family < 0.04 <= 2 / 2 ** (enough - 1) * family


def test_power_agrees_with_simulation() -> None:
    """20,000 sweeps of eight repeats; the Monte Carlo error of a share of 0.8 is 0.003."""
    rng, n, sd = np.random.default_rng(1), 8, 0.5
    for gain, margin in ((0.55, None), (0.0, 0.65)):
        gains = rng.normal(gain, sd, size=(20_000, n))
        mean, error = gains.mean(axis=1), gains.std(axis=1, ddof=1) / np.sqrt(n)
        if margin is None:
            found, wanted = (np.abs(mean / error) > 2.3646).mean(), power(gain, sd, n, 0.05)
        else:
            found, wanted = ((margin - np.abs(mean)) / error > 2.3646).mean(), equality_power(gain, sd, n, margin)
        assert found == pytest.approx(wanted, abs=0.012)


def test_margin_is_rarely_called_equal() -> None:
    """A planted difference of exactly the margin, of 4,000 sweeps with ten repeats: 2.5 % are called equal."""
    gains = np.random.default_rng(2).normal(0.5, 0.3, size=(4000, 10))
    called = [is_equal(each, 0.5) for each in gains]
    assert abs(np.mean(called) - 0.025) < 3 * np.sqrt(0.025 * 0.975 / 4000)


def test_clear_cut_plans_need_the_fewest() -> None:
    """Where the noncentral t underflows scipy gives NaN for some numbers of repeats, 20 and 21 here."""
    assert repeats_needed(0.0, 1.0, 19, margin=9) == repeats_needed(9.0, 1.0, 19) == 20


@pytest.mark.parametrize("margin", [0.5, 0.8, 1.5])
def test_plans_of_equality_have_a_reserve(margin: float) -> None:
    """Of 20,000 sweeps without a difference, 82 % are called equal with the planned repeats, and not with one fewer."""
    planned = repeats_needed(0.0, 1.0, 0, margin=margin)
    assert planned
    shares = []
    for n in (planned - 1, planned):
        t = student(np.random.default_rng(n).normal(size=(20_000, n)))
        shares.append(float(np.mean((t.low > -margin) & (t.high < margin))))
    assert shares[0] < 0.82 + 0.01
    assert shares[1] > 0.82 - 0.01

"""How many repeats a decision takes, and whether two things are equal within a margin (TOST); all paired by repeat."""

from __future__ import annotations

from math import floor, log2

import numpy as np
from scipy import special

from octant.analysis.comparison.intervals import ALPHA

ENOUGH = 5  # repeats: with fewer nothing is decided, and figures show points without intervals
POWER = 0.8
MOST_REPEATS = 1_000


def equality_p(gain: float, sd: float, n: int, margin: float, floor: float = 0.0) -> float:
    """The p-value of two one-sided paired t tests (TOST): that the true difference is at or beyond the margin.

    n differences that happen to be equal make no certainty: p is then at least what flipping signs allows, 1 / 2^n.
    `floor` is the part of the mean's variance that more repeats would not lessen.
    """
    room = margin - abs(gain)
    if room <= 0:
        return 1.0
    error, least = _error(sd, n, floor), 0.5**n if sd == 0 else 0.0
    return max(least, float(special.stdtr(n - 1, -room / error))) if error > 0 else least


def repeats_needed(
    gain: float,
    sd: float,
    n: int,
    margin: float | None = None,
    family: int = 1,
    wanted: float = POWER,
    alpha: float = ALPHA,
    floor: float = 0.0,
) -> int | None:
    """How many repeats, more than the `n` there are, would decide with the wanted power, mean and SD being as seen.

    By the paired t test at `alpha` / `family`, or where a margin is declared by TOST at `alpha`, whichever needs fewer.
    Differences that are all equal need as many as give flipped signs a p below it. None: more than 1,000, or nothing
    to plan with, or no number of them, as `floor` of the variance stays.
    """
    gain = abs(gain)
    if not sd > 0 and not (sd == 0 and floor > 0):
        return max(n + 1, flips_needed(family, alpha)) if sd == 0 and gain > 0 else None
    counts = range(max(ENOUGH, n + 1), MOST_REPEATS + 1)
    equal = (
        each for each in counts
        if margin is not None and equality_power(gain, sd, each, margin, alpha, floor) >= wanted
    )  # fmt: skip
    apart = (each for each in counts if power(gain, sd, each, alpha / max(family, 1), floor) >= wanted)
    found = [each for each in (next(apart, None), next(equal, None) if margin is not None else None) if each]
    return min(found, default=None)


def flips_needed(family: int, alpha: float = ALPHA) -> int:
    """The fewest repeats with which flipping signs, whose p is at least 2 / 2^n, can show one of `family` effects."""
    return floor(log2(max(family, 1) / alpha)) + 2


def power(gain: float, sd: float, n: int, alpha: float, floor: float = 0.0) -> float:
    """Of the two-sided paired t test, by the noncentral t distribution; the far side counts for nothing."""
    return float(1 - special.nctdtr(n - 1, gain / _error(sd, n, floor), -special.stdtrit(n - 1, alpha / 2)))


def equality_power(gain: float, sd: float, n: int, margin: float, alpha: float = ALPHA, floor: float = 0.0) -> float:
    """Of TOST, at least: both tests by the noncentral t distribution, put together by Bonferroni's inequality."""
    if margin <= gain:
        return 0.0
    edge, root = -special.stdtrit(n - 1, alpha), 1 / _error(sd, n, floor)
    return float(1 - sum(special.nctdtr(n - 1, each * root, edge) for each in (margin - gain, margin + gain)))


def _error(sd: float, n: int, floor: float) -> float:
    """The standard error of a mean of n repeats, of whose variance `floor` stays whatever n is."""
    return float(np.hypot(sd / np.sqrt(n), np.sqrt(floor)))

"""How many repeats a decision takes: by the paired t test, or by two one-sided ones within a margin (TOST)."""

from __future__ import annotations

from bisect import bisect_left
from math import floor, log2

import numpy as np
from scipy import special

from octant.analysis.comparison.intervals import ALPHA, CONFIDENCE

ENOUGH = 5  # repeats: with fewer nothing is decided, and figures show points without intervals
POWER = 0.8
MOST_REPEATS = 1_000
RESERVE = 0.9  # a plan for 80 % that is equal aims at 82: real seeds have longer tails than normal errors


def repeats_needed(
    gain: float,
    sd: float,
    n: int,
    margin: float | None = None,
    family: int = 1,
    wanted: float = POWER,
    alpha: float = ALPHA,
    confidence: float = CONFIDENCE,
    floor: float = 0.0,
) -> int | None:
    """How many repeats, more than the `n` there are, would decide with the wanted power, mean and SD being as seen.

    By the paired t test at `alpha` / `family`, or where a margin is declared by an interval within it, whichever needs
    fewer. Differences that are all equal need as many as give flipped signs a p below it. `floor` is the part of the
    mean's variance that more repeats would not lessen. None: more than 1,000, or nothing to plan with.
    """
    gain = abs(gain)
    if not sd > 0 and not (sd == 0 and floor > 0):
        return max(n + 1, flips_needed(family, alpha)) if sd == 0 and gain > 0 else None
    counts = range(max(ENOUGH, n + 1), MOST_REPEATS + 1)
    least = 1 - RESERVE * (1 - wanted)
    at = bisect_left(counts, wanted, key=lambda each: power(gain, sd, each, alpha / max(family, 1), floor))
    if margin is not None:
        at = min(at, bisect_left(
            counts, least, key=lambda each: equality_power(gain, sd, each, margin, confidence, floor)))  # fmt: skip
    return counts[at] if at < len(counts) else None


def flips_needed(family: int, alpha: float = ALPHA) -> int:
    """The fewest repeats with which flipping signs, whose p is at least 2 / 2^n, can show one of `family` effects."""
    return floor(log2(max(family, 1) / alpha)) + 2


def power(gain: float, sd: float, n: int, alpha: float, floor: float = 0.0) -> float:
    """Of the two-sided paired t test, by the noncentral t distribution; the far side counts for nothing.

    With a `floor`, whose own degrees of freedom are many, the sum has Satterthwaite's.
    """
    error = _error(sd, n, floor)
    df = (n - 1) * (min(error / (sd / np.sqrt(n)), 100) if sd > 0 else 100) ** 4
    return 1 - _t_below(float(-special.stdtrit(df, alpha / 2)), df, gain / error)


def equality_power(
    gain: float, sd: float, n: int, margin: float, confidence: float = CONFIDENCE, floor: float = 0.0
) -> float:
    """How often the interval lies within the margin, at least: both one-sided tests by the noncentral t distribution,
    put together by Bonferroni's inequality.
    """
    if margin <= gain:
        return 0.0
    edge, root = float(-special.stdtrit(n - 1, (1 - confidence) / 2)), 1 / _error(sd, n, floor)
    return 1 - _t_below(edge, n - 1, (margin - gain) * root) - _t_below(edge, n - 1, (margin + gain) * root)


def _t_below(edge: float, df: float, shift: float) -> float:
    """How often a noncentral t is below `edge`; where that underflows, scipy says NaN now and then."""
    return float(np.nan_to_num(special.nctdtr(df, shift, edge)))


def _error(sd: float, n: int, floor: float) -> float:
    """The standard error of a mean of n repeats, of whose variance `floor` stays whatever n is."""
    return float(np.hypot(sd / np.sqrt(n), np.sqrt(floor)))

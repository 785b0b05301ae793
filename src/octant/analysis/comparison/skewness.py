"""Skewed repeats: seeds that now and then lie farther out than a t test expects.

The level of claims and the intervals of means allow for it, as far as the repeats of all configurations show it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from octant.analysis.comparison.intervals import ALPHA, ROUNDING, Array, alike

LEAST = 5  # values; the skewness of fewer is noise
PENALTY, DOUBT, SHY = 4, 1.5, 3  # by simulation, which docs/intervals.md has
MOST = 60  # configurations of which every pair is looked at; of more, each with the next 30


def skewness(values: Array, unit: float = 1.0) -> Array:
    """The skewness of each row (m x n) over the values that it has, k3 / k2^(3/2): 0 where all are equal, NaN of fewer
    than five. With normal errors its mean is 0 (Joanes & Gill, The Statistician 47, 1998, G1).
    """
    found = np.full(len(values), np.nan)
    for rows, columns in alike(np.isfinite(values)):
        if (n := len(columns)) >= LEAST:
            apart = values[np.ix_(rows, columns)] / unit
            apart = apart - apart.mean(axis=1, keepdims=True)
            k2, k3 = (apart**2).sum(axis=1) / (n - 1), n * (apart**3).sum(axis=1) / ((n - 1) * (n - 2))
            found[rows] = np.where(k2 > ROUNDING**2, k3 / np.maximum(k2, ROUNDING**2) ** 1.5, 0.0)
    return found


def claim_level(values: Array, unit: float = 1.0) -> float:
    """The level of claims about differences between the columns (repeats x configurations).

    ALPHA / (1 + 4 s), where s is the mean square of the skewness of the paired differences, less what normal errors
    show by chance: 6 n (n - 1) / ((n - 2) (n + 1) (n + 3)), and 1.5 / sqrt(pairs) times as much for doubt. With fewer
    than five repeats it is ALPHA. The t test of a skewed difference is wrong more often than it says.
    """
    left, right = np.triu_indices(values.shape[1], 1)
    near = (right - left <= MOST // 2) | (values.shape[1] <= MOST)
    left, right = left[near], right[near]
    each = (values[:, left] - values[:, right]).T
    n, square = np.isfinite(each).sum(axis=1), skewness(each, unit) ** 2
    n, square = n[n >= LEAST], square[n >= LEAST]
    if not len(n):
        return ALPHA
    return float(level_of(square, n))


def level_of(square: Array, n: NDArray[np.int64] | int) -> Array:
    """The same from the squared skewness of the pairs (... x pairs) of n repeats each."""
    by_chance = 6.0 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3)) * (1 + DOUBT / np.sqrt(square.shape[-1]))
    return np.asarray(ALPHA / (1 + PENALTY * np.maximum(0.0, np.mean(square - by_chance, axis=-1))))


def pooled(values: Array, unit: float = 1.0) -> float:
    """The mean skewness of the columns (repeats x configurations), 0 where none has five values."""
    each = skewness(values.T, unit)
    return float(np.nanmean(each)) if np.isfinite(each).any() else 0.0


def longer(edge: Array, skewness: Array | float, n: NDArray[np.int64]) -> Array:
    """How many standard errors farther than Student's t the mean of `n` repeats may lie, on the side of their tail.

    `edge` is the quantile of t: with the skewness g the mean studentised is beyond it as often as t is beyond
    edge - g (2 edge^2 + 1) / (6 sqrt(n)) (the first term of its Edgeworth expansion: Hall, The Bootstrap and Edgeworth
    Expansion, 1992, section 2.6). Times 1 + 3 / n, since few repeats show too little of their tail.
    """
    return np.asarray(np.abs(skewness) * (2 * edge**2 + 1) / 6 / np.sqrt(n) * (1 + SHY / n))

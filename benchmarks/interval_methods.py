"""Five 95 % intervals of a mean, for many samples at once: values (m x n) -> (low, high), each (m,)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from octant.analysis.comparison.intervals import student
from octant.analysis.comparison.skewness import longer, skewness

Array = NDArray[np.float64]
Ends = tuple[Array, Array]
Method = Callable[[Array, np.random.Generator], Ends]

SHIPPED = "longer on one side"
TAIL = 0.025
RESAMPLES = 999


def students_t(values: Array, _: np.random.Generator) -> Ends:
    """mean +- t(n - 1) SD / sqrt(n)."""
    t = student(values)
    return t.low, t.high


def longer_on_one_side(values: Array, _: np.random.Generator) -> Ends:
    """What octant ships: t, longer on the side of the tail that eight rows, which are a sweep, show together."""
    t, n = student(values), np.full(len(values), values.shape[1])
    skew = skewness(values).reshape(-1, 8).mean(axis=1).repeat(8)
    edge = special.stdtrit(n - 1, 1 - TAIL)
    more = longer(edge, skew, n) * (t.high - t.low) / 2 / edge
    return t.low - more * (skew < 0), t.high + more * (skew > 0)


def bca(values: Array, rng: np.random.Generator) -> Ends:
    """Efron's bias-corrected and accelerated bootstrap, scipy's; a sample of equal values has no interval."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = stats.bootstrap(
            (values,), np.mean, n_resamples=RESAMPLES, batch=50, axis=-1, method="BCa", vectorized=True, rng=rng
        )
    return found.confidence_interval.low, found.confidence_interval.high


def bootstrap_t(values: Array, rng: np.random.Generator) -> Ends:
    """The studentised bootstrap: quantiles of (resampled mean - mean) / resampled error, turned round."""
    n = values.shape[1]
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(n)
    t = np.full((len(values), RESAMPLES), np.nan)
    for b, chosen in enumerate(rng.integers(0, n, (RESAMPLES, n))):
        again = values[:, chosen]
        spread = again.std(axis=1, ddof=1) / np.sqrt(n)
        # A resample of equal values has no t: it is left out, as is usual.
        np.divide(again.mean(axis=1) - mean, spread, out=t[:, b], where=spread > 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        low, high = np.nanquantile(t, [TAIL, 1 - TAIL], axis=1)
    return mean - high * error, mean - low * error


def inverted_sign_flip(values: Array, rng: np.random.Generator) -> Ends:
    """All means that the two-sided sign-flip test keeps at 5 %: all 2^n patterns to 10 values, else 4,999.

    A pattern splits the sample in two; for a supposed mean between the averages of the two parts, the flipped sum
    is as far from 0 as the sum itself, and for no other. So p falls, step by step, as one passes those averages on
    the way out from the mean (Hartigan 1969), and no search is needed. Up to 5 values nothing is ever rejected.
    """
    n = values.shape[1]
    few = n <= 10
    patterns = np.array(list(product((0.0, 1.0), repeat=n - 1))[1:]) if few else rng.integers(0, 2, (4999, n))
    part = np.hstack([patterns, np.zeros((len(patterns), 1))]) if few else patterns[np.ptp(patterns, axis=1) > 0]
    here, there = values @ part.T / part.sum(axis=1), values @ (1 - part).T / (1 - part).sum(axis=1)
    kept = int(2 * TAIL * (len(part) + 1) + 1e-9)
    if kept == 0:
        return np.full(len(values), -np.inf), np.full(len(values), np.inf)
    low = np.partition(np.minimum(here, there), kept - 1, axis=1)[:, kept - 1]
    high = np.partition(np.maximum(here, there), -kept, axis=1)[:, -kept]
    return low, high


METHODS: dict[str, Method] = {
    "Student's t": students_t,
    SHIPPED: longer_on_one_side,
    "BCa": bca,
    "bootstrap-t": bootstrap_t,
    "inverted sign-flip": inverted_sign_flip,
}

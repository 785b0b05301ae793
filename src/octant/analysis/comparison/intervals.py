"""The interval, the p-values and the adjustment that every table uses; docs/intervals.md says why these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

Array = NDArray[np.float64]

LEVEL = 0.95
ALPHA = 0.05
# Percentage points. Accuracies are multiples of 100 / n_test: what differs by less differs by rounding alone.
ROUNDING = 1e-9
EXACT_SEEDS = 16
PATTERNS = 19_999
SIGN_SEED = 20_051


@dataclass(frozen=True)
class Student:
    """Mean, SD (n - 1), ends of the 95 % interval of the mean, and the two-sided p-value of a mean of 0."""

    mean: Array
    sd: Array
    low: Array
    high: Array
    p: Array


def student(values: Array) -> Student:
    """Student's t of `values` (... x n) along the last axis; all but the mean are NaN below two values.

    Where all values are equal the interval has no width, and t would claim certainty from n equal numbers: p is
    then 1 for a mean of 0, and otherwise the smallest that flipping signs allows, 2 / 2^n.
    """
    n = values.shape[-1]
    if n < 2:
        nan = np.full(values.shape[:-1], np.nan)
        return Student(values[..., 0] if n else nan, nan, nan, nan, nan)
    mean, flat = values.mean(axis=-1) + 0.0, np.ptp(values, axis=-1) < ROUNDING
    sd = np.where(flat, 0.0, values.std(axis=-1, ddof=1))
    error = sd / np.sqrt(n)
    half = stats.t.ppf((1 + LEVEL) / 2, n - 1) * error
    p = 2 * stats.t.sf(np.abs(mean) / np.where(flat, 1.0, error), n - 1)
    p_flat = np.where(np.abs(mean) < ROUNDING, 1.0, 2.0 ** (1 - n))
    return Student(mean, sd, mean - half, mean + half, np.where(flat, p_flat, p))


def sign_flip_p(contrasts: Array) -> Array:
    """Two-sided p-values (m,) that `contrasts` (m x seeds) are symmetric about 0: Fisher's sign-flip test.

    All 2^n sign patterns up to 16 seeds. Above, 19,999 random ones with a fixed seed of their own, and
    p = (count + 1) / (patterns + 1), so that p is never 0 and the test stays valid (Phipson & Smyth 2010).
    """
    n = contrasts.shape[-1]
    if n < 2:
        return np.full(contrasts.shape[:-1], np.nan)

    def size(x: Array, axis: int) -> Any:
        # Rounded, because a tie that rounding breaks would make p too small.
        return np.round(np.abs(x.mean(axis=axis)), 9)

    exact = n <= EXACT_SEEDS
    test = stats.permutation_test(
        (contrasts,),
        size,
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        axis=-1,
        n_resamples=2**EXACT_SEEDS if exact else PATTERNS,
        batch=4096 if len(contrasts) <= 64 else 64,
        rng=np.random.default_rng(SIGN_SEED),
    )
    return np.asarray(test.pvalue, dtype=np.float64)


def holm(p: Array) -> Array:
    """Holm's adjustment over the p-values (m,) that there are; NaN stays NaN and is no member of the family."""
    adjusted, known = np.full(p.shape, np.nan), ~np.isnan(p)
    if known.any():
        adjusted[known] = multipletests(p[known], alpha=ALPHA, method="holm")[1]
    return adjusted


def shown(estimate: Array, low: Array, high: Array, p_holm: Array, as_zero: Array) -> NDArray[np.bool_]:
    """Where a difference may be claimed: the interval leaves out 0, the adjusted p is below 0.05, and counting
    diverged runs as 0 % would not turn its sign.
    """
    return ((low > 0) | (high < 0)) & (p_holm < ALPHA) & (np.sign(estimate) == np.sign(as_zero))

"""The interval, the p-values and the adjustment that every table uses; docs/intervals.md says why these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special  # scipy.stats has the same functions, and takes half a second to import

Array = NDArray[np.float64]

MISSES = 0.05  # of the intervals, each by itself
CONFIDENCE = 1 - MISSES
ALPHA = 0.04  # of claims; of those that rest on t, less where errors are skewed (see skewness.claim_level)
# Of a unit, which is a percentage point for shares. Accuracies are multiples of 100 / n_test: what differs by less
# differs by rounding alone.
ROUNDING = 1e-9
EXACT_SEEDS = 16
PATTERNS = 19_999
SIGN_SEED = 20_051
_AT_ONCE = 4_000_000  # numbers held in memory at a time


@dataclass(frozen=True)
class Student:
    """Mean, SD (n - 1), ends of the 95 % (or other) interval of the mean, and the two-sided p-value of a mean of 0."""

    mean: Array
    sd: Array
    low: Array
    high: Array
    p: Array


def student(
    values: Array, unit: float = 1.0, step: float = 0.0, level: float = CONFIDENCE, overlap: float = 0.0
) -> Student:
    """Student's t of `values` (... x n) along the last axis; all but the mean are NaN below two values.

    Where all values are equal t would claim certainty from n equal numbers. The interval is then as wide as if one of
    them were one `step` away, the least by which the endpoint can differ; p is 1 for a mean of 0, and otherwise at
    least what flipping signs allows, 2 / 2^n. `overlap` is n_test / n_train of repeats whose training sets overlap:
    the variance of their mean is taken for (1 / n + overlap) times theirs (Nadeau & Bengio, Machine Learning 52, 2003).
    """
    n = values.shape[-1]
    if n < 2:
        nan = np.full(values.shape[:-1], np.nan)
        return Student(values[..., 0] if n else nan, nan, nan, nan, nan)
    mean, flat = values.mean(axis=-1) + 0.0, np.ptp(values, axis=-1) < ROUNDING * unit
    sd = np.where(flat, 0.0, values.std(axis=-1, ddof=1))
    error = np.where(flat, step / np.sqrt(n), sd) * np.sqrt(1 + n * overlap) / np.sqrt(n)
    half = special.stdtrit(n - 1, (1 + level) / 2) * error
    p = 2 * special.stdtr(n - 1, -np.abs(mean) / np.where(error > 0, error, np.inf)) * (error > 0)
    p_flat = np.where(np.abs(mean) < ROUNDING * unit, 1.0, np.maximum(p, 2.0 ** (1 - n)))
    return Student(mean, sd, mean - half, mean + half, np.where(flat, p_flat, p))


def student_rows(
    values: Array, unit: float = 1.0, step: float = 0.0, level: float = CONFIDENCE, overlap: float = 0.0
) -> tuple[NDArray[np.int64], Student]:
    """Student's t of each row of `values` (m x n) over the values that it has, and how many those are."""
    found = Student(*(np.full(len(values), np.nan) for _ in range(5)))
    for rows, columns in alike(np.isfinite(values)):
        t = student(np.ascontiguousarray(values[rows][:, columns]), unit, step, level, overlap)
        for name in ("mean", "sd", "low", "high", "p"):
            getattr(found, name)[rows] = getattr(t, name)
    return np.isfinite(values).sum(axis=1), found


def alike(known: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The rows of `known` (m x n) that are true in the same columns, and these columns; one pair a kind of row."""
    kinds: dict[bytes, list[int]] = {}
    for row, kind in enumerate(known):
        kinds.setdefault(kind.tobytes(), []).append(row)
    for rows in kinds.values():
        yield np.array(rows), np.flatnonzero(known[rows[0]])


def sign_flip_p(contrasts: Array, unit: float = 1.0) -> Array:
    """Two-sided p-values (m,) that `contrasts` (m x repeats) are symmetric about 0: Fisher's sign-flip test.

    All 2^n sign patterns up to 16 repeats. Above, 19,999 random ones with a fixed seed of their own, and
    p = (count + 1) / (patterns + 1), so that p is never 0 and the test stays valid (Phipson & Smyth 2010).
    """
    m, n = contrasts.shape
    if n < 2:
        return np.full(m, np.nan)
    exact = n <= EXACT_SEEDS
    signs = _halved_patterns(n) if exact else _random_patterns(n)
    p = np.empty(m)
    step = max(1, _AT_ONCE // len(signs))
    for rows in (slice(first, first + step) for first in range(0, m, step)):
        scaled = contrasts[rows] / (unit * n)
        # Less a little, because a tie that rounding breaks would make p too small.
        count = (np.abs(signs @ scaled.T) >= np.abs(scaled.sum(axis=1)) - ROUNDING).sum(axis=0)
        p[rows] = count / len(signs) if exact else (count + 1) / (len(signs) + 1)
    return p


@cache
def _halved_patterns(n: int) -> Array:
    """The 2^(n-1) sign patterns whose first sign is +; the others are as far from 0."""
    bits = np.arange(2 ** (n - 1))[:, None] >> np.arange(n)  # the highest is always 0
    return np.asarray(1 - 2 * (bits & 1), dtype=np.float64)


@cache
def _random_patterns(n: int) -> Array:
    return np.random.default_rng(SIGN_SEED).choice((-1.0, 1.0), size=(PATTERNS, n))


def holm(p: Array) -> Array:
    """Holm's step-down adjustment (Holm 1979) over the p-values (m,) that there are.

    NaN stays NaN and is no member of the family. The smallest p is multiplied by m, the next by m - 1, and so on; none
    becomes smaller than the one before it.
    """
    adjusted, rising = np.full(p.shape, np.nan), np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN is last
    adjusted[rising] = np.minimum(np.maximum.accumulate(p[rising] * np.arange(len(rising), 0, -1)), 1.0)
    return adjusted


def shown(
    estimate: Array,
    low: Array,
    high: Array,
    p_holm: Array,
    as_zero: Array,
    rounding: float | None = None,
    alpha: float = ALPHA,
) -> NDArray[np.bool_]:
    """Where a difference may be claimed: the interval leaves out 0, the adjusted p is below `alpha`, and counting
    diverged runs (as 0 %, or as the worst run there is) would not turn its sign. Where differences are exact,
    `rounding` is given instead of chance: whatever is larger is a difference.
    """
    if rounding is not None:
        return (np.abs(estimate) > rounding) & (np.sign(estimate) == np.sign(as_zero))
    return ((low > 0) | (high < 0)) & (p_holm < alpha) & (np.sign(estimate) == np.sign(as_zero))

"""Rows drawn with replacement (Efron, Annals of Statistics 7, 1979), always the same."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from octant.analysis.comparison.intervals import Array

DRAWS = 2_000
SEED = 20_052


@cache
def draws(n: int) -> NDArray[np.int64]:
    """Rows drawn with replacement (draws x n), always the same."""
    return np.random.default_rng(SEED).integers(n, size=(DRAWS, n))


def counts(rows: NDArray[np.int64], n: int) -> Array:
    """How often each of n rows was drawn (draws x n)."""
    return np.stack([(rows == at).sum(axis=1) for at in range(n)], axis=1).astype(float)

"""The digits that scikit-learn ships: 1797 pictures, 8 x 8 pixels from 0 to 16 (the test part of UCI's)."""

from __future__ import annotations

from functools import cache

import numpy as np

from octant.config import DataSettings
from octant.network.data.parts import Source


def read(_: DataSettings) -> Source:
    """The digits, in scikit-learn's order."""
    from sklearn.datasets import load_digits  # seconds: only when needed

    X, labels = load_digits(return_X_y=True)
    return Source("digits", X, labels.astype(np.int64), 16.0, (8, 8))


def identity(_: DataSettings) -> list[object]:
    """The digits change at most with scikit-learn's version."""
    return [_version()]


@cache
def _version() -> str:
    from importlib.metadata import version

    return version("scikit-learn")

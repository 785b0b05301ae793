"""One seed, independent streams: initial weights, visiting order, split, and the examples that diagnostics look at.

Separate children of one SeedSequence keep comparisons paired: two configurations with the same seed get the same
initial weights and the same order, whatever else they draw. A stream is a pure function of the seed (and of the
epoch), so a resumed run needs no stored generator state.
"""

from __future__ import annotations

from numpy.random import SeedSequence


def weights(seed: int) -> SeedSequence:
    """Stream of the initial weights."""
    return SeedSequence(seed, spawn_key=(0,))


def order(seed: int, epoch: int) -> SeedSequence:
    """Stream of the order in which `epoch` (1-based) visits the training examples."""
    return SeedSequence(seed, spawn_key=(1, epoch))


def points(seed: int) -> SeedSequence:
    """Stream of the points of a data set that is drawn."""
    return SeedSequence(seed, spawn_key=(4,))


def probe(seed: int) -> SeedSequence:
    """Stream of the training examples that diagnostics look at."""
    return SeedSequence(seed, spawn_key=(3,))


def split(seed: int) -> SeedSequence:
    """Stream of the train/validation/test split."""
    return SeedSequence(seed, spawn_key=(2,))

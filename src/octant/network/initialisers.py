"""Initial weights: each function draws all parameters of a d-h-k network from one seed.

`W1 (d, h)`, `b1 (h,)`, `W2 (h, k)`, `b2 (k,)`, drawn in that order in float64, so that the same seed gives the
same weights in every configuration. An initialiser is a word of its own, never implied by an activation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from octant.network.activations import Array


class Parameters(NamedTuple):
    """Weights and biases of a d-h-k network: W1 (d, h), b1 (h,), W2 (h, k), b2 (k,)."""

    W1: Array
    b1: Array
    W2: Array
    b2: Array


Initialiser = Callable[[np.random.SeedSequence, int, int, int], Parameters]
Draw = Callable[[np.random.Generator, int, int], Array]


def _layers(draw: Draw, seed: np.random.SeedSequence, d: int, h: int, k: int) -> Parameters:
    rng = np.random.default_rng(seed)
    return Parameters(draw(rng, d, h), np.zeros(h), draw(rng, h, k), np.zeros(k))


def _uniform(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """U(-1, 1)."""
    return rng.uniform(-1.0, 1.0, (n_in, n_out))


def _scaled(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """N(0, 1/n_in): standard deviation 1/sqrt(n_in) (LeCun et al., Efficient BackProp, 1998, section 4.6)."""
    return rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)


def _glorot(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """U(-r, r), r = sqrt(6 / (n_in + n_out)) (Glorot and Bengio, AISTATS 2010, eq. 16)."""
    r = np.sqrt(6.0 / (n_in + n_out))
    return rng.uniform(-r, r, (n_in, n_out))


def normal(seed: np.random.SeedSequence, d: int, h: int, k: int) -> Parameters:
    """Weights and biases N(0, 1) (Nielsen, Neural Networks and Deep Learning, 2015, chapter 1)."""
    rng = np.random.default_rng(seed)
    shapes = ((d, h), (h,), (h, k), (k,))
    return Parameters(*(rng.standard_normal(shape) for shape in shapes))


def wrong(seed: np.random.SeedSequence, d: int, h: int, k: int) -> Parameters:
    """Every weight and bias -2: outputs that start near 0, badly wrong for a target of 1 (Nielsen, 2015, chapter 3)."""
    return Parameters(np.full((d, h), -2.0), np.full(h, -2.0), np.full((h, k), -2.0), np.full(k, -2.0))


def lecture(seed: np.random.SeedSequence, d: int, h: int, k: int) -> Parameters:
    """The lecture's weights: 2u - 1, drawn as (h, d) then (k, h), twice, the second pair kept; biases zero.

    The lecture draws from NumPy's legacy generator seeded with 1. The run's seed takes its place: seed 1 gives
    the lecture's own weights.
    """
    legacy = np.random.RandomState(int(seed.entropy))  # type: ignore[arg-type]
    for _ in range(2):
        W1 = 2.0 * legacy.random_sample((h, d)) - 1.0
        W2 = 2.0 * legacy.random_sample((k, h)) - 1.0
    return Parameters(np.ascontiguousarray(W1.T), np.zeros(h), np.ascontiguousarray(W2.T), np.zeros(k))


INITIALISERS: dict[str, Initialiser] = {
    "uniform": partial(_layers, _uniform),
    "normal": normal,
    "scaled": partial(_layers, _scaled),
    "glorot": partial(_layers, _glorot),
    "wrong": wrong,
    "lecture": lecture,
}

"""Data sets that need no file: those that scikit-learn ships, and points drawn in the plane."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata

import numpy as np

from octant.network import seeds
from octant.network.data.dataset import Array, Source, split_rows
from octant.network.settings import DataSettings


def read_digits(_: DataSettings) -> Source:
    """The digits that scikit-learn ships: 1797 pictures, 8 x 8 pixels from 0 to 16 (the test part of UCI's)."""
    from sklearn.datasets import load_digits  # seconds: only when needed

    X, labels = load_digits(return_X_y=True)
    return Source("digits", X, labels.astype(np.int64), 16.0, (8, 8))


def read_shipped(settings: DataSettings) -> Source:
    """Iris, wine or breast cancer (UCI), each column standardised by the training examples' mean and SD."""
    from sklearn import datasets

    found = getattr(datasets, f"load_{settings.name}")()
    names = tuple(map(str, found.target_names))
    raw = Source(settings.name, found.data, found.target.astype(np.int64), 1.0, None, class_names=names)
    train = raw.X[split_rows(raw, settings)[0]]
    line = f"{settings.name}: {raw.X.shape[1]} columns, each standardised by the training examples"
    return replace(raw, X=(raw.X - train.mean(axis=0)) / train.std(axis=0), reading=line)


def read_point(_: DataSettings) -> Source:
    """One example, x = 1 of the only class, five times: three to train, one to validate, one to test."""
    return Source("point", np.ones((5, 1)), np.zeros(5, np.int64), 1.0, None)


def read_plane(settings: DataSettings) -> Source:
    """`examples` points of two classes in the plane, as many of each, normal `noise` on both coordinates."""
    rng = np.random.default_rng(seeds.points(settings.split_seed))
    labels = np.arange(settings.examples or 0) % 2
    X = _SHAPES[settings.name](rng, labels) + rng.normal(0, settings.noise or 0, (len(labels), 2))
    return Source(settings.name, X, labels.astype(np.int64), 1.0, None)


def _moons(rng: np.random.Generator, labels: Array) -> Array:
    """Two half circles of radius 1, one upside down and moved to (1, 0.5), as scikit-learn's make_moons."""
    angle = rng.uniform(0, math.pi, len(labels))
    x, y = np.cos(angle), np.sin(angle)
    return np.where(labels[:, None] == 0, np.stack([x, y], 1), np.stack([1 - x, 0.5 - y], 1))


def _circles(rng: np.random.Generator, labels: Array) -> Array:
    """A circle of radius 1 and one of radius 1/2 within it."""
    angle, radius = rng.uniform(0, 2 * math.pi, len(labels)), 1.0 - 0.5 * labels
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def _spirals(rng: np.random.Generator, labels: Array) -> Array:
    """Two spirals from the centre to radius 1 in one and a half turns, half a turn apart (Lang and Witbrock, 1988)."""
    radius = np.sqrt(rng.uniform(0, 1, len(labels)))
    angle = 3 * math.pi * radius + math.pi * labels
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


_SHAPES: dict[str, Callable[[np.random.Generator, Array], Array]] = {
    "moons": _moons, "circles": _circles, "spirals": _spirals,
}  # fmt: skip


def shipped_state(_: DataSettings) -> list[object]:
    """What scikit-learn ships changes at most with its version."""
    return [_version("scikit-learn")]


_version = functools.cache(metadata.version)  # a look into all that is installed

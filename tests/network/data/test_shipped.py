"""Data sets that need no file: against scikit-learn's own numbers and the curves they are drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression

from octant.errors import InputError
from octant.network.data import load
from octant.network.settings import PLANES, TABLES
from support.settings import parse_settings

SPLIT = {"test_fraction": 0.2, "validation_fraction": 0.2}


def loaded(name: str, **more: Any) -> Any:
    return load(parse_settings({"dataset": {"name": name, **SPLIT, **more}}).dataset)


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_standardised_on_training(name: str) -> None:
    found = loaded(name)
    X = found.train.X
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1, rtol=1e-12)
    assert abs(found.test.X.mean(axis=0)).max() > 0.01  # its own statistics were not used
    theirs = getattr(datasets, f"load_{name}")()
    assert found.class_names == tuple(theirs.target_names)
    parts = [found.train, found.validation, found.test]
    together = np.concatenate([part.X for part in parts])
    assert sum(map(len, parts)) == len(theirs.data)
    # Standardising is affine: a column's order is the original's.
    column = np.sort(theirs.data[:, 0])
    np.testing.assert_allclose(np.corrcoef(np.sort(together[:, 0]), column)[0, 1], 1, rtol=1e-12)


@pytest.mark.parametrize("name", PLANES)
def test_points_lie_on_their_curves(name: str) -> None:
    found = loaded(name, examples=400, noise=0.0)
    X, labels = np.concatenate([found.train.X, found.test.X]), np.concatenate([found.train.labels, found.test.labels])
    x, y = X.T
    if name == "moons":
        first = np.hypot(x, y) * np.sign(y)
        second = np.hypot(x - 1, y - 0.5) * -np.sign(y - 0.5)
        np.testing.assert_allclose(np.where(labels == 0, first, second), 1, atol=1e-9)
    elif name == "circles":
        np.testing.assert_allclose(np.hypot(x, y), np.where(labels == 0, 1, 0.5), atol=1e-12)
    else:
        turned = np.arctan2(y, x) - 3 * np.pi * np.hypot(x, y) - np.pi * labels
        np.testing.assert_allclose(np.cos(turned), 1, atol=1e-9)
        assert np.hypot(x, y).max() <= 1
    assert abs(int((labels == 0).sum()) - 160) < 40


def test_plane_settings_decide_the_points() -> None:
    first, again, other = (loaded("moons", examples=200, noise=0.1, split_seed=seed) for seed in (0, 0, 1))
    assert first.digest == again.digest != other.digest
    still, noisy = (np.sort(loaded("moons", examples=200, noise=s).train.X, axis=0) for s in (0.0, 0.3))
    assert np.abs(still[:, 0]).max() <= 2 < np.abs(noisy[:, 0]).max()


def test_no_line_parts_the_planes_classes() -> None:
    for name in ("circles", "spirals"):
        found = loaded(name, examples=1000, noise=0.02)
        line = LogisticRegression().fit(found.train.X, found.train.labels)
        assert line.score(found.test.X, found.test.labels) < 0.75, name


@pytest.mark.parametrize(
    "values", [{"name": "digits", "noise": 0.1}, {"name": "moons"}, {"name": "moons", "examples": 100}]
)
def test_plane_settings_belong_to_planes(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"dataset\.examples and dataset\.noise belong, both, to dataset=moons"):
        parse_settings({"dataset": values | SPLIT})

"""Which examples train, which validate, which test: fixed by the settings, the same in every run."""

from __future__ import annotations

import numpy as np

from octant.config import DataSettings
from octant.network import seeds
from octant.network.data.files import complaint
from octant.network.data.parts import Array, Source


def split(source: Source, settings: DataSettings) -> tuple[Array, Array, Array]:
    """Indices of the train, validation and test examples, each in file order: training decides on the visits.

    Fractions are of all examples; where the source has its own test set, of the others.
    Raises InputError when a part that is asked for, or the training set, would be empty.
    """
    n = len(source.labels) - source.own_test
    share = _test_share(source, settings)
    tests, validations = round(n * share), round(n * settings.validation_fraction)
    counts = (n - tests - validations, validations, tests)
    short = (settings.validation_fraction > 0 and not validations) or (share > 0 and not tests)
    if short or counts[0] < 1:
        wrong = f"{n} examples are too few for the split: train, validation, test would be {counts}"
        remedy = "give more examples or other dataset.validation_fraction and dataset.test_fraction"
        raise complaint(source.where, wrong, remedy)
    drawn = np.random.default_rng(seeds.split(settings.split_seed)).permutation(n)
    test, validation, train = np.split(drawn, [tests, tests + validations])
    own = np.arange(n, n + source.own_test)
    return np.sort(train), np.sort(validation), np.concatenate([np.sort(test), own])


def _test_share(source: Source, settings: DataSettings) -> float:
    if source.own_test:
        return 0.0
    if settings.test_fraction is None:
        raise complaint(source.where, "it has no test set of its own", "give dataset.test_fraction, such as 0.2")
    return settings.test_fraction

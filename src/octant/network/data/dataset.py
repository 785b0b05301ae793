"""A data set: as its source holds it, split, digested, and as training sees it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from octant.network import seeds
from octant.network.data.files import complaint
from octant.network.settings import DataSettings

Array = NDArray[Any]
BLOCK = 4096  # examples decoded at a time


@dataclass(frozen=True, eq=False)
class Source:
    """Raw inputs `X (n, d)`, to be divided by `scale`, and `labels (n,)` int64 in 0..k-1.

    `where` names the source in messages. `image_shape` is (rows, columns) of a picture, or None. The last
    `own_test` examples are the source's own test set. `class_names` are 0, 1, 2, ... unless given, `input_names` those
    of a table's columns; `reading` says what was taken for what, where that had to be found out.
    """

    where: str
    X: Array
    labels: Array
    scale: float
    image_shape: tuple[int, int] | None
    own_test: int = 0
    class_names: tuple[str, ...] = ()
    reading: str = ""
    input_names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs `X (n, d)`, float32 or float64, C-contiguous, and `labels (n,)` int64 in 0..k-1: read-only."""

    X: Array
    labels: Array

    def __len__(self) -> int:
        """Number of examples, n."""
        return len(self.labels)


@dataclass(frozen=True)
class Facts:
    """What is known of a decoded data set besides its arrays.

    `counts` is (train, validation, test), `inputs` the number of inputs of an example, d. `digest` is the SHA-256
    (hex) of the source arrays, their scale and the split; `scale` what the inputs were divided by. `class_names`
    belong to the labels 0..k-1, `input_names` (or none) to the inputs; `reading` is one line on what was taken for
    what, or "".
    """

    name: str
    counts: tuple[int, int, int]
    inputs: int
    classes: int
    digest: str
    image_shape: tuple[int, int] | None
    scale: float
    class_names: tuple[str, ...]
    reading: str
    input_names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Dataset(Facts):
    """Train, validation (may be empty) and test examples, each part in the order of its source."""

    train: Examples
    validation: Examples
    test: Examples

    @classmethod
    def of(cls, facts: Facts, X: Array, labels: Array) -> Dataset:
        """View the rows of `X (n, d)`, `labels (n,)`, ordered train, validation, test, as a data set."""
        X.flags.writeable = labels.flags.writeable = False
        ends = np.cumsum(facts.counts)[:2]
        train, validation, test = map(Examples, np.split(X, ends), np.split(labels, ends))
        return cls(**vars(facts), train=train, validation=validation, test=test)


def default_names(classes: int) -> tuple[str, ...]:
    """0, 1, 2, ...: the names of classes that have no others."""
    return tuple(map(str, range(classes)))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A source that is split: facts, `labels (n,)` in the order train, validation, test, and their `rows` in it."""

    facts: Facts
    labels: Array
    source: Source
    rows: Array

    @classmethod
    def of(cls, source: Source, settings: DataSettings) -> Prepared:
        """Split and digest a source; raises InputError where it is too small, or a class is not in the training set."""
        parts = split_rows(source, settings)
        if unseen := sorted(set(source.labels.tolist()) - set(source.labels[parts[0]].tolist())):
            wrong = f"no training example of class {unseen[0]} is left by the split"
            raise complaint(source.where, wrong, "give more examples or a smaller dataset.validation_fraction")
        train, validation, test = map(len, parts)
        classes = int(source.labels.max()) + 1
        facts = Facts(
            name=settings.name,
            counts=(train, validation, test),
            inputs=source.X.shape[1],
            classes=classes,
            digest=_digest(source, settings, parts),
            image_shape=source.image_shape,
            scale=source.scale,
            class_names=source.class_names or default_names(classes),
            reading=source.reading,
            input_names=source.input_names,
        )
        rows = np.concatenate(parts)
        return cls(facts, source.labels[rows], source, rows)

    def blocks(self, dtype: str) -> Iterator[Array]:
        """The scaled inputs in the order of `labels`, some rows at a time.

        Raises InputError at an input that is NaN or infinite, or is so in `dtype`.
        """
        for start in range(0, len(self.rows), BLOCK):
            rows = self.rows[start : start + BLOCK]
            with np.errstate(over="ignore"):
                block = np.divide(self.source.X[rows], self.source.scale, dtype=dtype, order="C")
            if not np.isfinite(block).all():
                row, column = np.argwhere(~np.isfinite(block))[0]
                wrong = f"input {column} of example {rows[row]} is NaN, infinite or too large for {dtype}"
                raise complaint(self.source.where, wrong, "dataset.path must hold finite numbers")
            yield block


def _digest(source: Source, settings: DataSettings, parts: tuple[Array, ...]) -> str:
    """SHA-256 over the whole source arrays, their scale, the split's settings and what it chose.

    Little-endian and C-contiguous whatever the machine; the run's dtype, paths and compression are not in it.
    """
    decisive = [source.scale, settings.validation_fraction, settings.test_fraction, settings.split_seed]
    digest = hashlib.sha256(json.dumps(decisive).encode())
    for array in (source.X, source.labels, *parts):
        portable = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(json.dumps([portable.shape, portable.dtype.str]).encode())
        digest.update(portable.data)
    return digest.hexdigest()


def split_rows(source: Source, settings: DataSettings) -> tuple[Array, Array, Array]:
    """Indices of the train, validation and test examples, each in file order: training decides on the visits.

    Fractions are of all examples; where the source has its own test set, of the others. Fold f tests the f-th part of
    a permutation, so that the folds of one `split_seed` test each example once; without folds it is the first part.
    Raises InputError when a part that is asked for, or the training set, would be empty, or there is no such fold.
    """
    n = len(source.labels) - source.own_test
    share = _test_share(source, settings)
    first, end = _tested(n, share, source, settings)
    tests, validations = end - first, round(n * settings.validation_fraction)
    counts = (n - tests - validations, validations, tests)
    short = (settings.validation_fraction > 0 and not validations) or (share > 0 and not tests)
    if short or counts[0] < 1:
        wrong = f"{n} examples are too few for the split: train, validation, test would be {counts}"
        remedy = "give more examples or other dataset.validation_fraction and dataset.test_fraction"
        raise complaint(source.where, wrong, remedy)
    drawn = np.random.default_rng(seeds.split(settings.split_seed)).permutation(n)
    test, validation, train = np.split(np.roll(drawn, -first), [tests, tests + validations])
    own = np.arange(n, n + source.own_test)
    return np.sort(train), np.sort(validation), np.concatenate([np.sort(test), own])


def _tested(n: int, share: float, source: Source, settings: DataSettings) -> tuple[int, int]:
    """Where in the permutation of n examples the test part begins and ends."""
    if settings.fold is None:
        return 0, round(n * share)
    if not share or abs(1 / share - round(1 / share)) > 1e-9 or settings.fold >= round(1 / share):
        fit = "dataset.test_fraction=0.2 has the folds 0 to 4, 0.1 has 0 to 9"
        raise complaint(source.where, f"dataset.fold={settings.fold} does not fit its test part", fit)
    first, end = (round(n * share * each) for each in (settings.fold, settings.fold + 1))
    return first, end


def _test_share(source: Source, settings: DataSettings) -> float:
    if source.own_test:
        return 0.0
    if settings.test_fraction is None:
        raise complaint(source.where, "it has no test set of its own", "give dataset.test_fraction, such as 0.2")
    return settings.test_fraction

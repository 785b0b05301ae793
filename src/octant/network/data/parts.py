"""A data set as its source holds it, and as training sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Source:
    """Raw inputs `X (n, d)`, to be divided by `scale`, and `labels (n,)` int64 in 0..k-1.

    `where` names the source in messages. `image_shape` is (rows, columns) of a picture, or None. The last
    `own_test` examples are the source's own test set.
    """

    where: str
    X: Array
    labels: Array
    scale: float
    image_shape: tuple[int, int] | None
    own_test: int = 0


@dataclass(frozen=True, eq=False)
class Part:
    """Inputs `X (n, d)`, float32 or float64, C-contiguous, and `labels (n,)` int64 in 0..k-1: read-only."""

    X: Array
    labels: Array

    def __len__(self) -> int:
        """Number of examples, n."""
        return len(self.labels)


@dataclass(frozen=True)
class Facts:
    """What is known of a decoded data set besides its arrays; `counts` is (train, validation, test)."""

    name: str
    counts: tuple[int, int, int]
    inputs: int
    classes: int
    digest: str
    image_shape: tuple[int, int] | None
    scale: float


@dataclass(frozen=True, eq=False)
class Dataset:
    """Train, validation (may be empty) and test examples, each part in the order of its source.

    `digest` is the SHA-256 (hex) of the source arrays, their scale and the split; `scale` what its inputs were
    divided by.
    """

    name: str
    train: Part
    validation: Part
    test: Part
    classes: int
    digest: str
    image_shape: tuple[int, int] | None
    scale: float

    @property
    def inputs(self) -> int:
        """Number of inputs of an example, d."""
        return int(self.train.X.shape[1])


def assemble(facts: Facts, X: Array, labels: Array) -> Dataset:
    """View the rows of `X (n, d)`, `labels (n,)`, ordered train, validation, test, as a Dataset."""
    X.flags.writeable = labels.flags.writeable = False
    train, validation, _ = facts.counts
    first, second = train, train + validation
    return Dataset(
        name=facts.name,
        train=Part(X[:first], labels[:first]),
        validation=Part(X[first:second], labels[first:second]),
        test=Part(X[second:], labels[second:]),
        classes=facts.classes,
        digest=facts.digest,
        image_shape=facts.image_shape,
        scale=facts.scale,
    )

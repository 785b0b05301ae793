"""A source made ready: split, digested, and decoded block by block, so that memory stays low."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from octant.config import DataSettings
from octant.network.data.files import complaint
from octant.network.data.parts import Array, Facts, Source
from octant.network.data.split import split

BLOCK = 4096  # examples decoded at a time


@dataclass(frozen=True, eq=False)
class Prepared:
    """Facts, `labels (n,)` in the order train, validation, test, and where the inputs of those are found."""

    facts: Facts
    labels: Array
    source: Source
    rows: Array

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


def prepare(source: Source, settings: DataSettings) -> Prepared:
    """Split and digest a source; raises InputError when it is too small for its split: a class may not be trained."""
    parts = split(source, settings)
    if unseen := sorted(set(source.labels.tolist()) - set(source.labels[parts[0]].tolist())):
        wrong = f"no training example of class {unseen[0]} is left by the split"
        raise complaint(source.where, wrong, "give more examples or a smaller dataset.validation_fraction")
    train, validation, test = (len(part) for part in parts)
    facts = Facts(
        name=settings.name,
        counts=(train, validation, test),
        inputs=source.X.shape[1],
        classes=int(source.labels.max()) + 1,
        digest=_digest(source, settings, parts),
        image_shape=source.image_shape,
        scale=source.scale,
    )
    rows = np.concatenate(parts)
    return Prepared(facts, source.labels[rows], source, rows)


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

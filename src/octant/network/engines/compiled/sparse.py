"""The training examples without their zeros: these add nothing forward and change nothing backward."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from octant.network.activations import Array


class Sparse(NamedTuple):
    """Rows of X (n, d): the values of row i are values[pointers[i] : pointers[i + 1]], in these columns."""

    values: Array
    columns: NDArray[Any]
    pointers: NDArray[np.int64]


_kept: list[tuple[Array, Sparse]] = []
KEPT = 3  # arrays: train, validation and test, of which all runs of a worker read the same ones


def compressed(X: Array, dtype: np.dtype[Any]) -> Sparse:
    """X without its zeros; made once for each array that nobody can change, such as a data set's."""
    for seen, examples in _kept:
        if seen is X and examples.values.dtype == dtype:
            return examples
    examples = compress(X, dtype)
    if not X.flags.writeable:
        _kept.append((X, examples))
        del _kept[:-KEPT]
    return examples


def compress(X: Array, dtype: np.dtype[Any], chunk: int = 1024) -> Sparse:
    """X without its zeros, `chunk` rows at a time; the columns in the smallest unsigned type that holds d."""
    n, d = X.shape
    columns = np.arange(d, dtype=np.uint16 if d <= 2**16 else np.uint32)
    everywhere = np.broadcast_to(columns, (min(chunk, n), d)).copy()
    pointers = np.zeros(n + 1, dtype=np.int64)
    values: list[Array] = [np.empty(0, dtype)]
    places: list[NDArray[Any]] = [columns[:0]]
    for start in range(0, n, chunk):
        rows = X[start : start + chunk]
        kept = rows != 0
        pointers[start + 1 : start + 1 + len(rows)] = np.count_nonzero(kept, axis=1)
        values.append(rows[kept].astype(dtype, copy=False))
        places.append(everywhere[: len(rows)][kept])
    return Sparse(np.concatenate(values), np.concatenate(places), np.cumsum(pointers))

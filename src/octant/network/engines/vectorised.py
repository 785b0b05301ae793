"""engine=numpy: mini-batch SGD as the equations stand (see octant.network.network), every large array allocated once.

The products go to BLAS through `np.dot`, which, unlike `@`, does so for a batch of one as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from octant.network.activations import Array, count_saturated, row_norms
from octant.network.engines import HiddenSizes, Kept, Step
from octant.network.initialisers import Parameters
from octant.network.network import Network, forward, output_error

CHUNK = 2048  # rows at a time: their activations stay in the processor's cache


class VectorisedEpoch:
    """SGD over X (n, d) and Y (n, k); the last batch of an epoch may be smaller, its mean is over its own rows."""

    def __init__(self, network: Network, X: Array, Y: Array, step: Step) -> None:
        self._network, self._X, self._Y, self._step = network, X, Y, step
        size = min(step.batch_size, len(X))
        self._x, self._y = np.empty((size, X.shape[1]), X.dtype), np.empty((size, Y.shape[1]), Y.dtype)
        self._products: dict[tuple[str, int, int], Array] = {}

    def __call__(self, parameters: Parameters, order: NDArray[Any], /) -> None:
        """Visit the examples in `order`; overflow on the way to divergence is the caller's to detect."""
        size = self._step.batch_size
        with np.errstate(all="ignore"):
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                x, y = self._x[: len(rows)], self._y[: len(rows)]
                # "clip" lets `take` write straight into `out`; the order holds no index to be clipped.
                self._X.take(rows, axis=0, out=x, mode="clip")
                self._Y.take(rows, axis=0, out=y, mode="clip")
                self._take_step(parameters, x, y)

    def outputs(self, parameters: Parameters, X: Array, kept: Kept | None = None, /) -> Array:
        """Z2 (n, k) for the rows of X (n, d)."""
        Z2 = np.empty((len(X), len(parameters.b2)), self._Y.dtype)
        with np.errstate(all="ignore"):
            for start in range(0, len(X), CHUNK):
                A1, Z2[start : start + CHUNK], _ = forward(self._network, parameters, X[start : start + CHUNK])
                if kept and self._network.has_hidden_layer:
                    first, last = np.searchsorted(kept.rows, (start, start + CHUNK))
                    kept.A1[first:last] = A1[kept.rows[first:last] - start]
        if kept:
            kept.Z2[:] = Z2[kept.rows]
        return Z2

    def hidden_sizes(self, parameters: Parameters, A1: Array, dZ2: Array, /) -> HiddenSizes:
        """Norms of the rows of A1 and dZ1, and the count of saturated units."""
        slopes = self._network.hidden.slopes(A1)
        dZ1 = (dZ2 @ parameters.W2.T) * slopes
        return HiddenSizes(row_norms(A1), row_norms(dZ1), count_saturated(self._network.hidden, slopes))

    def _take_step(self, parameters: Parameters, X: Array, Y: Array) -> None:
        W1, b1, W2, b2 = parameters
        hidden, output = self._network.hidden, self._network.output
        A1 = hidden.forward(self._layer("Z1", X, W1, b1)) if self._network.has_hidden_layer else X
        A2 = output.forward(self._layer("Z2", A1, W2, b2))
        dZ2 = output_error(self._network, A2, Y)
        rate = self._step.learning_rate / len(X)
        if not self._network.has_hidden_layer:
            self._descend(W2, b2, X, dZ2, rate / self._step.output_divisor)
            return
        E2 = A2 - Y if self._step.raw_hidden_error else dZ2
        dZ1 = hidden.pullback(A1, self._product("dA1", E2, W2.T))
        self._descend(W2, b2, A1, dZ2, rate / self._step.output_divisor)
        self._descend(W1, b1, X, dZ1, rate)

    def _layer(self, name: str, A: Array, W: Array, b: Array) -> Array:
        Z = self._product(name, A, W)
        Z += b
        return Z

    def _descend(self, W: Array, b: Array, A: Array, dZ: Array, rate: float) -> None:
        """W -= rate A' dZ, b -= rate sum(dZ), in place; leaves dZ scaled."""
        dZ *= rate
        W -= self._product("dW", A.T, dZ)
        b -= dZ.sum(axis=0)

    def _product(self, name: str, A: Array, B: Array) -> Array:
        """A @ B, in the array that held the last product of that name and shape."""
        key = (name, len(A), B.shape[1])
        if key not in self._products:
            self._products[key] = np.empty(key[1:], np.result_type(A, B))
        return np.dot(A, B, out=self._products[key])

"""engine=numba: an epoch compiled to machine code from the catalogues' own functions; NumPy's results to rounding.

Zero inputs are skipped, so that a step costs what its other inputs cost: where more than half of some hundred inputs
are not zero, engine=numpy is faster from batches of about 32 on. Bit-identical from run to run on one machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from octant.network.activations import SATURATED, Array
from octant.network.engines import HiddenSizes, Kept, Step
from octant.network.engines.compiled.functions import row_function
from octant.network.engines.compiled.kernel import (
    Rule,
    Scratch,
    Weights,
    epoch_function,
    outputs_function,
    sizes_function,
)
from octant.network.engines.compiled.lanes import CACHE_LINE, lanes
from octant.network.engines.compiled.sparse import compressed
from octant.network.initialisers import Parameters
from octant.network.network import Network


class CompiledEpoch:
    """SGD over X (n, d) and Y (n, k), in the number type of Y (float32 or float64)."""

    def __init__(self, network: Network, X: Array, Y: Array, step: Step) -> None:
        hidden, output, loss = network.hidden, network.output, network.loss
        functions = (hidden.forward, hidden.pullback, output.forward, output.pullback, loss.gradient)
        rows = (1, 2, 1, 2, 2)
        self._functions = [row_function(f, Y.dtype, n) for f, n in zip(functions, rows, strict=True)]
        rate, divisor = float(step.learning_rate), float(step.output_divisor)
        self._rule = Rule(rate, divisor, bool(step.raw_hidden_error), bool(loss.canonical))
        self._batch_size = min(step.batch_size, len(Y))
        self._examples = compressed(X, Y.dtype)
        self._Y = np.require(Y, requirements=["C", "W"])
        self._hidden_limit = SATURATED * hidden.steepest
        self._has_hidden_layer = network.has_hidden_layer
        self._epoch = epoch_function(Y.dtype, self._examples.columns.dtype, self._has_hidden_layer)
        self._rooms: dict[tuple[int, ...], tuple[Weights, Scratch]] = {}

    def __call__(self, parameters: Parameters, order: NDArray[Any], /) -> None:
        """Visit the examples in `order`; overflow on the way to divergence is the caller's to detect."""
        W1, b1, W2, b2 = parameters
        h, k = len(b1), len(b2)
        weights, scratch = self._filled(parameters)
        visits = np.require(order, np.int64, ["C", "W"])
        self._epoch(weights, self._examples, self._Y, visits, h, self._rule, scratch, *self._functions)
        if self._has_hidden_layer:
            W1[:], b1[:], W2[:], b2[:] = weights.W1[:, :h], weights.b1[:h], weights.V2[:, :h].T, weights.b2
        else:
            W2[:], b2[:] = weights.W1[:, :k], weights.b1[:k]

    def outputs(self, parameters: Parameters, X: Array, kept: Kept | None = None, /) -> Array:
        """Z2 (n, k) for the rows of X (n, d)."""
        weights, scratch = self._filled(parameters)
        examples = compressed(X, self._Y.dtype)
        Z2 = np.empty((len(X), len(parameters.b2)), self._Y.dtype)
        compute = outputs_function(self._Y.dtype, examples.columns.dtype, self._has_hidden_layer)
        nothing = Kept(np.empty(0, np.int64), Z2[:0], Z2[:0])
        compute(weights, examples, len(parameters.b1), scratch, self._functions[0], Z2, kept or nothing)
        return Z2

    def hidden_sizes(self, parameters: Parameters, A1: Array, dZ2: Array, /) -> HiddenSizes:
        """Norms of the rows of A1 and dZ1, and the count of saturated units."""
        weights, scratch = self._filled(parameters)
        norms = np.empty((2, len(A1)))
        compute = sizes_function(self._Y.dtype, self._examples.columns.dtype)
        saturated = compute(weights, A1, dZ2, self._hidden_limit, scratch, norms, self._functions[1])
        return HiddenSizes(norms[0], norms[1], saturated)

    def _filled(self, parameters: Parameters) -> tuple[Weights, Scratch]:
        W1, b1, W2, b2 = parameters
        (d, h), k = W1.shape, len(b2)
        weights, scratch = self._room(d, h, k)
        if self._has_hidden_layer:
            weights.W1[:, :h], weights.b1[:h], weights.V2[:, :h], weights.b2[:] = W1, b1, W2.T, b2
        else:  # the kernel finds the only layer where the hidden one would be
            weights.W1[:, :k], weights.b1[:k] = W2, b2
        return weights, scratch

    def _room(self, d: int, h: int, k: int) -> tuple[Weights, Scratch]:
        """Arrays for a d-h-k network, kept from epoch to epoch."""
        if (d, h, k) not in self._rooms:
            units = h if self._has_hidden_layer else k
            n, width = self._batch_size, units + -units % lanes(self._Y.dtype)
            weights = Weights(*map(self._zeros, ((d, width), (width,), (k, width), (k,))))
            shapes = ((n, width), (n, width), (n, k), (width,), (width,), (k,), (k,), (k,), (k,))
            classes = np.arange(k, dtype=self._examples.columns.dtype)
            self._rooms[d, h, k] = weights, Scratch._make([*map(self._zeros, shapes), classes])
        return self._rooms[d, h, k]

    def _zeros(self, shape: tuple[int, ...]) -> Array:
        """Zeros that begin at a cache line: so long as rows are whole vectors, none of these straddles two lines."""
        size = int(np.prod(shape)) * self._Y.dtype.itemsize
        memory = np.zeros(size + CACHE_LINE, np.uint8)
        start = -memory.ctypes.data % CACHE_LINE
        return memory[start : start + size].view(self._Y.dtype).reshape(shape)


def prepare(dtype: str = "float64") -> None:
    """Load the compiled epoch, or compile it: in a process that forks workers, which then find it ready."""
    epoch_function(np.dtype(dtype), np.dtype(np.uint16))
    outputs_function(np.dtype(dtype), np.dtype(np.uint16))
    sizes_function(np.dtype(dtype), np.dtype(np.uint16))

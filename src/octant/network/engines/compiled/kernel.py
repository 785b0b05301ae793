"""One epoch of SGD as Numba compiles it: example by example within a batch, symbols as in octant.network.network.

Every inner loop runs along a row: W2 is kept as its transpose V2 (k, width), and the rows of W1, b1 and V2 are padded
with zeros to `width` (see lanes). The padding stays zero, because its weights, activations and errors are.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from octant.network.activations import Array
from octant.network.engines import Kept
from octant.network.engines.compiled.caching import compile_cached, digest, inner, named
from octant.network.engines.compiled.functions import row_type
from octant.network.engines.compiled.lanes import add_rows, prefetch, subtract_rows
from octant.network.engines.compiled.sparse import Sparse


class Weights(NamedTuple):
    """W1 (d, width), b1 (width,), V2 (k, width), b2 (k,): changed in place."""

    W1: Array
    b1: Array
    V2: Array
    b2: Array


class Rule(NamedTuple):
    """What octant.network.engines.Step says of one step, and whether loss and output are a canonical pair."""

    learning_rate: float
    output_divisor: float
    raw_hidden_error: bool
    canonical: bool


class Scratch(NamedTuple):
    """Room for the results on one batch, a row per example, and on one example; zero where padded."""

    A1: Array
    dZ1: Array
    dZ2: Array
    Z1: Array
    dA1: Array
    Z2: Array
    A2: Array
    E2: Array
    dA2: Array
    classes: NDArray[Any]  # 0, 1, ... k - 1, as `columns` of the rows of V2


@inner
def _look_ahead(examples: Any, Y: Any, order: Any, at: Any) -> None:
    """Ask for the example at that place of the order, and for where to find the one after it: from far memory."""
    if at + 1 < order.size:
        prefetch(examples.pointers, order[at + 1], order[at + 1] + 1)
        row, k = order[at], Y.shape[1]
        start, stop = examples.pointers[row], examples.pointers[row + 1]
        prefetch(examples.values, start, stop)
        prefetch(examples.columns, start, stop)
        prefetch(Y, row * k, row * k + k)


@inner
def _hidden_layer(weights: Any, examples: Any, row: Any, Z1: Any) -> None:
    """Z1 = X[row] W1 + b1."""
    for j in range(Z1.size):
        Z1[j] = weights.b1[j]
    start, stop = examples.pointers[row], examples.pointers[row + 1]
    add_rows(examples.values, examples.columns, start, stop, weights.W1, Z1)


@inner
def _output_layer(weights: Any, A1: Any, Z2: Any) -> None:
    """Z2 = A1 W2 + b2."""
    for c in range(Z2.size):
        z = weights.b2[c]
        for j in range(A1.size):
            z += A1[j] * weights.V2[c, j]
        Z2[c] = z


@inner
def _handed_back(weights: Any, classes: Any, E2: Any, dA1: Any) -> None:
    """dA1 = W2 E2."""
    for j in range(dA1.size):
        dA1[j] = 0
    add_rows(E2, classes, 0, E2.size, weights.V2, dA1)


@inner
def _step_output(weights: Any, classes: Any, A1: Any, dZ2: Any, rate: Any) -> None:
    """b2 -= rate dZ2, W2 -= rate A1' dZ2, for one example; leaves dZ2 scaled."""
    for c in range(dZ2.size):
        dZ2[c] *= rate
        weights.b2[c] -= dZ2[c]
    subtract_rows(dZ2, classes, 0, dZ2.size, weights.V2, A1)


@inner
def _step_hidden(weights: Any, examples: Any, row: Any, dZ1: Any, rate: Any) -> None:
    """b1 -= rate dZ1, W1 -= rate X[row]' dZ1, for one example; leaves dZ1 scaled."""
    for j in range(dZ1.size):
        dZ1[j] *= rate
        weights.b1[j] -= dZ1[j]
    start, stop = examples.pointers[row], examples.pointers[row + 1]
    subtract_rows(examples.values, examples.columns, start, stop, weights.W1, dZ1)


def _epoch(
    weights: Any, examples: Any, Y: Any, order: Any, units: Any, rule: Any, scratch: Any,
    hidden: Any, hidden_pullback: Any, output: Any, output_pullback: Any, loss_gradient: Any,
) -> None:  # fmt: skip
    """Visit the examples in `order` (n,); the first `units` numbers of a hidden row are not padding."""
    A1, dZ1, dZ2, Z1, dA1, Z2, A2, E2, dA2, classes = scratch
    size, k = dZ2.shape
    number = dZ2.dtype.type
    for start in range(0, order.size, size):
        count = min(size, order.size - start)
        for i in range(count):
            row = order[start + i]
            _look_ahead(examples, Y, order, start + i + 1)
            _hidden_layer(weights, examples, row, Z1)
            hidden(Z1[:units], A1[i, :units])
            _output_layer(weights, A1[i], Z2)
            output(Z2, A2)
            for c in range(k):
                E2[c] = A2[c] - Y[row, c]
                dZ2[i, c] = E2[c]  # as in network.output_error: right for the canonical pairs, and only for them
            if not rule.canonical:
                loss_gradient(A2, Y[row], dA2)
                output_pullback(A2, dA2, dZ2[i])
            _handed_back(weights, classes, E2 if rule.raw_hidden_error else dZ2[i], dA1)
            hidden_pullback(A1[i, :units], dA1[:units], dZ1[i, :units])
        rate = rule.learning_rate / count
        for i in range(count):
            _step_output(weights, classes, A1[i], dZ2[i], number(rate / rule.output_divisor))
            _step_hidden(weights, examples, order[start + i], dZ1[i], number(rate))


def _epoch_without(
    weights: Any, examples: Any, Y: Any, order: Any, units: Any, rule: Any, scratch: Any,
    hidden: Any, hidden_pullback: Any, output: Any, output_pullback: Any, loss_gradient: Any,
) -> None:  # fmt: skip
    """The same without a hidden layer: W1 (d, width) and b1 hold W2 and b2, since a row of W2 is then an input's."""
    dZ, Z, A2, dA2 = scratch.dZ1, scratch.Z1, scratch.A2, scratch.dA2
    size, k = len(dZ), A2.size
    number = dZ.dtype.type
    for start in range(0, order.size, size):
        count = min(size, order.size - start)
        for i in range(count):
            row = order[start + i]
            _look_ahead(examples, Y, order, start + i + 1)
            _hidden_layer(weights, examples, row, Z)
            output(Z[:k], A2)
            for c in range(k):
                dZ[i, c] = A2[c] - Y[row, c]
            if not rule.canonical:
                loss_gradient(A2, Y[row], dA2)
                output_pullback(A2, dA2, dZ[i, :k])
        for i in range(count):
            rate = rule.learning_rate / count / rule.output_divisor
            _step_hidden(weights, examples, order[start + i], dZ[i], number(rate))


def _outputs_without(weights: Any, examples: Any, units: Any, scratch: Any, hidden: Any, Z2: Any, kept: Any) -> None:
    """Z2 (n, k) of all examples, without a hidden layer."""
    for row in range(len(Z2)):
        _hidden_layer(weights, examples, row, scratch.Z1)
        for c in range(Z2.shape[1]):
            Z2[row, c] = scratch.Z1[c]
    _copy_rows(Z2, kept)


def _outputs(weights: Any, examples: Any, units: Any, scratch: Any, hidden: Any, Z2: Any, kept: Any) -> None:
    """Z2 (n, k) of all examples, and A1 of those that are kept."""
    Z1, A1, at = scratch.Z1, scratch.A1[0], 0
    for row in range(len(Z2)):
        _hidden_layer(weights, examples, row, Z1)
        hidden(Z1[:units], A1[:units])
        _output_layer(weights, A1, Z2[row])
        if at < kept.rows.size and kept.rows[at] == row:
            for j in range(units):
                kept.A1[at, j] = A1[j]
            at += 1
    _copy_rows(Z2, kept)


@inner
def _copy_rows(Z2: Any, kept: Any) -> None:
    for at in range(kept.rows.size):
        for c in range(Z2.shape[1]):
            kept.Z2[at, c] = Z2[kept.rows[at], c]


def _sizes(
    weights: Any, A1: Any, dZ2: Any, limit: Any, scratch: Any, norms: Any, hidden_pullback: Any
) -> Any:  # fmt: skip
    """Norms of the rows of A1 and dZ1, into norms (2, m); the number of units whose derivative is below the limit."""
    dA1, ones, slopes, units, saturated = scratch.dA1, scratch.dZ1[0], scratch.Z1, A1.shape[1], 0
    for j in range(units):
        ones[j] = 1
    for i in range(len(A1)):
        _handed_back(weights, scratch.classes, dZ2[i], dA1)
        hidden_pullback(A1[i], ones[:units], slopes[:units])
        for j in range(units):
            dA1[j] *= slopes[j]
            saturated += slopes[j] < limit
        norms[0, i], norms[1, i] = _length(A1[i]), _length(dA1[:units])
    return saturated


@inner
def _length(row: Any) -> Any:
    """Euclidean norm, in float64."""
    square = 0.0
    for j in range(row.size):
        square += float(row[j]) * float(row[j])
    return np.sqrt(square)


@cache
def epoch_function(dtype: np.dtype[Any], columns: np.dtype[Any], has_hidden_layer: bool = True) -> Any:
    """`_epoch` for numbers of `dtype` and columns of that unsigned type: from the cache on disk, or compiled."""
    row, matrix, weights, examples, scratch = _types(dtype, columns)
    rule = _tuple(Rule, types.float64, types.float64, types.boolean, types.boolean)
    forward, pullback = (types.FunctionType(types.void(*[row] * n)) for n in (2, 3))
    functions = (forward, pullback, forward, pullback, pullback)
    order = types.Array(types.int64, 1, "C")
    signature = types.void(weights, examples, matrix, order, types.int64, rule, scratch, *functions)
    epoch = _epoch if has_hidden_layer else _epoch_without
    return compile_cached(named(epoch, f"{epoch.__name__[1:]}_{dtype}_{columns}_{digest()}"), signature)


@cache
def outputs_function(dtype: np.dtype[Any], columns: np.dtype[Any], has_hidden_layer: bool = True) -> Any:
    """`_outputs`, likewise."""
    row, matrix, weights, examples, scratch = _types(dtype, columns)
    forward = types.FunctionType(types.void(row, row))
    kept = _tuple(Kept, types.Array(types.int64, 1, "C"), matrix, matrix)
    signature = types.void(weights, examples, types.int64, scratch, forward, matrix, kept)
    outputs = _outputs if has_hidden_layer else _outputs_without
    return compile_cached(named(outputs, f"{outputs.__name__[1:]}_{dtype}_{columns}_{digest()}"), signature)


@cache
def sizes_function(dtype: np.dtype[Any], columns: np.dtype[Any]) -> Any:
    """`_sizes`, likewise."""
    row, matrix, weights, _, scratch = _types(dtype, columns)
    norms, pullback = types.Array(types.float64, 2, "C"), types.FunctionType(types.void(row, row, row))
    signature = types.int64(weights, matrix, matrix, types.float64, scratch, norms, pullback)
    return compile_cached(named(_sizes, f"sizes_{dtype}_{columns}_{digest()}"), signature)


def _types(dtype: np.dtype[Any], columns: np.dtype[Any]) -> tuple[Any, ...]:
    """Numba's types of a row, a matrix, Weights, Sparse and Scratch."""
    row = row_type(dtype)
    matrix, pointers = row.copy(ndim=2), types.Array(types.int64, 1, "C")
    places = types.Array(getattr(types, columns.name), 1, "C")
    weights = _tuple(Weights, matrix, row, matrix, row)
    examples = _tuple(Sparse, row, places, pointers)
    return row, matrix, weights, examples, _tuple(Scratch, *[matrix] * 3, *[row] * 6, places)


def _tuple(of: type, *members: Any) -> Any:
    return types.NamedTuple(members, of)  # type: ignore[no-untyped-call]

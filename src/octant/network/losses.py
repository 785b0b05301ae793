"""Losses: for each example a value, and its gradient with respect to the output activations.

`value(Z, A, Y) -> (n,)` takes the output's pre-activations and activations and the targets, all `(n, k)`; a
loss uses `Z` where the value computed from `A` would overflow at saturation. `gradient(A, Y) -> (n, k)` is
dL/dA for each example. Nothing here is averaged: the mean over a batch or a data set is taken by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from octant.network.activations import Array


class Loss(NamedTuple):
    """A value `(Z, A, Y) -> (n,)` and a gradient `(A, Y) -> dA (n, k)`; `canonical`: with its output, dZ = A - Y."""

    value: Callable[[Array, Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    canonical: bool = False


def mse(Z: Array, A: Array, Y: Array) -> Array:
    """Half the squared error summed over the classes, 1/2 sum_k (a_k - y_k)^2, for each example."""
    return 0.5 * np.square(A - Y).sum(axis=-1)


def mse_gradient(A: Array, Y: Array) -> Array:
    """dL/da_k = a_k - y_k."""
    return A - Y


def categorical(Z: Array, A: Array, Y: Array) -> Array:
    """Cross-entropy of a softmax output, -sum_k y_k log a_k, for each example, from logits (finite at any z).

    Holds for targets of any sum, such as the lecture's 0.99/0.01 (Bishop, PRML, 2006, eq. 4.108).
    """
    shifted = Z - Z.max(axis=-1, keepdims=True)
    log_a = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -(Y * log_a).sum(axis=-1)


def categorical_gradient(A: Array, Y: Array) -> Array:
    """dL/da_k = -y_k / a_k."""
    return -Y / A


def bernoulli(Z: Array, A: Array, Y: Array) -> Array:
    """Cross-entropy of sigmoid outputs, -sum_k [y_k log a_k + (1 - y_k) log(1 - a_k)], for each example.

    One Bernoulli per class (Bishop, PRML, 2006, eq. 5.22). The categorical formula would be wrong here: on
    sigmoid outputs it is minimised by answering 1 everywhere. Computed from logits as log(1 + e^z) - y z.
    """
    return (np.logaddexp(0.0, Z) - Y * Z).sum(axis=-1)


def bernoulli_gradient(A: Array, Y: Array) -> Array:
    """dL/da_k = (a_k - y_k) / (a_k (1 - a_k))."""
    return (A - Y) / (A * (1.0 - A))


_MSE = Loss(mse, mse_gradient)

# A word names one loss for each output it is defined on: cross-entropy is the negative log-likelihood that
# fits the output. The canonical pairs are marked here, for network.output_error and the compiled engine.
LOSSES: dict[str, dict[str, Loss]] = {
    "mse": {"sigmoid": _MSE, "softmax": _MSE},
    "cross_entropy": {
        "sigmoid": Loss(bernoulli, bernoulli_gradient, canonical=True),
        "softmax": Loss(categorical, categorical_gradient, canonical=True),
    },
}

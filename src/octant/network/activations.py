"""Activations: each forward function with its pullback right under it.

A forward maps pre-activations `Z` to activations `A`. Its pullback maps `(A, dA)`, the activation and the
gradient of a scalar with respect to it, to the gradient with respect to `Z`: it is written in terms of the
output, so nothing is computed twice. Shapes are preserved; softmax works along the last axis.

The elementwise pairs are plain expressions that hold for scalars, vectors and matrices alike, real or
complex (for complex-step tests), so that the compiled engine can use the very same functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SATURATED = 1 / 20  # a unit is saturated where its derivative is below that share of the largest it can have


class Activation(NamedTuple):
    """A forward function `Z -> A` and its pullback `(A, dA) -> dZ`.

    `steepest` is the largest derivative da_j/dz_j that a unit can have; `own` are these derivatives as a function of A
    where units depend on one another (softmax), so that they are not the pullback of ones.
    """

    forward: Callable[[Array], Array]
    pullback: Callable[[Array, Array], Array]
    steepest: float = 1.0
    own: Callable[[Array], Array] | None = None

    def slopes(self, A: Array) -> Array:
        """da_j/dz_j of each unit, in the shape of A: the diagonal of the Jacobian."""
        return self.own(A) if self.own else self.pullback(A, np.ones_like(A))


def sigmoid(Z: Array) -> Array:
    """Logistic function 1 / (1 + exp(-z)), written with tanh so that no z overflows."""
    return 0.5 + 0.5 * np.tanh(0.5 * Z)


def sigmoid_pullback(A: Array, dA: Array) -> Array:
    """dz = da * a (1 - a)."""
    return dA * (A * (1.0 - A))


def tanh(Z: Array) -> Array:
    """Hyperbolic tangent."""
    return np.tanh(Z)


def tanh_pullback(A: Array, dA: Array) -> Array:
    """dz = da * (1 - a^2)."""
    return dA * (1.0 - A * A)


def relu(Z: Array) -> Array:
    """Rectifier max(z, 0)."""
    return np.maximum(Z, 0.0)


def relu_pullback(A: Array, dA: Array) -> Array:
    """dz = da where a > 0, else 0 (the subgradient 0 at z = 0)."""
    return dA * (A > 0.0)


def softmax(Z: Array) -> Array:
    """exp(z_k) / sum_j exp(z_j) along the last axis, shifted by its maximum: no z overflows."""
    E = np.exp(Z - np.max(Z, axis=-1, keepdims=True))
    return E / np.sum(E, axis=-1, keepdims=True)


def softmax_pullback(A: Array, dA: Array) -> Array:
    """The full Jacobian a_k (delta_kj - a_j) applied to dA: dz = a * (da - sum_j a_j da_j)."""
    return A * (dA - np.sum(A * dA, axis=-1, keepdims=True))


def identity(Z: Array) -> Array:
    """z itself."""
    return Z


def identity_pullback(A: Array, dA: Array) -> Array:
    """dz = da."""
    return dA


def softmax_own(A: Array) -> Array:
    """da_k/dz_k = a_k (1 - a_k)."""
    return A * (1.0 - A)


# No hidden layer at all: the outputs are those of softmax or logistic regression on the inputs.
NONE = Activation(identity, identity_pullback)

HIDDEN: dict[str, Activation] = {
    "sigmoid": Activation(sigmoid, sigmoid_pullback, 0.25),
    "tanh": Activation(tanh, tanh_pullback),
    "relu": Activation(relu, relu_pullback),
    "none": NONE,
}

OUTPUT: dict[str, Activation] = {
    "sigmoid": Activation(sigmoid, sigmoid_pullback, 0.25),
    "softmax": Activation(softmax, softmax_pullback, 0.25, softmax_own),
}


def count_saturated(activation: Activation, slopes: Array) -> int:
    """How many of the derivatives are those of saturated units."""
    return int(np.count_nonzero(slopes < SATURATED * activation.steepest))


def row_norms(rows: Array) -> Array:
    """Euclidean norm of each row, (n,), in float64."""
    return np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))

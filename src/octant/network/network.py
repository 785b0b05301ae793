"""A network with one hidden layer: forward, output error, backward. Pure functions, rows are examples.

    Z1 = X W1 + b1    A1 = hidden(Z1)         X (n, d)   Y (n, k)
    Z2 = A1 W2 + b2   A2 = output(Z2)         W1 (d, h)  b1 (h,)  W2 (h, k)  b2 (k,)

`dZ` is the gradient of one example's loss with respect to its pre-activations, a row per example; gradients of
parameters are means over the rows. With hidden=none there is no such layer: A1 = X, W1 is (d, 0), b1 (0,), W2 (d, k).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from octant.errors import InputError, unknown_word
from octant.network.activations import HIDDEN, NONE, OUTPUT, Activation, Array
from octant.network.initialisers import Parameters
from octant.network.losses import LOSSES, Loss


class Network(NamedTuple):
    """The three choices as functions: what a configuration's words mean."""

    loss: Loss
    hidden: Activation
    output: Activation

    @property
    def has_hidden_layer(self) -> bool:
        """False for hidden=none."""
        return self.hidden is not NONE


def build(loss: str, hidden: str, output: str) -> Network:
    """Look the three words up; raises InputError for a word, or a pair of loss and output, not in the catalogues."""
    for kind, word, known in (("loss", loss, LOSSES), ("hidden", hidden, HIDDEN), ("output", output, OUTPUT)):
        if word not in known:
            raise InputError(unknown_word(kind, word, known))
    if output not in LOSSES[loss]:
        raise InputError(f"loss={loss} is not defined on output={output}; it is on: {', '.join(LOSSES[loss])}")
    return Network(LOSSES[loss][output], HIDDEN[hidden], OUTPUT[output])


class Activations(NamedTuple):
    """What a forward pass leaves: A1 (n, h), or X, Z2 (n, k), A2 (n, k)."""

    A1: Array
    Z2: Array
    A2: Array


def forward(network: Network, parameters: Parameters, X: Array) -> Activations:
    """Hidden and output layer for the rows of X (n, d)."""
    W1, b1, W2, b2 = parameters
    A1 = network.hidden.forward(X @ W1 + b1) if network.has_hidden_layer else X
    Z2 = A1 @ W2 + b2
    return Activations(A1, Z2, network.output.forward(Z2))


def output_error(network: Network, A2: Array, Y: Array) -> Array:
    """dL/dZ2 (n, k) of each example's loss.

    For the canonical pairs (cross-entropy with its own output) it is A2 - Y exactly (Bishop, PRML, 2006, section
    5.3.1) and must be taken so: at saturation the composed route multiplies 0 by infinity. Every other pair is
    composed: the loss gives dL/dA2, the output pulls it back with its full Jacobian.
    """
    if network.loss.canonical:
        return A2 - Y
    return network.output.pullback(A2, network.loss.gradient(A2, Y))


def backward(network: Network, parameters: Parameters, X: Array, Y: Array) -> Parameters:
    """Gradient of the mean loss over the rows of X (n, d), Y (n, k), shaped as the parameters."""
    A1, _, A2 = forward(network, parameters, X)
    dZ2 = output_error(network, A2, Y)
    dZ1 = network.hidden.pullback(A1, dZ2 @ parameters.W2.T) if network.has_hidden_layer else X[:, :0]
    n = len(X)
    return Parameters(X.T @ dZ1 / n, dZ1.sum(axis=0) / n, A1.T @ dZ2 / n, dZ2.sum(axis=0) / n)


class Score(NamedTuple):
    """Share of examples whose largest output is their class, mean loss per example, and the predicted classes (n,)."""

    accuracy: float
    loss: float
    predicted: Array


def score(network: Network, Z2: Array, Y: Array, labels: Array, chunk: int = 2048) -> Score:
    """Accuracy and mean loss over all n examples, none dropped, `chunk` rows at a time.

    Z2 (n, k) are the output's pre-activations, Y (n, k) the targets, labels (n,) the classes.
    """
    predicted, total = np.empty(len(Z2), np.intp), 0.0
    for rows in (slice(i, i + chunk) for i in range(0, len(Z2), chunk)):
        A2 = network.output.forward(Z2[rows])
        predicted[rows] = A2.argmax(axis=1)
        total += float(network.loss.value(Z2[rows], A2, Y[rows]).sum(dtype=np.float64))
    return Score(float(np.mean(predicted == labels)), total / len(labels), predicted)

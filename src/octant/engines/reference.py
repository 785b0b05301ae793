"""The reference engine: mini-batch SGD written as the equations stand, with NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from octant.activations import Array
from octant.engines import Step
from octant.initialisers import Parameters
from octant.network import Network, output_error


class ReferenceEpoch:
    """SGD over X (n, d) and Y (n, k); the last batch of an epoch may be smaller, its mean is over its own rows."""

    def __init__(self, network: Network, X: Array, Y: Array, step: Step) -> None:
        self._network, self._X, self._Y, self._step = network, X, Y, step

    def __call__(self, parameters: Parameters, order: NDArray[Any], /) -> None:
        """Visit the examples in `order`; overflow on the way to divergence is the caller's to detect."""
        size = self._step.batch_size
        with np.errstate(all="ignore"):
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                self._take_step(parameters, self._X[rows], self._Y[rows])

    def _take_step(self, parameters: Parameters, X: Array, Y: Array) -> None:
        W1, b1, W2, b2 = parameters
        hidden, output = self._network.hidden, self._network.output
        A1 = hidden.forward(X @ W1 + b1)
        A2 = output.forward(A1 @ W2 + b2)
        dZ2 = output_error(self._network, A2, Y)
        E2 = A2 - Y if self._step.raw_hidden_error else dZ2
        dZ1 = hidden.pullback(A1, E2 @ W2.T)
        rate = self._step.learning_rate / len(X)
        dZ2 *= rate / self._step.output_divisor
        dZ1 *= rate
        W2 -= A1.T @ dZ2
        b2 -= dZ2.sum(axis=0)
        W1 -= X.T @ dZ1
        b1 -= dZ1.sum(axis=0)

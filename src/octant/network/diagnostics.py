"""Why a configuration learns or does not: the size of its errors and gradients, and how many units are saturated.

Taken after each epoch on a fixed probe of training examples, from the weights alone: training is the same to the last
bit with and without. A unit is saturated for an example where its derivative da/dz is below a twentieth of its largest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from octant.network import seeds
from octant.network.activations import Activation, Array
from octant.network.initialisers import Parameters
from octant.network.network import Network, forward, output_error

EXAMPLES = 500
CHUNK = 125  # examples at a time: larger arrays cost more in fresh memory than in arithmetic
SATURATED = 1 / 20
STEP = "step_W1"


class Probe:
    """Up to 500 training examples drawn with `seed`, X (n, d) and targets Y (n, k)."""

    def __init__(self, network: Network, X: Array, Y: Array, seed: int) -> None:
        rows = np.random.default_rng(seeds.probe(seed)).permutation(len(X))[:EXAMPLES]
        X, Y = X[rows], Y[rows]
        parts = [slice(first, first + CHUNK) for first in range(0, len(X), CHUNK)]
        self._network, self._count = network, len(X)
        self._parts = [(X[part], Y[part], _lengths(X[part])) for part in parts]

    def measure(self, parameters: Parameters) -> dict[str, float]:
        """Means over the probe's examples, each of one example's own loss.

        `output_distance`: |a - y|, and `output_error`: |dL/dz2|, both means over outputs, too. `gradient_W1`,
        `gradient_W2`: Frobenius norm of dL/dW. `saturation_hidden`, `saturation_output`: share of saturated units.
        Without a hidden layer its two are left out.
        """
        sums: dict[str, float] = {}
        for X, Y, lengths in self._parts:
            for name, value in self._sums(parameters, X, Y, lengths).items():
                sums[name] = sums.get(name, 0.0) + float(value)
        return {name: value / self._count for name, value in sums.items()}

    def _sums(self, parameters: Parameters, X: Array, Y: Array, lengths: Array) -> dict[str, Any]:
        network, outputs, units = self._network, Y.shape[1], len(parameters.b1)
        A1, _, A2 = forward(network, parameters, X)
        dZ2 = output_error(network, A2, Y)
        found = {
            "output_distance": np.abs(A2 - Y).sum(dtype=np.float64) / outputs,
            "output_error": np.abs(dZ2).sum(dtype=np.float64) / outputs,
            "saturation_output": _saturated(network.output, network.output.slopes(A2)) / outputs,
        }
        # The gradient of one example is an outer product, whose norm is the product of the norms.
        if not network.has_hidden_layer:
            return found | {"gradient_W2": lengths @ _lengths(dZ2)}
        slopes = network.hidden.slopes(A1)
        dZ1 = (dZ2 @ parameters.W2.T) * slopes
        return found | {
            "gradient_W1": lengths @ _lengths(dZ1),
            "gradient_W2": _lengths(A1) @ _lengths(dZ2),
            "saturation_hidden": _saturated(network.hidden, slopes) / units,
        }


def step_size(before: Array, after: Array) -> float:
    """Change of W1 over an epoch, relative to its size before: Frobenius norms; 0 where there are no weights."""
    size = float(np.linalg.norm(before))
    return float(np.linalg.norm(after - before)) / size if size else 0.0


def _lengths(rows: Array) -> Array:
    """Euclidean norm of each row, (n,)."""
    return np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))


def _saturated(activation: Activation, slopes: Array) -> int:
    return int(np.count_nonzero(slopes < SATURATED * activation.steepest))

"""Why a configuration learns or does not: the size of its errors and gradients, and how many units are saturated.

Taken after each epoch on a fixed probe of training examples, from the weights alone: training is the same to the last
bit with and without. A unit is saturated for an example where its derivative da/dz is below a twentieth of its largest.
"""

from __future__ import annotations

import numpy as np

from octant.network import seeds
from octant.network.activations import Activation, Array
from octant.network.initialisers import Parameters
from octant.network.network import Network, forward, output_error

EXAMPLES = 500
SATURATED = 1 / 20
STEP = "step_W1"


class Probe:
    """Up to 500 training examples drawn with `seed`, X (n, d) and targets Y (n, k)."""

    def __init__(self, network: Network, X: Array, Y: Array, seed: int) -> None:
        rows = np.random.default_rng(seeds.probe(seed)).permutation(len(X))[:EXAMPLES]
        self._network, self._X, self._Y = network, X[rows], Y[rows]
        self._lengths = _lengths(self._X)

    def measure(self, parameters: Parameters) -> dict[str, float]:
        """Means over the probe's examples, each of one example's own loss.

        `output_distance`: |a - y|, and `output_error`: |dL/dz2|, both means over outputs, too. `gradient_W1`,
        `gradient_W2`: Frobenius norm of dL/dW. `saturation_hidden`, `saturation_output`: share of saturated units.
        Without a hidden layer its two are left out.
        """
        network = self._network
        A1, _, A2 = forward(network, parameters, self._X)
        dZ2 = output_error(network, A2, self._Y)
        found = {
            "output_distance": float(np.abs(A2 - self._Y).mean()),
            "output_error": float(np.abs(dZ2).mean()),
            "saturation_output": _saturation(network.output, A2),
        }
        if not network.has_hidden_layer:
            return found | {"gradient_W2": float((self._lengths * _lengths(dZ2)).mean())}
        slopes = network.hidden.slopes(A1)
        dZ1 = (dZ2 @ parameters.W2.T) * slopes
        # The gradient of one example is an outer product, whose norm is the product of the norms.
        return found | {
            "gradient_W1": float((self._lengths * _lengths(dZ1)).mean()),
            "gradient_W2": float((_lengths(A1) * _lengths(dZ2)).mean()),
            "saturation_hidden": float((slopes < SATURATED * network.hidden.steepest).mean()),
        }


def step_size(before: Array, after: Array) -> float:
    """Change of W1 over an epoch, relative to its size before: Frobenius norms; 0 where there are no weights."""
    size = float(np.linalg.norm(before))
    return float(np.linalg.norm(after - before)) / size if size else 0.0


def _lengths(rows: Array) -> Array:
    """Euclidean norm of each row, (n,)."""
    return np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))


def _saturation(activation: Activation, A: Array) -> float:
    return float((activation.slopes(A) < SATURATED * activation.steepest).mean())

"""Why a configuration learns or does not: the size of its errors and gradients, and how many units are saturated.

Taken after each epoch on a fixed probe of training examples, from the weights alone: training is the same to the last
bit with and without. A unit is saturated for an example where its derivative da/dz is below a twentieth of its largest.
"""

from __future__ import annotations

import numpy as np

from octant.network import seeds
from octant.network.activations import Array, count_saturated, row_norms
from octant.network.engines import EngineEpoch, Kept
from octant.network.initialisers import Parameters
from octant.network.network import Network, output_error

EXAMPLES = 500
STEP = "step_W1"


class Probe:
    """Up to 500 training examples of X (n, d), Y (n, k), drawn with `seed`; an engine's `outputs` for X fill `kept`."""

    def __init__(self, network: Network, X: Array, Y: Array, units: int, seed: int) -> None:
        rows = np.sort(np.random.default_rng(seeds.probe(seed)).permutation(len(X))[:EXAMPLES])
        hidden, outputs = (np.empty((len(rows), size), Y.dtype) for size in (units, Y.shape[1]))
        self.kept, self._network, self._Y, self._norms = (
            Kept(rows, hidden, outputs),
            network,
            Y[rows],
            row_norms(X[rows]),
        )

    def measure(self, engine: EngineEpoch, parameters: Parameters) -> dict[str, float]:
        """Means over the probe's examples, each of one example's own loss, for what the engine's last pass left.

        `output_distance`: |a - y|, and `output_error`: |dL/dz2|, both means over outputs, too. `gradient_W1`,
        `gradient_W2`: Frobenius norm of dL/dW. `saturation_hidden`, `saturation_output`: share of saturated units.
        Without a hidden layer its two are left out.
        """
        network, Y, n = self._network, self._Y, len(self._Y)
        A2 = network.output.forward(self.kept.Z2)
        dZ2 = output_error(network, A2, Y)
        found = {
            "output_distance": float(np.abs(A2 - Y).sum(dtype=np.float64)) / Y.size,
            "output_error": float(np.abs(dZ2).sum(dtype=np.float64)) / Y.size,
            "saturation_output": count_saturated(network.output, network.output.slopes(A2)) / Y.size,
        }
        # The gradient of one example is an outer product, whose norm is the product of the norms.
        if not network.has_hidden_layer:
            return found | {"gradient_W2": float(self._norms @ row_norms(dZ2)) / n}
        A1, dZ1, saturated = engine.hidden_sizes(parameters, self.kept.A1, dZ2)
        return found | {
            "gradient_W1": float(self._norms @ dZ1) / n,
            "gradient_W2": float(A1 @ row_norms(dZ2)) / n,
            "saturation_hidden": saturated / self.kept.A1.size,
        }


def step_size(before: Array, after: Array) -> float:
    """Change of W1 over an epoch, relative to its size before: Frobenius norms; 0 where there are no weights."""
    size = float(np.linalg.norm(before))
    return float(np.linalg.norm(after - before)) / size if size else 0.0

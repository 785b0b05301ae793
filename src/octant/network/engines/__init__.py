"""Engines: one epoch of stochastic gradient descent, with NumPy or compiled with Numba.

An engine is built once for a run from the network, the training examples and the step, and then called once an
epoch with the parameters, which it changes in place, and the order in which to visit the examples. Between epochs its
`outputs` are what accuracy and loss are taken from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from octant.network.activations import Array
from octant.network.initialisers import Parameters
from octant.network.network import Network


class Step(NamedTuple):
    """How one step is taken: learning rate x mean gradient over `batch_size` examples, in both layers.

    The lecture departs from that in two ways, each a setting of its own: `output_divisor` divides the output
    layer's step (the lecture: by the number of training examples), and with `raw_hidden_error` the hidden layer is
    handed W2 (A2 - Y) whatever the output error dZ2 is (the lecture's squared error).
    """

    learning_rate: float
    batch_size: int
    output_divisor: float = 1.0
    raw_hidden_error: bool = False


class Epoch(Protocol):
    """One epoch: visit every example once in `order` (n,) and change the parameters in place."""

    def __call__(self, parameters: Parameters, order: NDArray[Any], /) -> None:
        """Overflow on the way to divergence is the caller's to detect, in the parameters."""

    def outputs(self, parameters: Parameters, X: Array, /) -> Array:
        """Z2 (n, k), the output's pre-activations for the rows of X (n, d). Fastest for an X that was seen before."""


Engine = Callable[[Network, Array, Array, Step], Epoch]


def _numpy(network: Network, X: Array, Y: Array, step: Step) -> Epoch:
    from octant.network.engines.vectorised import VectorisedEpoch

    return VectorisedEpoch(network, X, Y, step)


def _numba(network: Network, X: Array, Y: Array, step: Step) -> Epoch:
    from octant.network.engines.compiled import CompiledEpoch

    return CompiledEpoch(network, X, Y, step)


ENGINES: dict[str, Engine] = {"numpy": _numpy, "numba": _numba}

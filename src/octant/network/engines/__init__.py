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


class Kept(NamedTuple):
    """Some rows of X, `rows` (m,) int64 and ascending, and room for A1 (m, h) and Z2 (m, k) of a forward pass."""

    rows: NDArray[Any]
    A1: Array
    Z2: Array


class HiddenSizes(NamedTuple):
    """Norms of the rows of A1 and of dZ1, (m,) in float64, and how many of the A1 are saturated units."""

    A1: Array
    dZ1: Array
    saturated: int


class EngineEpoch(Protocol):
    """One epoch: visit every example once in `order` (n,) and change the parameters in place."""

    def __call__(self, parameters: Parameters, order: NDArray[Any], /) -> None:
        """Overflow on the way to divergence is the caller's to detect, in the parameters."""

    def outputs(self, parameters: Parameters, X: Array, kept: Kept | None = None, /) -> Array:
        """Z2 (n, k), the output's pre-activations for the rows of X (n, d). Fastest for an X that was seen before.

        Fills `kept`: Z2, and A1 where there is a hidden layer.
        """

    def hidden_sizes(self, parameters: Parameters, A1: Array, dZ2: Array, /) -> HiddenSizes:
        """The hidden layer's sizes for its activations A1 (m, h) and the output error dZ2 (m, k)."""


Engine = Callable[[Network, Array, Array, Step], EngineEpoch]


def _numpy(network: Network, X: Array, Y: Array, step: Step) -> EngineEpoch:
    from octant.network.engines.vectorised import VectorisedEpoch

    return VectorisedEpoch(network, X, Y, step)


def _numba(network: Network, X: Array, Y: Array, step: Step) -> EngineEpoch:
    from octant.network.engines.compiled import CompiledEpoch

    return CompiledEpoch(network, X, Y, step)


ENGINES: dict[str, Engine] = {"numpy": _numpy, "numba": _numba}

"""Both engines against SGD written out with `network.backward`, over the catalogues, and what an engine promises."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from octant.network.activations import HIDDEN, OUTPUT, Activation, Array
from octant.network.engines import ENGINES, Step
from octant.network.initialisers import Parameters
from octant.network.losses import LOSSES
from octant.network.network import Network, backward, build, forward, output_error

COMBINATIONS = [
    (loss, hidden, output) for loss in LOSSES for hidden in HIDDEN for output in OUTPUT if output in LOSSES[loss]
]
TOLERANCE = {"float64": 1e-10, "float32": 2e-4}
EXAMPLES, INPUTS, UNITS, CLASSES = 50, 12, 13, 5  # 13: not a whole number of vectors


def problem(dtype: str, hidden: str = "tanh", seed: int = 0) -> tuple[Parameters, Array, Array]:
    """Weights, inputs of which half are zero (one example all of them), and one-hot targets."""
    rng = np.random.default_rng(seed)
    units = 0 if hidden == "none" else UNITS
    shapes = ((INPUTS, units), (units,), (units or INPUTS, CLASSES), (CLASSES,))
    parameters = Parameters(*(rng.normal(0, 0.5, shape).astype(dtype) for shape in shapes))
    X = rng.normal(0, 1, (EXAMPLES, INPUTS)) * rng.integers(0, 2, (EXAMPLES, INPUTS))
    X[3] = 0
    return parameters, X.astype(dtype), np.eye(CLASSES, dtype=dtype)[rng.integers(0, CLASSES, EXAMPLES)]


def copy(parameters: Parameters) -> Parameters:
    return Parameters(*(p.copy() for p in parameters))


def relative_difference(a: Parameters, b: Parameters) -> float:
    return max(float(np.abs(x - y).max() / np.abs(y).max()) for x, y in zip(a, b, strict=True) if y.size)


def plain_sgd(network: Network, parameters: Parameters, X: Array, Y: Array, step: Step, orders: list[Array]) -> None:
    """The definition: learning rate x mean gradient, batch after batch."""
    for order in orders:
        for start in range(0, len(order), step.batch_size):
            rows = order[start : start + step.batch_size]
            gradients = backward(network, parameters, X[rows], Y[rows])
            for values, gradient in zip(parameters, gradients, strict=True):
                values -= step.learning_rate * gradient


def orders_for(steps: int, batch_size: int) -> list[Array]:
    epochs = -(-steps // -(-EXAMPLES // batch_size))
    return [np.random.default_rng(epoch).permutation(EXAMPLES) for epoch in range(epochs)]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("batch_size", [1, 7, 32])
@pytest.mark.parametrize("words", COMBINATIONS, ids="-".join)
@pytest.mark.parametrize("engine", ENGINES)
def test_hundred_steps_are_those_of_plain_sgd(
    engine: str, words: tuple[str, str, str], batch_size: int, dtype: str
) -> None:
    """50 examples: batches of 7 and 32 end with a smaller one."""
    network, step, orders = build(*words), Step(0.1, batch_size), orders_for(100, batch_size)
    start, X, Y = problem(dtype, words[1])
    expected, found = copy(start), copy(start)
    plain_sgd(network, expected, X, Y, step, orders)
    epoch = ENGINES[engine](network, X, Y, step)
    for order in orders:
        epoch(found, order)
    assert relative_difference(expected, start) > 0.01
    assert relative_difference(found, expected) < TOLERANCE[dtype]
    assert all(values.dtype == dtype for values in found)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("engine", ENGINES)
def test_outputs_are_those_of_the_equations(engine: str, hidden: str, dtype: str) -> None:
    """Of any examples, before training and after: the training ones and, of another number, rows never seen."""
    network = build("mse", hidden, "sigmoid")
    parameters, X, Y = problem(dtype, hidden)
    epoch = ENGINES[engine](network, X, Y, Step(0.5, 1))
    for _ in range(2):
        for shown in (X, X[::3] * 2, np.zeros_like(X[:1])):
            expected, found = forward(network, parameters, shown).Z2, epoch.outputs(parameters, shown)
            assert found.dtype == dtype
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() < 10 * TOLERANCE[dtype] * np.abs(expected).max()
        epoch(parameters, np.arange(EXAMPLES))


def departing_sgd(network: Network, parameters: Parameters, X: Array, Y: Array, step: Step, order: Array) -> None:
    """SGD with the lecture's two departures (see octant.network.engines.Step), from the equations."""
    W1, b1, W2, b2 = parameters
    for start in range(0, len(order), step.batch_size):
        rows = order[start : start + step.batch_size]
        A1, _, A2 = forward(network, parameters, X[rows])
        dZ2 = output_error(network, A2, Y[rows])
        E2 = A2 - Y[rows] if step.raw_hidden_error else dZ2
        handed_back = E2 @ W2.T
        rate = step.learning_rate / len(rows)
        W2 -= rate / step.output_divisor * A1.T @ dZ2
        b2 -= rate / step.output_divisor * dZ2.sum(axis=0)
        if not W1.size:
            continue
        dZ1 = network.hidden.pullback(A1, handed_back)
        W1 -= rate * X[rows].T @ dZ1
        b1 -= rate * dZ1.sum(axis=0)


@pytest.mark.parametrize("raw", [False, True], ids=["gradient", "raw"])
@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("words", COMBINATIONS, ids="-".join)
@pytest.mark.parametrize("engine", ENGINES)
def test_departures_from_gradient(engine: str, words: tuple[str, str, str], batch_size: int, raw: bool) -> None:
    network, step = build(*words), Step(0.2, batch_size, output_divisor=3.0, raw_hidden_error=raw)
    start, X, Y = problem("float64", words[1])
    order = np.random.default_rng(1).permutation(EXAMPLES)
    expected, found = copy(start), copy(start)
    departing_sgd(network, expected, X, Y, step, order)
    ENGINES[engine](network, X, Y, step)(found, order)
    assert relative_difference(found, expected) < 1e-12


def lecture_loop(W1: Array, W2: Array, X: Array, Y: Array, rate: float, squared: bool) -> tuple[Array, ...]:
    """The lecture's loop, one column vector at a time: W1 (h, d), W2 (k, h); tanh hidden, softmax or sigmoid output."""
    b1, b2, m = np.zeros((len(W1), 1)), np.zeros((len(W2), 1)), len(X)
    for x, y in zip(X[:, :, None], Y[:, :, None], strict=True):
        A1 = np.tanh(W1 @ x + b1)
        Z2 = W2 @ A1 + b2
        A2 = 1 / (1 + np.exp(-Z2)) if squared else np.exp(Z2) / np.exp(Z2).sum()
        E2 = y - A2
        dZ2 = E2 * A2 * (1 - A2) if squared else E2
        dZ1 = (W2.T @ E2) * (1 - A1**2)
        W2 = W2 + rate * dZ2 @ A1.T / m
        b2 = b2 + rate * dZ2 / m
        W1 = W1 + rate * dZ1 @ x.T
        b1 = b1 + rate * dZ1
    return W1, b1, W2, b2


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("engine", ENGINES)
def test_lectures_rule(engine: str, squared: bool) -> None:
    start, X, Y = problem("float64")
    targets = 0.01 + 0.98 * Y
    start.b1[:], start.b2[:] = 0, 0
    found = copy(start)
    words = ("mse", "tanh", "sigmoid") if squared else ("cross_entropy", "tanh", "softmax")
    step = Step(0.2, 1, output_divisor=float(EXAMPLES), raw_hidden_error=True)
    ENGINES[engine](build(*words), X, targets, step)(found, np.arange(EXAMPLES))
    W1, b1, W2, b2 = lecture_loop(start.W1.T, start.W2.T, X, targets, 0.2, squared)
    expected = Parameters(W1.T, b1[:, 0], W2.T, b2[:, 0])
    assert relative_difference(found, expected) < 1e-12


@pytest.mark.parametrize("words", COMBINATIONS, ids="-".join)
@pytest.mark.parametrize("engine", ENGINES)
def test_saturated_outputs_follow_the_rule(engine: str, words: tuple[str, str, str]) -> None:
    """Wrong by |z| = 40 and more: the canonical pairs keep their full error, squared error keeps none; no NaN."""
    network, step = build(*words), Step(0.1, 7)
    start, X, Y = problem("float64", words[1])
    start.b2[:] = [40, -40, -40, -40, -40]
    expected, found, order = copy(start), copy(start), np.arange(EXAMPLES)
    plain_sgd(network, expected, X, Y, step, [order])
    ENGINES[engine](network, X, Y, step)(found, order)
    assert relative_difference(found, expected) < 1e-10
    assert (np.abs(found.b2 - start.b2).max() > 0.01) == network.loss.canonical


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("words", COMBINATIONS, ids="-".join)
@pytest.mark.parametrize("engine", ENGINES)
def test_what_diverges_is_seen_to_diverge(engine: str, words: tuple[str, str, str], dtype: str) -> None:
    """Numbers that leave the range must not come back as finite ones, whatever the compiler assumes."""
    parameters, X, Y = problem(dtype, words[1])
    (parameters.b1 if parameters.b1.size else parameters.b2)[2] = np.nan
    ENGINES[engine](build(*words), X, Y, Step(0.1, 7))(parameters, np.arange(EXAMPLES))
    assert np.isnan(parameters.W2).any()
    parameters, X, Y = problem(dtype, words[1])
    huge = 1e30 if dtype == "float32" else 1e300
    with np.errstate(over="ignore"):
        ENGINES[engine](build(*words), X * 1e4, Y, Step(huge, 1, 1 / huge))(parameters, np.arange(EXAMPLES))
    assert not all(np.isfinite(values).all() for values in parameters)


@pytest.mark.parametrize("engine", ENGINES)
def test_epoch_changes_given_arrays_only(engine: str) -> None:
    """Inputs may be read-only and in any memory order, such as a mapped file; an order may leave examples out."""
    start, X, Y = problem("float64")
    shown = np.asfortranarray(X)
    order = np.arange(40)
    for array in (shown, Y, order):
        array.flags.writeable = False
    found, expected = copy(start), copy(start)
    arrays = list(found)
    step = Step(0.1, 64)
    ENGINES[engine](build("mse", "tanh", "softmax"), shown, Y, step)(found, order)
    plain_sgd(build("mse", "tanh", "softmax"), expected, X, Y, step, [order])
    assert relative_difference(found, expected) < 1e-12
    assert all(mine is theirs for mine, theirs in zip(arrays, found, strict=True))
    np.testing.assert_array_equal(shown, X)


def same(Z: Array) -> Array:
    return Z


def same_pullback(A: Array, dA: Array) -> Array:
    return dA


@pytest.mark.parametrize("engine", ENGINES)
def test_activation_may_return_its_argument(engine: str) -> None:
    """The engines write over arrays of their own: never over one still in use."""
    network = build("mse", "tanh", "sigmoid")._replace(hidden=Activation(same, same_pullback))
    start, X, Y = problem("float64")
    expected, found, order, step = copy(start), copy(start), np.arange(EXAMPLES), Step(0.05, 7)
    plain_sgd(network, expected, X, Y, step, [order])
    ENGINES[engine](network, X, Y, step)(found, order)
    assert relative_difference(found, expected) < 1e-12


@pytest.mark.parametrize("engine", ENGINES)
def test_repeated_run_is_bit_identical(engine: str) -> None:
    def run(make: Callable[[], Parameters]) -> bytes:
        parameters, (_, X, Y) = make(), problem("float32")
        epoch = ENGINES[engine](build("cross_entropy", "tanh", "softmax"), X, Y, Step(0.5, 7))
        for order in orders_for(500, 7):
            epoch(parameters, order)
        return b"".join(values.tobytes() for values in parameters)

    runs = {run(lambda: copy(problem("float32")[0])) for _ in range(5)}
    assert len(runs) == 1


def test_engines_differ_by_rounding_alone() -> None:
    """The two engines, float64, every combination: the bar of 1e-10 after 100 steps, one against the other."""
    for words, batch_size in itertools.product(COMBINATIONS, (1, 32)):
        results = []
        for engine in ENGINES.values():
            parameters, X, Y = problem("float64", words[1], seed=5)
            epoch = engine(build(*words), X, Y, Step(0.1, batch_size))
            for order in orders_for(100, batch_size):
                epoch(parameters, order)
            results.append(parameters)
        assert relative_difference(*results) < 1e-10, words

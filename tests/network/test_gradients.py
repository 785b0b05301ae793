"""Gradients of every hidden x output x loss against complex-step differentiation, which has no rounding error."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from octant.network.activations import HIDDEN, OUTPUT
from octant.network.initialisers import Parameters
from octant.network.losses import LOSSES
from octant.network.network import Network, backward, build, forward, output_error

COMBINATIONS = [
    (loss, hidden, output) for loss in LOSSES for hidden in HIDDEN for output in OUTPUT if output in LOSSES[loss]
]
STEP = 1e-30


def problem(n: int, hidden: str = "tanh") -> tuple[Parameters, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    d, h, k = 5, 0 if hidden == "none" else 4, 3
    shapes = ((d, h), (h,), (h or d, k), (k,))
    parameters = Parameters(*(rng.normal(0, 0.8, shape) for shape in shapes))
    X = rng.normal(0, 1, (n, d))
    Y = np.eye(k)[rng.integers(0, k, n)]
    return parameters, X, Y


def mean_loss(network: Network, parameters: Parameters, X: np.ndarray, Y: np.ndarray) -> complex:
    _, Z2, A2 = forward(network, parameters, X)
    if network.loss.canonical and np.iscomplexobj(Z2):  # logaddexp has no complex form: write the logarithms out
        bernoulli = network.output is OUTPUT["sigmoid"]
        values = -(Y * np.log(A2) + ((1 - Y) * np.log(1 - A2) if bernoulli else 0)).sum(axis=-1)
    else:
        values = network.loss.value(Z2, A2, Y)
    return values.sum() / len(X)


def complex_step(network: Network, parameters: Parameters, X: np.ndarray, Y: np.ndarray) -> Parameters:
    gradients = []
    for which, values in enumerate(parameters):
        gradient = np.empty_like(values)
        for index in np.ndindex(values.shape):
            shifted = [p.astype(complex) for p in parameters]
            shifted[which][index] += 1j * STEP
            gradient[index] = mean_loss(network, Parameters(*shifted), X, Y).imag / STEP
        gradients.append(gradient)
    return Parameters(*gradients)


def relative_error(a: Parameters, b: Parameters) -> float:
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if y.size]
    return max(float(np.abs(x - y).max() / (np.abs(y).max() + 1e-300)) for x, y in pairs)


@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize("words", COMBINATIONS, ids="-".join)
def test_backward_is_the_gradient(words: tuple[str, str, str], n: int) -> None:
    network = build(*words)
    parameters, X, Y = problem(n, words[1])
    assert relative_error(backward(network, parameters, X, Y), complex_step(network, parameters, X, Y)) < 1e-12


@pytest.mark.parametrize("words", COMBINATIONS, ids="-".join)
def test_backward_is_gradient_of_reported_loss(words: tuple[str, str, str]) -> None:
    """Central differences of `loss.value` itself, the logit forms included."""
    network = build(*words)
    parameters, X, Y = problem(3, words[1])
    found = backward(network, parameters, X, Y)
    for which, values in enumerate(parameters):
        for index in np.ndindex(values.shape):
            ends = []
            for sign in (1, -1):
                shifted = [p.copy() for p in parameters]
                shifted[which][index] += sign * 1e-5
                ends.append(mean_loss(network, Parameters(*shifted), X, Y))
            assert found[which][index] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("words", COMBINATIONS, ids="-".join)
def test_wrong_gradient_is_caught(words: tuple[str, str, str]) -> None:
    network = build(*words)
    parameters, X, Y = problem(7, words[1])
    wrong = backward(network, parameters, X, Y)
    wrong.W2[...] *= 1.001
    assert relative_error(wrong, complex_step(network, parameters, X, Y)) > 1e-7


CANONICAL = [(loss, output) for loss in LOSSES for output, each in LOSSES[loss].items() if each.canonical]


def test_only_canonical_pairs_take_shortcut() -> None:
    assert sorted(CANONICAL) == [("cross_entropy", "sigmoid"), ("cross_entropy", "softmax")]


@pytest.mark.parametrize(("loss", "output"), CANONICAL)
def test_shortcut_agrees_with_composed_route(loss: str, output: str) -> None:
    network = build(loss, "tanh", output)
    rng = np.random.default_rng(1)
    Z, Y = rng.uniform(-4, 4, (50, 3)), np.eye(3)[rng.integers(0, 3, 50)]
    A = network.output.forward(Z)
    composed = network.output.pullback(A, network.loss.gradient(A, Y))
    np.testing.assert_allclose(output_error(network, A, Y), composed, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("loss", "output"), CANONICAL)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_canonical_pairs_at_saturation(loss: str, output: str, dtype: type) -> None:
    """Two classes, z = +-40, the wrong answer: the gradient is +-1 and the loss is the margin, not 0 or infinity."""
    network = build(loss, "tanh", output)
    Z, Y = np.array([[40.0, -40.0]], dtype), np.array([[0.0, 1.0]], dtype)
    A = network.output.forward(Z)
    np.testing.assert_allclose(output_error(network, A, Y), [[1.0, -1.0]], rtol=1e-15, atol=1e-30)
    assert network.loss.value(Z, A, Y)[0] == pytest.approx(80.0)
    np.testing.assert_allclose(output_error(network, A, 1 - Y), [[0.0, 0.0]], atol=1e-30)
    assert network.loss.value(Z, A, 1 - Y)[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("word", OUTPUT)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_outputs_do_not_overflow(word: str, dtype: type) -> None:
    A = OUTPUT[word].forward(np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]], dtype))
    assert np.isfinite(A).all()
    assert A.dtype == dtype
    if word == "softmax":
        np.testing.assert_allclose(A.sum(axis=1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("word", sorted({*HIDDEN, *OUTPUT}))
def test_pullback_is_transposed_jacobian(word: str) -> None:
    """Jacobian by complex steps, column by column; softmax needs every entry of it."""
    activation = {**HIDDEN, **OUTPUT}[word]
    z, da = np.array([0.3, -1.2, 0.7]), np.array([0.5, 2.0, -1.0])
    columns = [activation.forward(z + 1j * STEP * row).imag / STEP for row in np.eye(3)]
    expected = np.array(columns) @ da
    np.testing.assert_allclose(activation.pullback(activation.forward(z), da), expected, rtol=1e-13)


def test_two_two_two_network_worked_by_hand() -> None:
    """MSE, sigmoid, softmax: every number below was worked out from the definitions with exp alone."""
    from math import exp

    parameters = Parameters(
        np.array([[0.5, -0.5], [0.25, 1.0]]), np.array([0.1, -0.2]), np.array([[1.0, 0.0], [-1.0, 0.5]]), np.zeros(2)
    )
    x, y = (1.0, 2.0), (0.0, 1.0)
    z1 = (0.5 * 1 + 0.25 * 2 + 0.1, -0.5 * 1 + 1.0 * 2 - 0.2)  # 1.1, 1.3
    a1 = tuple(1 / (1 + exp(-z)) for z in z1)
    z2 = (a1[0] - a1[1], 0.5 * a1[1])
    e = tuple(exp(z) for z in z2)
    p = tuple(each / sum(e) for each in e)
    da = (p[0] - y[0], p[1] - y[1])
    inner = p[0] * da[0] + p[1] * da[1]
    dz2 = tuple(p[i] * (da[i] - inner) for i in range(2))
    back = (1.0 * dz2[0] + 0.0 * dz2[1], -1.0 * dz2[0] + 0.5 * dz2[1])
    dz1 = tuple(back[i] * a1[i] * (1 - a1[i]) for i in range(2))
    network = build("mse", "sigmoid", "softmax")
    found = backward(network, parameters, np.array([x]), np.array([y]))
    np.testing.assert_allclose(found.W1, np.outer(x, dz1), rtol=1e-14)
    np.testing.assert_allclose(found.b1, dz1, rtol=1e-14)
    np.testing.assert_allclose(found.W2, np.outer(a1, dz2), rtol=1e-14)
    np.testing.assert_allclose(found.b2, dz2, rtol=1e-14)
    _, Z2, A2 = forward(network, parameters, np.array([x]))
    assert network.loss.value(Z2, A2, np.array([y]))[0] == pytest.approx(0.5 * (da[0] ** 2 + da[1] ** 2))
    # With a pocket calculator: s(1.1) = 0.750260, s(1.3) = 0.785835, z2 = (-0.035575, 0.392917), 1/(1 + e^0.428492):
    assert A2[0, 0] == pytest.approx(0.394486, abs=1e-6)


def test_losses_have_their_definitions() -> None:
    Y = np.array([[0.0, 1.0, 0.0]])
    for output, expected in (
        ("softmax", lambda A: -np.log(A[0, 1])),
        ("sigmoid", lambda A: -np.log(1 - A[0, 0]) - np.log(A[0, 1]) - np.log(1 - A[0, 2])),
    ):
        Z = np.array([[0.2, -0.4, 1.1]])
        A = OUTPUT[output].forward(Z)
        assert LOSSES["cross_entropy"][output].value(Z, A, Y)[0] == pytest.approx(expected(A), rel=1e-14)
        half = 0.5 * (A[0, 0] ** 2 + (A[0, 1] - 1) ** 2 + A[0, 2] ** 2)
        assert LOSSES["mse"][output].value(Z, A, Y)[0] == pytest.approx(half, rel=1e-14)


def test_combinations_cover_the_cube() -> None:
    cube = set(itertools.product(("mse", "cross_entropy"), ("sigmoid", "tanh"), ("sigmoid", "softmax")))
    assert cube <= set(COMBINATIONS)

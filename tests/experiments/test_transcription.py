"""octant's engines against the independent transcription of the lecture's loop (tests/lecture_transcription.py)."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lecture_page.chaos import PAIRS, settings
from octant.network.engines import ENGINES as MAKERS
from octant.network.initialisers import Parameters
from octant.network.network import build
from octant.network.settings import ENGINES, Settings
from octant.network.training import initial_parameters, step_of, target_matrix, visiting_order
from support.lecture_transcription import FILES, Array, LectureNetwork, read


@cache
def mnist() -> tuple[Array, ...]:
    folder = os.environ.get("OCTANT_MNIST")
    if not folder:
        pytest.skip("the MNIST files are missing: set OCTANT_MNIST to the folder that holds the four IDX files")
    return tuple(read(Path(folder), name) for name in FILES)


def octants(words: Settings, X: Array, y: Array, m: int, epochs: int = 1) -> tuple[Array, ...]:
    """Weights in the transcription's form, W1 (h, d), b1 (h, 1), W2 (k, h), b2 (k, 1), after visiting X in order."""
    network, parameters = build(words.loss, words.hidden, words.output), initial_parameters(words, X.shape[1], 10)
    epoch_of = MAKERS[words.engine](network, X, target_matrix(words, y, 10), step_of(words, m))
    for epoch in range(1, epochs + 1):
        epoch_of(parameters, visiting_order(words, epoch, len(X)))
    return parameters.W1.T, parameters.b1[:, None], parameters.W2.T, parameters.b2[:, None]


def weights(network: LectureNetwork) -> tuple[Array, ...]:
    return network.W1, network.b1, network.W2, network.b2


def copies(arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(each.copy() for each in arrays)


def distance(found: tuple[Array, ...], expected: tuple[Array, ...], start: tuple[Array, ...]) -> float:
    """Largest difference of an array, relative to how far training has moved that array."""
    changes = zip(found, expected, start, strict=True)
    return max(float(np.abs(f - e).max() / np.abs(e - s).max()) for f, e, s in changes)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("m", [60_000, 1_000])
def test_thousand_sigmoid_examples_of_mnist(m: int, loss: str, engine: str) -> None:
    """m = 60,000 is the lecture's; with m = 1,000 the output layer moves sixty times as far."""
    X, y, *_ = mnist()
    ours = octants(settings(loss, "sigmoid", engine=engine), X[:1000], y[:1000], m)
    theirs = LectureNetwork(loss == "mse", tanh=False)
    start = copies(weights(theirs))
    theirs.train(X[:1000], y[:1000], m)
    assert distance(ours, weights(theirs), start) < 1e-9


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_every_step_of_thousand_examples(pair: tuple[str, str], engine: str) -> None:
    """Both from the same weights before every example, so that no chaos comes between: with tanh it does at once."""
    loss, hidden = pair
    X, y, *_ = mnist()
    words = settings(loss, hidden, engine=engine)
    theirs = LectureNetwork(loss == "mse", hidden == "tanh")
    network, Y = build(words.loss, words.hidden, words.output), target_matrix(words, y[:1000], 10)
    epoch_of = MAKERS[engine](network, X[:1000], Y, step_of(words, 60_000))
    for i in range(1000):
        W1, b1, W2, b2 = copies(weights(theirs))
        ours = Parameters(W1.T.copy(), b1[:, 0], W2.T.copy(), b2[:, 0])
        epoch_of(ours, np.array([i]))
        theirs.train(X[i : i + 1], y[i : i + 1], 60_000)
        for found, expected in zip(ours, weights(theirs), strict=True):
            np.testing.assert_allclose(found.T.reshape(expected.shape), expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_tanh_parts_as_from_itself(loss: str, engine: str) -> None:
    """The control: the transcription beside itself with the pixels summed from the last to the first.

    After 25 examples the weights still agree to 1e-9; after 1,000 no two orders of summation agree at all.
    """
    X, y, *_ = mnist()
    words = settings(loss, "tanh", engine=engine)
    apart = {}
    for n in (25, 1000):
        theirs, twin = LectureNetwork(loss == "mse", tanh=True), LectureNetwork(loss == "mse", tanh=True)
        twin.W1 = twin.W1[:, ::-1].copy()
        theirs.train(X[:n], y[:n], 60_000)
        twin.train(X[:n, ::-1], y[:n], 60_000)
        W1, *_ = octants(words, X[:n], y[:n], 60_000)
        apart[n] = [float(np.abs(each - theirs.W1).max()) for each in (W1, twin.W1[:, ::-1])]
    assert max(apart[25]) < 1e-9
    assert min(apart[1000]) > 0.01


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_smaller_network_on_any_pictures(pair: tuple[str, str], engine: str) -> None:
    """Needs no MNIST: 300 examples, twice, of random pictures half of which is black."""
    loss, hidden = pair
    rng = np.random.default_rng(0)
    X = rng.random((300, 64)) * rng.integers(0, 2, (300, 64))
    y = rng.integers(0, 10, 300)
    words = settings(loss, hidden, engine=engine).model_copy(update={"hidden_units": 20, "seed": 3})
    ours = octants(words, X, y, len(X), epochs=2)
    theirs = LectureNetwork(loss == "mse", hidden == "tanh", seed=3, sizes=(64, 20, 10))
    start = copies(weights(theirs))
    theirs.train(np.tile(X, (2, 1)), np.tile(y, 2), len(X))
    assert distance(ours, weights(theirs), start) < 1e-9

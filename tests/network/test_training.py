"""Pairing, determinism, divergence: what a comparison rests on."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest

from octant.errors import InputError
from octant.network.data import Dataset, Examples, load
from octant.network.initialisers import INITIALISERS, Parameters
from octant.network.network import build, forward, score
from octant.network.training import Start, initial_parameters, target_matrix, train, visiting_order
from support.settings import settings

CUBE = list(itertools.product(("mse", "cross_entropy"), ("sigmoid", "tanh"), ("sigmoid", "softmax")))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(settings().dataset)


def test_same_seed_same_weights_and_order() -> None:
    for init in INITIALISERS:
        runs = [settings(loss=a, hidden=b, output=c, seed=3, init=init) for a, b, c in CUBE]
        weights = [initial_parameters(run, 64, 10) for run in runs]
        orders = [visiting_order(run, 5, 100) for run in runs]
        for other, order in zip(weights, orders, strict=True):
            for mine, theirs in zip(weights[0], other, strict=True):
                np.testing.assert_array_equal(mine, theirs)
            np.testing.assert_array_equal(orders[0], order)


def test_only_seed_and_epoch_change_order() -> None:
    first = visiting_order(settings(seed=3), 1, 100)
    assert sorted(first) == list(range(100))
    assert (first != visiting_order(settings(seed=4), 1, 100)).any()
    assert (first != visiting_order(settings(seed=3), 2, 100)).any()
    np.testing.assert_array_equal(visiting_order(settings(order="file"), 2, 5), range(5))


def test_wrong_weights_are_all_minus_two() -> None:
    assert all((each == -2).all() for each in initial_parameters(settings(init="wrong"), 5, 3))


@pytest.mark.parametrize("init", sorted({*INITIALISERS} - {"wrong"}))
def test_initialisers_have_their_distribution(init: str) -> None:
    """Mean and variance over 784 x 100 draws, against the textbook's, within five standard errors."""
    W1, b1, W2, b2 = initial_parameters(settings(init=init, hidden_units=100, seed=1), 784, 10)
    assert (W1.shape, b1.shape, W2.shape, b2.shape) == ((784, 100), (100,), (100, 10), (10,))
    variance = {"uniform": 1 / 3, "lecture": 1 / 3, "normal": 1.0, "scaled": 1 / 784, "glorot": 2 / 884}[init]
    n = W1.size
    assert abs(W1.mean()) < 5 * np.sqrt(variance / n)
    assert W1.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / n))
    assert (b1 == 0).all() == (init != "normal")
    if init in ("uniform", "lecture", "glorot"):
        assert np.abs(W1).max() <= np.sqrt(3 * variance) * (1 + 1e-12)


def test_lecture_weights_are_second_legacy_pair() -> None:
    legacy = np.random.RandomState(1)
    legacy.random_sample(100 * 784 + 10 * 100)
    W1 = 2 * legacy.random_sample((100, 784)) - 1
    W2 = 2 * legacy.random_sample((10, 100)) - 1
    found = initial_parameters(settings(init="lecture", hidden_units=100, seed=1), 784, 10)
    np.testing.assert_array_equal(found.W1, W1.T)
    np.testing.assert_array_equal(found.W2, W2.T)


def test_lecture_targets() -> None:
    Y = target_matrix(settings(targets="lecture"), np.array([1, 0]), 3)
    np.testing.assert_array_equal(Y, [[0.01, 0.99, 0.01], [0.99, 0.01, 0.01]])


def test_score_counts_all_examples() -> None:
    network = build("mse", "tanh", "sigmoid")
    rng = np.random.default_rng(0)
    parameters = Parameters(rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(3, 2)), rng.normal(size=2))
    X, labels = rng.normal(size=(11, 4)), rng.integers(0, 2, 11)
    Y = np.eye(2)[labels]
    right, total = 0, 0.0
    for x, y, label in zip(X, Y, labels, strict=True):
        a1 = np.tanh(x @ parameters.W1 + parameters.b1)
        a2 = 1 / (1 + np.exp(-(a1 @ parameters.W2 + parameters.b2)))
        right += int(a2[label] > a2[1 - label])
        total += 0.5 * ((a2 - y) ** 2).sum()
    Z2 = forward(network, parameters, X).Z2
    for chunk in (2, 4, 11, 100):
        found = score(network, Z2, Y, labels, chunk)
        assert found.accuracy == right / 11
        assert found.loss == pytest.approx(total / 11, rel=1e-14)


@pytest.mark.parametrize("words", CUBE, ids="-".join)
def test_every_configuration_learns_the_digits(words: tuple[str, str, str], digits: Dataset) -> None:
    loss, hidden, output = words
    records = list(train(settings(loss=loss, hidden=hidden, output=output, learning_rate=1.0, epochs=15), digits))
    assert [record.epoch for record in records] == list(range(16))
    assert records[0].metrics["test_accuracy"] < 0.3
    assert records[-1].metrics["test_accuracy"] > 0.85
    assert records[-1].metrics["train_loss"] < records[0].metrics["train_loss"]


def test_continuing_gives_the_same_numbers(digits: Dataset) -> None:
    copies = {}
    whole = []
    for record in train(settings(), digits):
        whole.append(record.metrics)
        copies[record.epoch] = Parameters(*(p.copy() for p in record.parameters))
    for epoch, parameters in copies.items():
        start = Start(epoch, parameters, whole[epoch]["step_W1"])
        rest = [record.metrics for record in train(settings(), digits, start)]
        assert rest == whole[epoch:]


def test_another_process_gives_the_same_bits(digits: Dataset) -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from support.settings import settings\n"
        "from octant.network.data import load\nfrom octant.network.training import train\n"
        "print([r.metrics for r in train(settings(), load(settings().dataset))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([record.metrics for record in train(settings(), digits)])


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence_has_epoch_and_reason(engine: str, dtype: str, digits: Dataset) -> None:
    """Digits stay finite at any rate (dead or saturated units), so the inputs are blown up until weights overflow."""
    small = load(settings().dataset, dtype)
    huge = Examples(small.train.X * np.asarray(1e36 if dtype == "float32" else 1e306, dtype), small.train.labels)
    data = dataclasses.replace(small, train=huge)
    run = settings(hidden="relu", learning_rate=1e5, dtype=dtype, epochs=9, engine=engine)
    records = list(train(run, data))
    assert records[-1].diverged is not None
    assert "is not finite" in records[-1].diverged
    assert records[-1].epoch < 9
    assert records[-1].metrics == {}
    assert all(np.isfinite(list(record.metrics.values())).all() for record in records)


def test_undefined_loss_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from octant.network.losses import LOSSES

    monkeypatch.setitem(LOSSES, "cross_entropy", {"sigmoid": LOSSES["cross_entropy"]["sigmoid"]})
    with pytest.raises(InputError, match="cross_entropy is not defined on output=softmax"):
        build("cross_entropy", "tanh", "softmax")

"""Diagnostics against complex steps of one example's loss, and training with and without them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from octant.network.activations import HIDDEN, OUTPUT, Array
from octant.network.data import Dataset, load
from octant.network.diagnostics import EXAMPLES, Probe, step_size
from octant.network.engines import ENGINES, Step
from octant.network.initialisers import Parameters
from octant.network.losses import LOSSES
from octant.network.network import build
from octant.network.settings import Settings
from octant.network.training import train
from support.settings import settings

COMBINATIONS = [
    (loss, hidden, output) for loss in LOSSES for hidden in HIDDEN for output in OUTPUT if output in LOSSES[loss]
]
D, H, K, N = 4, 5, 3, 6


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(settings().dataset)


TINY = 1e-30
# Written out anew: nothing of octant's stands below but the words.
FORWARD = {  # a word that is added has its own forward function; test_gradients holds that to its derivative
    **{word: each.forward for word, each in (HIDDEN | OUTPUT).items()},
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.where(np.real(z) > 0, z, 0),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(),
}
_OWN = {"sigmoid": 0.25, "tanh": 1.0, "relu": 1.0, "softmax": 0.25}
STEEPEST = {word: each.steepest for word, each in (HIDDEN | OUTPUT).items()} | _OWN


def loss_of(words: tuple[str, str, str], z2: Array, y: Array) -> complex:
    a = FORWARD[words[2]](z2)
    if words[0] == "mse":
        return complex(((a - y) ** 2).sum() / 2)
    if words[0] != "cross_entropy":
        return complex(LOSSES[words[0]][words[2]].value(z2, a, y))
    return complex(-(y * np.log(a) + ((1 - y) * np.log(1 - a) if words[2] == "sigmoid" else 0)).sum())


def z2_of(words: tuple[str, str, str], p: Parameters, x: Array) -> Array:
    a1 = x if words[1] == "none" else FORWARD[words[1]](x @ p.W1 + p.b1)
    return np.asarray(a1 @ p.W2 + p.b2)


def gradient(function: object, values: Array) -> Array:
    """Complex steps of a function of an array."""
    found = np.zeros(values.shape)
    for index in np.ndindex(values.shape):
        shifted = values.astype(complex)
        shifted[index] += 1j * TINY
        found[index] = function(shifted).imag / TINY  # type: ignore[operator]
    return found


def own_slopes(word: str, z: Array) -> Array:
    return np.array([gradient(lambda moved, j=j: FORWARD[word](moved)[j], z)[j] for j in range(len(z))])


def by_complex_steps(words: tuple[str, str, str], p: Parameters, X: Array, Y: Array) -> dict[str, float]:
    each: dict[str, list[float]] = {}
    for x, y in zip(X, Y, strict=True):
        z2 = z2_of(words, p, x)
        found = {
            "output_distance": np.abs(FORWARD[words[2]](z2) - y).mean(),
            "output_error": np.abs(gradient(lambda z, y=y: loss_of(words, z, y), z2)).mean(),
            "saturation_output": (own_slopes(words[2], z2) < STEEPEST[words[2]] / 20).mean(),
            "gradient_W2": np.sqrt(
                (gradient(lambda W, x=x, y=y: loss_of(words, z2_of(words, p._replace(W2=W), x), y), p.W2) ** 2).sum()
            ),
        }
        if words[1] != "none":
            W1 = gradient(lambda W, x=x, y=y: loss_of(words, z2_of(words, p._replace(W1=W), x), y), p.W1)
            slopes = own_slopes(words[1], x @ p.W1 + p.b1)
            found |= {
                "gradient_W1": np.sqrt((W1**2).sum()),
                "saturation_hidden": (slopes < STEEPEST[words[1]] / 20).mean(),
            }
        for name, value in found.items():
            each.setdefault(name, []).append(float(value))
    return {name: float(np.mean(values)) for name, values in each.items()}


def measured(
    words: tuple[str, str, str], p: Parameters, X: Array, Y: Array, seed: int, engine: str
) -> dict[str, float]:
    network = build(*words)
    probe, epoch = Probe(network, X, Y, len(p.b1), seed), ENGINES[engine](network, X, Y, Step(0.1, 1))
    epoch.outputs(p, X, probe.kept)
    return probe.measure(epoch, p)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("words", COMBINATIONS, ids="-".join)
def test_diagnostics_equal_complex_steps(words: tuple[str, str, str], engine: str) -> None:
    rng = np.random.default_rng(0)
    units = 0 if words[1] == "none" else H
    p = Parameters(*(rng.normal(0, 1, shape) for shape in ((D, units), (units,), (units or D, K), (K,))))
    X, Y = rng.normal(0, 1, (N, D)), np.eye(K)[rng.integers(0, K, N)]
    found = measured(words, p, X, Y, 0, engine)
    expected = by_complex_steps(words, p, X, Y)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-12), name


def test_table_of_the_docs(digits: Dataset) -> None:
    """docs/mathematics.md: from a (1 - a) to the curve, each number to its last digit or, elsewhere, to 3 %."""
    runs = {}
    for loss in LOSSES:
        run = Settings(loss=loss, hidden="sigmoid", output="sigmoid", epochs=30)
        runs[loss] = {record.epoch: record.metrics for record in train(run, digits)}
    section = (Path(__file__).parents[2] / "docs" / "mathematics.md").read_text().split("## From a (1 - a)")[1]
    rows = re.findall(r"^\| (\d+ .*) \|$", section.split("\n## ")[0], re.MULTILINE)
    assert [int(row.split(" | ")[0]) for row in rows] == [0, 1, 2, 3, 5, 10, 30]
    for row in rows:
        epoch, *said = row.replace(" %", "").split(" | ")
        slow, fast = runs["mse"][int(epoch)], runs["cross_entropy"][int(epoch)]
        assert fast["output_error"] == fast["output_distance"]
        handed_back = slow["output_error"] / slow["output_distance"]
        found = [slow["output_distance"], slow["output_error"], 100 * handed_back, slow["gradient_W1"],
                 100 * slow["test_accuracy"], fast["output_distance"], fast["gradient_W1"],
                 100 * fast["test_accuracy"]]  # fmt: skip
        for text, value in zip(said, found, strict=True):
            half = 0.5 * 10.0 ** -len(text.partition(".")[2])
            assert float(text) == pytest.approx(value, abs=half + 0.03 * value), (epoch, text)
    start, after = ([runs[loss][epoch]["gradient_W1"] for loss in ("mse", "cross_entropy")] for epoch in (0, 1))
    assert start[0] / start[1] == pytest.approx(1 / 4, abs=0.02)
    assert after[0] / after[1] == pytest.approx(1 / 10, abs=0.01)
    assert runs["mse"][1]["saturation_output"] == 0


def test_step_size_by_hand() -> None:
    assert step_size(np.array([[3.0, 4.0]]), np.array([[3.0, 5.0]])) == pytest.approx(0.2)
    assert step_size(np.empty((4, 0)), np.empty((4, 0))) == 0.0


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_training_is_the_same_without_them(engine: str, digits: Dataset) -> None:
    on, off = (list(train(settings(engine=engine, diagnostics=each), digits)) for each in (True, False))
    for with_them, without in zip(on, off, strict=True):
        assert without.metrics == {name: with_them.metrics[name] for name in without.metrics}
        assert len(with_them.metrics) == len(without.metrics) + 7


def test_one_probe_per_seed() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(0, 1, (2 * EXAMPLES, D)), np.eye(K)[rng.integers(0, K, 2 * EXAMPLES)]
    zeros = Parameters(np.zeros((D, H)), np.zeros(H), np.zeros((H, K)), np.zeros(K))
    gradients = [
        measured(("mse", hidden, "sigmoid"), zeros, X, Y, seed, "numpy")["output_error"]
        for hidden in ("sigmoid", "tanh")
        for seed in (0, 1)
    ]
    assert gradients[0] == gradients[2] == gradients[1] == gradients[3]  # zeros: every example alike
    weights = Parameters(*(rng.normal(0, 1, p.shape) for p in zeros))
    first, again, other = (measured(("mse", "tanh", "sigmoid"), weights, X, Y, s, "numpy") for s in (0, 0, 1))
    assert first == again != other


def test_diagnostics_stay_finite(digits: Dataset) -> None:
    """Finite weights whose squares overflow: the run goes on."""
    from octant.network.training import Start

    huge = Parameters(np.full((64, 4), 1e200), np.zeros(4), np.full((4, 10), 1e200), np.zeros(10))
    start = Start(1, huge)
    (record,) = train(settings(hidden="tanh", loss="mse", output="sigmoid", epochs=1), digits, start)
    assert record.diverged is None
    assert all(np.isfinite(value) for value in record.metrics.values())

"""Training: a generator that yields one record per epoch and knows no listener."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from octant.network import seeds
from octant.network.activations import Array
from octant.network.data import Dataset
from octant.network.diagnostics import STEP, Probe, step_size
from octant.network.engines import ENGINES, EngineEpoch, Kept, Step
from octant.network.initialisers import INITIALISERS, Parameters
from octant.network.network import Network, build, score
from octant.network.settings import Settings

LECTURE_TARGETS = (0.01, 0.99)


@dataclass(frozen=True)
class Record:
    """The state after `epoch` epochs (0 = before training).

    `metrics` holds accuracies (a share of all examples of the part) and losses (means per example), all finite.
    A record with `diverged`, the reason, is the last one and has no metrics. `parameters` are the live arrays,
    which the next epoch changes: copy what must be kept. `predicted` (n_test,) are the test examples' classes.
    """

    epoch: int
    parameters: Parameters
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    diverged: str | None = None
    predicted: Array | None = None


def initial_parameters(settings: Settings, inputs: int, classes: int) -> Parameters:
    """The run's initial weights: they depend on its seed, init, shapes and dtype, on nothing else."""
    draw, stream = INITIALISERS[settings.init], seeds.weights(settings.seed)
    if settings.hidden == "none":
        layer = draw(stream, inputs, classes, classes)
        drawn = Parameters(layer.W1[:, :0], layer.b1[:0], layer.W1, layer.b1)
    else:
        drawn = draw(stream, inputs, settings.hidden_units, classes)
    return Parameters(*(np.ascontiguousarray(p, dtype=settings.dtype) for p in drawn))


def visiting_order(settings: Settings, epoch: int, n: int) -> NDArray[Any]:
    """Indices (n,) of the training examples in the order in which `epoch` (1-based) visits them."""
    if settings.order == "file":
        return np.arange(n)
    return np.random.default_rng(seeds.order(settings.seed, epoch)).permutation(n)


def target_matrix(settings: Settings, labels: Array, classes: int) -> Array:
    """Targets Y (n, k): one-hot, or the lecture's 0.99 for the class and 0.01 elsewhere."""
    low, high = (0.0, 1.0) if settings.targets == "one_hot" else LECTURE_TARGETS
    Y = np.full((len(labels), classes), low, dtype=settings.dtype)
    Y[np.arange(len(labels)), labels] = high
    return Y


def step_of(settings: Settings, n: int) -> Step:
    """The step rule for n training examples."""
    divisor = float(n) if settings.output_step == "divided" else 1.0
    return Step(settings.learning_rate, settings.batch_size, divisor, settings.hidden_error == "raw")


class Start(NamedTuple):
    """Where training goes on: after that epoch, with its parameters and the size of its step (see diagnostics)."""

    epoch: int
    parameters: Parameters
    step_W1: float = 0.0


def train(settings: Settings, dataset: Dataset, start: Start | None = None) -> Iterator[Record]:
    """Yield a record for epoch 0 and after each epoch, up to `settings.epochs` or divergence.

    `start` continues after its epoch instead, exactly as if never interrupted; the first record is then that epoch's
    again. Raises InputError for words that do not go together.
    """
    network = build(settings.loss, settings.hidden, settings.output)
    parts = _scored_parts(settings, dataset)
    X, Y, _ = parts["train"]
    first, parameters, step = start or Start(0, initial_parameters(settings, dataset.inputs, dataset.classes))
    probe = Probe(network, X, Y, len(parameters.b1), settings.seed) if settings.diagnostics else None
    engine = ENGINES[settings.engine](network, X, Y, step_of(settings, len(X)))
    for epoch in range(first, settings.epochs + 1):
        before = parameters.W1.copy() if probe else parameters.W1
        began = time.perf_counter()
        if epoch > first:
            engine(parameters, visiting_order(settings, epoch, len(X)))
        seconds = time.perf_counter() - began
        record = _checked(epoch, parameters, network, engine, parts, seconds, probe.kept if probe else None)
        if probe and not record.diverged:
            step = step_size(before, parameters.W1) if epoch > first else step
            record.metrics.update(_diagnosed(probe, engine, parameters, step))
        yield record
        if record.diverged:
            return


Parts = dict[str, tuple[Array, Array, Array]]


def test_errors(dataset: Dataset, predicted: Array) -> dict[str, Any]:
    """What is wrong in the `predicted` classes (n_test,): `wrong`, a list of [example, class, predicted class],
    `examples`, how many of each class there are, and `class_names`. Together they give the confusion matrix.
    """
    labels = dataset.test.labels
    wrong = np.flatnonzero(predicted != labels)
    examples = np.bincount(labels, minlength=dataset.classes)
    rows = np.stack([wrong, labels[wrong], predicted[wrong]], axis=1).tolist()
    names = list(dataset.class_names or map(str, range(dataset.classes)))
    return {"examples": examples.tolist(), "wrong": rows, "class_names": names}


def _diagnosed(probe: Probe, engine: EngineEpoch, parameters: Parameters, step: float) -> dict[str, float]:
    """Diagnostics, finite like all metrics: a square that overflows must not end a run whose weights are finite."""
    with np.errstate(all="ignore"):
        found = probe.measure(engine, parameters) | ({STEP: step} if parameters.W1.size else {})
    largest = float(np.finfo(np.float64).max)
    return {name: value if math.isfinite(value) else largest for name, value in found.items()}


def _scored_parts(settings: Settings, dataset: Dataset) -> Parts:
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    return {
        name: (part.X, target_matrix(settings, part.labels, dataset.classes), part.labels)
        for name, part in parts.items()
        if len(part)
    }


def _checked(
    epoch: int,
    parameters: Parameters,
    network: Network,
    engine: EngineEpoch,
    parts: Parts,
    seconds: float,
    kept: Kept | None,
) -> Record:
    for name, values in parameters._asdict().items():
        if not np.isfinite(values).all():
            return Record(epoch, parameters, diverged=f"{name} is not finite", seconds=seconds)
    with np.errstate(all="ignore"):
        scores = {
            name: score(network, engine.outputs(parameters, X, kept if name == "train" else None), Y, labels)
            for name, (X, Y, labels) in parts.items()
        }
    metrics: dict[str, float] = {}
    for name, (accuracy, loss, _) in scores.items():
        metrics |= {f"{name}_accuracy": accuracy, f"{name}_loss": loss}
        if not np.isfinite(loss):
            return Record(epoch, parameters, diverged=f"{name}_loss is not finite", seconds=seconds)
    return Record(epoch, parameters, metrics, seconds, predicted=scores["test"].predicted)

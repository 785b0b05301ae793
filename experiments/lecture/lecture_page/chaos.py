"""How fast two correct programs part: the lecture's training beside a twin whose sums are taken in another order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from octant.network.activations import Array
from octant.network.data import Dataset
from octant.network.engines import ENGINES, EngineEpoch
from octant.network.network import build
from octant.network.settings import DataSettings, Settings
from octant.network.training import initial_parameters, step_of, target_matrix

OUTPUT = {"cross_entropy": "softmax", "mse": "sigmoid"}
PAIRS = tuple((loss, hidden) for loss in OUTPUT for hidden in ("sigmoid", "tanh"))
MARKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000)


def settings(loss: str, hidden: str, engine: str = "numba") -> Settings:
    """The lecture's own run, as `experiment=lecture` composes it (a test holds the two together)."""
    return Settings(
        dataset=DataSettings(name="mnist", validation_fraction=0.0), loss=loss, hidden=hidden, output=OUTPUT[loss],
        init="lecture", engine=engine, hidden_units=100, learning_rate=0.2, batch_size=1, epochs=30, seed=1,
        dtype="float64", targets="lecture", order="file", output_step="divided", hidden_error="raw",
    )  # fmt: skip


def chaos(dataset: Dataset, marks: tuple[int, ...] = MARKS) -> pd.DataFrame:
    """One row per pair, twin and mark: config, loss, hidden, twin, examples, distance and both test accuracies, %.

    `distance` is the largest difference between two weights of W1, relative to the largest weight. The twin
    `reversed` adds up the pixels of a picture from the last to the first; the twin `float32` adds them up in the
    same order, but takes pixels / 255 rounded to float32, as the lecture has them.
    """
    return pd.DataFrame([row for pair in PAIRS for twin in TWINS for row in _race(*pair, twin, dataset, marks)])


def _race(loss: str, hidden: str, twin: str, dataset: Dataset, marks: tuple[int, ...]) -> Iterator[dict[str, object]]:
    words = settings(loss, hidden)
    X, X_test, n, change = dataset.train.X, dataset.test.X, len(dataset.train), TWINS[twin]
    X_twin, labels = change(X_test), dataset.test.labels
    first, second = (initial_parameters(words, dataset.inputs, dataset.classes) for _ in range(2))
    second = second._replace(W1=second.W1[::-1].copy()) if twin == "reversed" else second
    one, two = (_epoch(words, dataset, inputs) for inputs in (X, change(X)))
    done = 0
    for mark in marks:
        order = np.arange(done, mark) % n
        one(first, order)
        two(second, order)
        done = mark
        W1 = second.W1[::-1] if twin == "reversed" else second.W1
        accuracies = [
            float(100 * np.mean(epoch.outputs(parameters, inputs).argmax(axis=1) == labels))
            for epoch, parameters, inputs in ((one, first, X_test), (two, second, X_twin))
        ]
        yield {
            **{"config": words.configuration, "loss": loss, "hidden": hidden, "twin": twin, "examples": mark},
            "distance": float(np.abs(first.W1 - W1).max() / np.abs(first.W1).max()),
            **dict(zip(("test_accuracy", "twin_accuracy"), accuracies, strict=True)),
        }


def _epoch(words: Settings, dataset: Dataset, X: Array) -> EngineEpoch:
    network = build(words.loss, words.hidden, words.output)
    Y = target_matrix(words, dataset.train.labels, dataset.classes)
    return ENGINES[words.engine](network, X, Y, step_of(words, len(X)))


def _reversed(X: Array) -> Array:
    return X[:, ::-1]


def _rounded(X: Array) -> Array:
    return X.astype(np.float32).astype(np.float64)


TWINS = {"reversed": _reversed, "float32": _rounded}

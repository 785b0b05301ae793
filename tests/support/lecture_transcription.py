"""The lecture's training loop, transcribed in its own form: one example at a time, in column vectors.

Written from the description of the lecture alone. It shares no code with octant and is slow, about 7 s per epoch of
MNIST; octant is held against it. As a program it trains 3 epochs with 5 seeds of each of the four pairs of loss and
hidden activation and writes the accuracies:

    export OCTANT_MNIST=<folder of the four IDX files>
    python tests/lecture_transcription.py experiments/lecture/transcription.csv

Symbols: A0 (784, 1) a picture, Y (10, 1) its target, Z = W A + b, W1 (100, 784), W2 (10, 100), m the number of
training examples. The deck's squared error is 1/2 (y - yhat)^2 with dZ2 = E2 * g'(Z2), elementwise; of an output
that has such a g' there is only the sigmoid, so squared error is trained with a sigmoid output.
"""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

ETA = 0.2
SEEDS = (1, 2, 3, 4, 5)
EPOCHS = 3
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def sigmoid(z: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-z))


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max())
    return e / e.sum()


@dataclass
class LectureNetwork:
    """784-100-10 (or other sizes) with the lecture's initial weights."""

    squared_error: bool
    tanh: bool
    seed: int = 1
    sizes: tuple[int, int, int] = (784, 100, 10)

    def __post_init__(self) -> None:
        d, h, k = self.sizes
        np.random.seed(self.seed)  # noqa: NPY002 - the lecture's generator
        for _ in range(2):  # drawn twice, the second pair kept
            self.W1 = 2 * np.random.random((h, d)) - 1  # noqa: NPY002
            self.W2 = 2 * np.random.random((k, h)) - 1  # noqa: NPY002
        self.b1, self.b2 = np.zeros((h, 1)), np.zeros((k, 1))

    def forward(self, A0: Array) -> tuple[Array, Array]:
        Z1 = self.W1 @ A0 + self.b1
        A1 = np.tanh(Z1) if self.tanh else sigmoid(Z1)
        Z2 = self.W2 @ A1 + self.b2
        return A1, sigmoid(Z2) if self.squared_error else softmax(Z2)

    def learn(self, A0: Array, Y: Array, m: int) -> None:
        A1, A2 = self.forward(A0)
        E2 = Y - A2
        dZ2 = E2 * A2 * (1 - A2) if self.squared_error else E2
        dW2, db2 = dZ2 @ A1.T / m, dZ2 / m
        E1 = self.W2.T @ E2
        dZ1 = E1 * (1 - A1**2 if self.tanh else A1 * (1 - A1))
        self.W2 += ETA * dW2
        self.b2 += ETA * db2
        self.W1 += ETA * (dZ1 @ A0.T)
        self.b1 += ETA * dZ1

    def train(self, pictures: Iterable[Array], labels: Iterable[int], m: int) -> None:
        """Visit the pictures, each (784,), in their order."""
        for picture, label in zip(pictures, labels, strict=True):
            Y = np.full((self.sizes[2], 1), 0.01)
            Y[label] = 0.99
            self.learn(picture.reshape(-1, 1), Y, m)

    def accuracy(self, pictures: Array, labels: Array, chunk: int = 5000) -> float:
        """A column a picture; the largest output of a column is the same whatever softmax divides by."""
        parts = (pictures[i : i + chunk].T for i in range(0, len(pictures), chunk))
        said = np.concatenate([self.forward(columns)[1].argmax(axis=0) for columns in parts])
        return float(np.mean(said == labels))


def read(folder: Path, name: str) -> Array:
    """Pictures (n, 784) as pixels / 255 in float64, or labels (n,), from an IDX file, plain or .gz."""
    plain = folder / name
    content = plain.read_bytes() if plain.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
    body = np.frombuffer(content, np.uint8, offset=4 + 4 * content[3])
    return body.reshape(-1, 784) / 255.0 if content[3] == 3 else body.astype(np.int64)


def records(squared_error: bool, tanh: bool, seed: int, data: tuple[Array, ...]) -> list[str]:
    """A line per epoch: loss, hidden, seed, epoch, train and test accuracy."""
    X, y, X_test, y_test = data
    network, lines = LectureNetwork(squared_error, tanh, seed), []
    words = f"{'mse' if squared_error else 'cross_entropy'},{'tanh' if tanh else 'sigmoid'},{seed}"
    for epoch in range(1, EPOCHS + 1):
        network.train(X, y, len(X))
        lines.append(f"{words},{epoch},{network.accuracy(X, y):.6f},{network.accuracy(X_test, y_test):.6f}\n")
    return lines


def main(path: Path) -> None:
    """Add the runs that the file does not have yet, each when it is complete."""
    data = tuple(read(Path(os.environ["OCTANT_MNIST"]), name) for name in FILES)
    if not path.exists():
        path.write_text("loss,hidden,seed,epoch,train_accuracy,test_accuracy\n")
    for squared_error, tanh, seed in product((False, True), (False, True), SEEDS):
        words = f"{'mse' if squared_error else 'cross_entropy'},{'tanh' if tanh else 'sigmoid'},{seed},"
        if words not in path.read_text():
            with path.open("a") as file:
                file.writelines(records(squared_error, tanh, seed, data))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

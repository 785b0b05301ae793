"""What octant is measured against. Each peer trains the same network from the same weights on the same examples:
`epoch(order)` trains, `weights()` gives W1 (d, h), b1 (h,), W2 (h, k), b2 (k,). With `canonical_only` a peer knows
cross-entropy with softmax and no other pair."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from octant.network.engines import ENGINES, Step
from octant.network.engines.compiled.sparse import compress
from octant.network.initialisers import Parameters
from octant.network.network import build

Array = np.ndarray[Any, Any]
FLAGS = ("-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")


class Missing(Exception):
    """A peer that this machine does not have."""


class Task(NamedTuple):
    """One thing to measure: a configuration, a batch size, data X (n, d) and one-hot Y (n, k), and first weights."""

    loss: str
    hidden: str
    output: str
    batch: int
    X: Array
    Y: Array
    start: Parameters
    rate: float = 0.1

    @property
    def configuration(self) -> str:
        return f"{self.loss}-{self.hidden}-{self.output}"

    def copies(self) -> list[Array]:
        return [values.astype(self.X.dtype) for values in self.start]


class Octant:
    def __init__(self, task: Task, engine: str) -> None:
        self.parameters = Parameters(*task.copies())
        network = build(task.loss, task.hidden, task.output)
        self._epoch = ENGINES[engine](network, task.X, task.Y, Step(task.rate, task.batch))

    def epoch(self, order: Array) -> None:
        self._epoch(self.parameters, order)

    def weights(self) -> list[Array]:
        return list(self.parameters)


class Lecture:
    """The lecture's loop: NumPy, one example at a time, column vectors, every array made anew."""

    canonical_only = True

    def __init__(self, task: Task) -> None:
        W1, b1, W2, b2 = task.copies()
        self.W1, self.b1, self.W2, self.b2 = W1.T.copy(), b1[:, None], W2.T.copy(), b2[:, None]
        self.task = task

    def epoch(self, order: Array) -> None:
        task, m = self.task, 1  # the lecture's m divides the output step; 1 leaves the gradient
        for i in order:
            A0, y = task.X[i].reshape(-1, 1), task.Y[i].reshape(-1, 1)
            Z1 = np.dot(self.W1, A0) + self.b1
            A1 = np.tanh(Z1) if task.hidden == "tanh" else 1 / (1 + np.exp(-Z1))
            Z2 = np.dot(self.W2, A1) + self.b2
            e = np.exp(Z2 - np.max(Z2))
            E2 = y - e / np.sum(e)
            dW2, db2 = np.dot(E2, A1.T) / m, E2 / m
            E1 = np.dot(self.W2.T, E2)
            dZ1 = E1 * (1 - A1**2) if task.hidden == "tanh" else E1 * A1 * (1 - A1)
            dW1, db1 = np.dot(dZ1, A0.T), dZ1
            self.W2 = self.W2 + task.rate * dW2
            self.b2 = self.b2 + task.rate * db2
            self.W1 = self.W1 + task.rate * dW1
            self.b1 = self.b1 + task.rate * db1

    def weights(self) -> list[Array]:
        return [self.W1.T, self.b1[:, 0], self.W2.T, self.b2[:, 0]]


class Torch:
    """PyTorch, eager, torch.optim.SGD; the losses that PyTorch has for the pair."""

    def __init__(self, task: Task) -> None:
        try:
            import torch
        except ImportError:
            raise Missing("PyTorch is not installed (pip install torch)") from None
        torch.set_num_threads(1)
        self.torch, self.task = torch, task
        (d, h), k = task.start.W1.shape, task.Y.shape[1]
        hidden = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}[task.hidden]()
        layers = [torch.nn.Linear(d, h), hidden, torch.nn.Linear(h, k)]
        if task.loss == "mse":
            layers.append(torch.nn.Sigmoid() if task.output == "sigmoid" else torch.nn.Softmax(dim=1))
        self.model = torch.nn.Sequential(*layers).to(torch.tensor(task.X[:0]).dtype)
        self.loss = {
            "mse": torch.nn.MSELoss(reduction="sum"),
            "sigmoid": torch.nn.BCEWithLogitsLoss(reduction="sum"),
            "softmax": torch.nn.CrossEntropyLoss(reduction="sum"),
        }["mse" if task.loss == "mse" else task.output]
        W1, b1, W2, b2 = map(torch.from_numpy, task.copies())
        with torch.no_grad():
            for parameter, values in zip(self.model.parameters(), (W1.T, b1, W2.T, b2), strict=True):
                parameter.copy_(values)
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=task.rate)
        self.X, self.Y = torch.tensor(task.X), torch.tensor(task.Y)
        if (task.loss, task.output) == ("cross_entropy", "softmax"):
            self.Y = self.Y.argmax(dim=1)
        self.scale = 0.5 if task.loss == "mse" else 1.0

    def epoch(self, order: Array) -> None:
        for rows in self.torch.from_numpy(order).split(self.task.batch):
            self.optimiser.zero_grad()
            loss = self.loss(self.model(self.X[rows]), self.Y[rows]) * (self.scale / len(rows))
            loss.backward()
            self.optimiser.step()

    def weights(self) -> list[Array]:
        W1, b1, W2, b2 = (parameter.detach().numpy() for parameter in self.model.parameters())
        return [W1.T, b1, W2.T, b2]


class ScikitLearn:
    """MLPClassifier, solver sgd without momentum or penalty, one partial_fit over the examples."""

    canonical_only = True

    def __init__(self, task: Task) -> None:
        from sklearn.neural_network import MLPClassifier

        self.task = task
        self.labels = task.Y.argmax(axis=1)
        self.model = MLPClassifier(
            (len(task.start.b1),), activation={"sigmoid": "logistic"}.get(task.hidden, task.hidden), solver="sgd",
            batch_size=task.batch, learning_rate_init=task.rate, alpha=0, momentum=0, shuffle=False,
        )  # fmt: skip
        classes = np.arange(task.Y.shape[1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.partial_fit(task.X[: task.batch], self.labels[: task.batch], classes=classes)
        W1, b1, W2, b2 = task.copies()
        self.model.coefs_[:], self.model.intercepts_[:] = [W1, W2], [b1, b2]

    def epoch(self, order: Array) -> None:
        self.model.partial_fit(self.task.X[order], self.labels[order])

    def weights(self) -> list[Array]:
        (W1, W2), (b1, b2) = self.model.coefs_, self.model.intercepts_
        return [W1, b1, W2, b2]


class C:
    """kernel.c, built by this machine's compiler, called through ctypes: batch 1, float32."""

    canonical_only = True

    def __init__(self, task: Task) -> None:
        self._library, self.task = _built(), task
        W1, b1, W2, b2 = task.copies()
        self.arrays = [W1, b1, W2.T.copy(), b2]
        self.examples = compress(task.X, task.X.dtype)
        self.room = [np.zeros(len(b1), np.float32), np.zeros(len(b1), np.float32), np.zeros(len(b2), np.float32)]

    def epoch(self, order: Array) -> None:
        h, k, task = len(self.arrays[1]), len(self.arrays[3]), self.task
        given = [*self.arrays, *self.examples, task.Y, order]
        sizes = [ctypes.c_int64(size) for size in (len(order), h, k)]
        rule = [ctypes.c_float(task.rate), ctypes.c_int64(task.hidden == "tanh")]
        self._library.epoch(*map(_address, given), *sizes, *rule, *map(_address, self.room))

    def weights(self) -> list[Array]:
        W1, b1, V2, b2 = self.arrays
        return [W1, b1, V2.T, b2]


def _address(array: Array) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def _built() -> ctypes.CDLL:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Missing("no C compiler (cc, gcc, clang)")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "kernel.so"
        source = Path(__file__).with_name("kernel.c")
        subprocess.run([compiler, *FLAGS, "-o", str(library), str(source), "-lm"], check=True)
        return ctypes.CDLL(str(library))

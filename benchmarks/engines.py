"""How fast octant's engines train, against their peers, side by side on one core.

    OCTANT_MNIST=<folder with MNIST's files> python benchmarks/engines.py [rounds]

A round trains every contender for a moment, one after the other; ratios are taken within a round and reported as
their median and quartiles over the rounds. Times are CPU times of this process, which keeps to one thread: the same as
the clock's on a quiet machine, and less disturbed on a busy one. About 3 minutes.
"""

from __future__ import annotations

import itertools
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from octant.network.data import load
from octant.network.initialisers import INITIALISERS
from octant.network.settings import DataSettings
from peers import C, Lecture, Missing, Octant, ScikitLearn, Task, Torch
from ratios import markdown, ratio_table, time_table
from timing import Contender, in_turn, on_one_core

RESULTS = Path(__file__).parent / "results"
CUBE = list(itertools.product(("mse", "cross_entropy"), ("sigmoid", "tanh"), ("sigmoid", "softmax")))
PEERS: dict[str, Callable[[Task], Any]] = {
    "C": C,
    "PyTorch": Torch,
    "scikit-learn": ScikitLearn,
    "lecture's loop": Lecture,
    "octant numba": lambda task: Octant(task, "numba"),
    "octant numpy": lambda task: Octant(task, "numpy"),
}
PARTS = {  # (dtype, batch) -> who takes part
    ("float32", 1): ["C", "PyTorch", "scikit-learn", "octant numba", "octant numpy"],
    ("float64", 1): ["lecture's loop", "octant numba"],
    ("float32", 32): ["PyTorch", "scikit-learn", "octant numba", "octant numpy"],
    ("float32", 128): ["PyTorch", "scikit-learn", "octant numba", "octant numpy"],
}
HIDDEN_UNITS = 100


def data(dtype: str) -> tuple[np.ndarray, np.ndarray, str]:
    """X (n, 784), one-hot Y (n, 10) of MNIST, or random ones of its size and share of zeros; and which."""
    if root := os.environ.get("OCTANT_MNIST"):
        part = load(DataSettings(name="mnist", root=root, validation_fraction=0.0), dtype).train
        return part.X, np.eye(10, dtype=dtype)[part.labels], "MNIST, 60,000 x 784, 81 % zeros"
    rng = np.random.default_rng(0)
    X = rng.random((60_000, 784), dtype=np.float32) * (rng.random((60_000, 784), dtype=np.float32) > 0.81)
    Y = np.eye(10, dtype=dtype)[rng.integers(0, 10, len(X))]
    return X.astype(dtype), Y, "random numbers, 60,000 x 784, 81 % zeros, in place of MNIST (OCTANT_MNIST is not set)"


def contenders(dtype: str, batch: int, X: np.ndarray, Y: np.ndarray) -> Iterator[Contender]:
    """Everyone with every configuration that they know, after a check that they train alike."""
    start = INITIALISERS["scaled"](np.random.SeedSequence(0), X.shape[1], HIDDEN_UNITS, Y.shape[1])
    for name in PARTS[dtype, batch]:
        peer = PEERS[name]
        for task in (Task(*words, batch, X, Y, start) for words in CUBE):
            if getattr(peer, "canonical_only", False) and (task.loss, task.output) != ("cross_entropy", "softmax"):
                continue
            try:
                trains = peer(task)
            except Missing as reason:
                print(f"not measured: {name}: {reason}", flush=True)
                break
            check_agreement(task, name, trains)
            yield Contender(name, dtype, batch, task.configuration, trains)


def check_agreement(task: Task, name: str, trains: Any) -> None:
    """Twenty steps must lead everyone to the same weights, or different things would be timed."""
    order = np.random.default_rng(1).permutation(len(task.X))[: 20 * task.batch]
    reference = Octant(task, "numpy")
    reference.epoch(order)
    trains.epoch(order)
    for mine, theirs, first in zip(trains.weights(), reference.weights(), task.copies(), strict=True):
        apart, moved = np.abs(mine - theirs).max(), np.abs(theirs - first).max()
        if not apart < 1e-3 * moved:
            raise SystemExit(f"{name} does not train {task.configuration} as octant does: {apart / moved:.1e} apart")


def measured(rounds: int) -> tuple[pd.DataFrame, str]:
    """Times of all parts, and what the data were."""
    tables = []
    for dtype, batch in PARTS:
        X, Y, what = data(dtype)
        order = np.random.default_rng(0).permutation(len(X))
        print(f"{dtype}, batch {batch} ...", flush=True)
        tables.append(in_turn(list(contenders(dtype, batch, X, Y)), order, rounds))
    return pd.concat(tables), what


def versions() -> str:
    """Python's and the contenders' versions."""
    found = [f"Python {platform.python_version()}"]
    for package in ("numpy", "numba", "torch", "scikit-learn"):
        with suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return ", ".join(found)


def processor() -> str:
    """The processor's name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


TEMPLATE = """# The engines and their peers

{date}. {processor}, {cores} cores, one used; load average {before:.1f} before, {after:.1f} after. {versions}.
Data: {what}; {units} hidden units. Written by `python benchmarks/engines.py`: median over {rounds} rounds (quartiles).

## Ratios

engine=numba. Where no configuration is named: octant's slowest of the eight against the peer's fastest.

{ratios}

## Microseconds an example

{times}
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    on_one_core()
    before = os.getloadavg()[0]
    with threadpool_limits(1):
        times, what = measured(rounds)
    text = TEMPLATE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}", processor=processor(), cores=os.cpu_count(), before=before,
        after=os.getloadavg()[0], versions=versions(), what=what, units=HIDDEN_UNITS, rounds=rounds,
        ratios=markdown(ratio_table(times)), times=markdown(time_table(times)),
    )  # fmt: skip
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "engines.md").write_text(text)
    times.to_csv(RESULTS / "engines.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()

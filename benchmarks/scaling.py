"""How cost grows with hidden units, examples and epochs, measured on one core, and with runs: drawn log-log.

    python benchmarks/scaling.py           # after sweeps.py, which measures whole sweeps of 10 to 1000 runs

Inputs are random, 784 of them, 81 % zeros as in MNIST. About half a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from octant.network.initialisers import INITIALISERS
from peers import Octant, Task
from timing import on_one_core, seconds

RESULTS = Path(__file__).parent / "results"
INPUTS, CLASSES, HIDDEN_UNITS, EXAMPLES = 784, 10, 100, 2000
REPEATS = 5
SIZES = {
    "hidden units": (32, 64, 128, 256, 512, 1024),
    "examples": (1000, 2000, 5000, 10_000, 20_000, 60_000),
    "epochs": (1, 3, 10, 30),
}
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")  # Okabe and Ito's
ENGINES = [("numba", 1), ("numba", 128), ("numpy", 1), ("numpy", 128)]


class Point(NamedTuple):
    """One size of one thing, the others at their usual size."""

    grows: str
    size: int

    def problem(self, X: np.ndarray, Y: np.ndarray, batch: int) -> tuple[Task, int]:
        """The task and its number of epochs."""
        units = self.size if self.grows == "hidden units" else HIDDEN_UNITS
        n = self.size if self.grows == "examples" else EXAMPLES
        start = INITIALISERS["scaled"](np.random.SeedSequence(0), INPUTS, units, CLASSES)
        task = Task("cross_entropy", "sigmoid", "softmax", batch, X[:n], Y[:n], start, rate=0.01)
        return task, self.size if self.grows == "epochs" else 1


def examples() -> tuple[np.ndarray, np.ndarray]:
    """X (n, 784), Y (n, 10) for the largest n."""
    rng = np.random.default_rng(0)
    shape = (max(SIZES["examples"]), INPUTS)
    X = rng.random(shape, dtype=np.float32) * (rng.random(shape, dtype=np.float32) > 0.81)
    return X, np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, len(X))]


def measured() -> Iterator[dict[str, Any]]:
    """Median CPU seconds at every point for every engine and batch size."""
    X, Y = examples()
    for grows, sizes in SIZES.items():
        for engine, batch in ENGINES:
            for size in sizes:
                task, epochs = Point(grows, size).problem(X, Y, batch)
                trains, order = Octant(task, engine), np.random.default_rng(0).permutation(len(task.X))
                trains.epoch(order[:batch])
                repeats = 1 if engine == "numpy" and batch == 1 else REPEATS
                took = [sum(seconds(trains, order) for _ in range(epochs)) for _ in range(repeats)]
                yield {
                    "grows": grows,
                    "engine": engine,
                    "batch": batch,
                    "size": size,
                    "seconds": float(np.median(took)),
                }


def sweeps() -> pd.DataFrame:
    """Wall seconds of whole sweeps of one-epoch digits runs, tracked, on all cores: what sweeps.py has measured."""
    table = pd.read_csv(RESULTS / "sweeps.csv")
    table = table[table["what"] == "tracked one-epoch runs"].rename(columns={"runs": "size"})
    return table.assign(grows="runs", engine="whole sweep", batch=1)[["grows", "engine", "batch", "size", "seconds"]]


def exponent(line: pd.DataFrame) -> float:
    """b of the fit seconds = a size^b."""
    return float(np.polyfit(np.log(line["size"]), np.log(line["seconds"]), 1)[0])


def draw(table: pd.DataFrame, path: Path) -> None:
    """One log-log panel for each thing that grows; in the legend its exponent."""
    mpl.use("svg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, table["grows"].nunique(), figsize=(16, 4), sharey=True, layout="constrained")
    for panel, (grows, part) in zip(panels, table.groupby("grows", sort=False), strict=True):
        for number, ((engine, batch), line) in enumerate(part.groupby(["engine", "batch"])):
            label = f"{engine}, batch {batch}: size^{exponent(line):.2f}"
            look = {"color": COLOURS[number], "marker": "os^D"[number], "markersize": 4}
            panel.loglog(line["size"], line["seconds"], label=label, **look)
        panel.set_xlabel(str(grows))
        panel.grid(True, which="both", linewidth=0.3)
        panel.legend(fontsize=8)
    panels[0].set_ylabel("seconds")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    on_one_core()
    with threadpool_limits(1):
        table = pd.concat([pd.DataFrame(measured()), sweeps()])
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "scaling.csv", index=False, float_format="%.4g")
    draw(table, RESULTS / "scaling.svg")
    for (grows, engine, batch), line in table.groupby(["grows", "engine", "batch"], sort=False):
        times = ", ".join(f"{size}: {took:.3g} s" for size, took in zip(line["size"], line["seconds"], strict=True))
        print(f"{grows}, engine={engine}, batch {batch}: seconds ~ size^{exponent(line):.2f}   ({times})")


if __name__ == "__main__":
    main()

"""What octant costs a training loop: milliseconds a run and an epoch beyond the same loop without it.

    python benchmarks/overhead.py [ROUNDS] [PYTHON]   # PYTHON: a 3.13 with hydraflow 0.23, to measure that as well

The loop costs next to nothing: an array and a generator as state, two metrics. Each way of running it is timed with few
runs, with many, and with long ones, in turn; the differences are the cost of a run and of an epoch. Medians over the
rounds, of the wall time, which other work on the machine lengthens, and of the CPU time of all processes.
"""

from __future__ import annotations

import csv
import os
import statistics
import sys
import tempfile
from pathlib import Path

import processes

RESULT = Path(__file__).parent / "results" / "overhead.csv"
FEW, MANY, LONG = (2, 1), (22, 1), (2, 501)  # runs, epochs
LOOP = """
import numpy as np

def loop(seed, epochs, state=None):
    random = np.random.default_rng(seed)
    weights = random.normal(size=1000)
    for epoch in range(1, epochs + 1):
        weights = 0.9 * weights + random.normal(size=1000)
        metrics = {"train_loss": float((weights**2).mean()), "test_loss": float(abs(weights).mean())}
        yield epoch, metrics, weights, random
"""
WAYS = {
    "bare loop": """
import sys
from loop import loop

for seed in range(int(sys.argv[1])):
    for record in loop(seed, int(sys.argv[2])):
        pass
""",
    "plain mlflow": """
import sys
import mlflow
from loop import loop

mlflow.set_tracking_uri("sqlite:///mlflow.db")
for seed in range(int(sys.argv[1])):
    with mlflow.start_run():
        mlflow.log_params({"seed": seed, "epochs": int(sys.argv[2])})
        for epoch, metrics, _, _ in loop(seed, int(sys.argv[2])):
            mlflow.log_metrics(metrics, step=epoch)
""",
    "hydraflow": """
import sys
from dataclasses import dataclass
import hydraflow, mlflow
from loop import loop

@dataclass
class Config:
    seed: int = 0
    epochs: int = 1

@hydraflow.main(Config, tracking_uri="sqlite:///mlflow.db")
def app(run, cfg):
    for epoch, metrics, _, _ in loop(cfg.seed, cfg.epochs):
        mlflow.log_metrics(metrics, step=epoch)

runs, epochs = sys.argv[1:]
sys.argv[1:] = ["-m", "seed=" + ",".join(map(str, range(int(runs)))), f"epochs={epochs}"]
app()
""",
    "octant": """
import sys
import octant
from loop import loop

class Settings(octant.Settings):
    epochs: int = 1

def train(settings, state=None):
    for epoch, metrics, weights, random in loop(settings.seed, settings.epochs):
        yield octant.Epoch(epoch, metrics, {"weights": weights, "random": random.bit_generator.state})

if __name__ == "__main__":
    runs, epochs = sys.argv[1:]
    sys.argv[1:] = ["-m", f"seed=range({runs})", f"epochs={epochs}", "workers=1"]
    octant.main(train, Settings, endpoint="test_loss", goal="min")
""",
}


def seconds(python: str, way: str, size: tuple[int, int]) -> tuple[float, float]:
    """Wall and CPU seconds of one command, its orphans' included, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "loop.py").write_text(LOOP)
        (Path(folder) / "way.py").write_text(WAYS[way])
        command = [python, "way.py", *map(str, size)]
        return processes.timed(command, {"OCTANT_HOME": f"{folder}/home"}, folder)


def costs(python: str, way: str) -> list[float]:
    """One round: milliseconds a run and an epoch, by the clock and then of the CPU."""
    few, many, long = (seconds(python, way, size) for size in (FEW, MANY, LONG))
    runs, epochs = MANY[0] - FEW[0], LONG[0] * (LONG[1] - FEW[1])
    a_run = [1000 * (b - a) / runs for a, b in zip(few, many, strict=True)]
    an_epoch = [1000 * (b - a) / epochs for a, b in zip(few, long, strict=True)]
    return [a_run[0], an_epoch[0], a_run[1], an_epoch[1]]


def main(rounds: int = 5, with_hydraflow: str = "") -> None:
    """Measure, print and write a row for each way."""
    processes.adopt_orphans()
    pythons = {way: with_hydraflow if way == "hydraflow" else sys.executable for way in WAYS}
    ways = [way for way, python in pythons.items() if python]
    found = [{way: costs(pythons[way], way) for way in ways} for _ in range(rounds)]
    load = f"{os.getloadavg()[1]:.1f} on {len(os.sched_getaffinity(0))} cores"
    names = ["ms a run", "ms an epoch", "CPU ms a run", "CPU ms an epoch"]
    with RESULT.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["way", *names, "rounds", "load average"])
        for way in ways:
            medians = [statistics.median(each[way][at] for each in found) for at in range(len(names))]
            row = [way, *(f"{value:.2f}" for value in medians), rounds, load]
            print(*row, sep="\t")
            writer.writerow(row)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, *sys.argv[2:3])

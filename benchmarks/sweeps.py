"""What a tracked sweep costs beyond its training, in CPU seconds of all its processes.

    python benchmarks/sweeps.py            # about 4 minutes, with OCTANT_MNIST one more

Each sweep is the real command line in a fresh state folder with a warm data and compile cache. Its training is the same
runs by the trainer's generator alone, evaluation after each epoch included, in one process without journal or MLflow.
Three rounds, all in turn; figures are medians. The wall time of MNIST's eight runs is one measurement.
"""

from __future__ import annotations

import csv
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import processes
from overhead import LOOP, WAYS

RESULT = Path(__file__).parent / "results" / "sweeps.csv"
ROUNDS, FEW, MANY = 3, 10, 110
ONE_EPOCH = ("experiment=smoke", "epochs=1", "loss=cross_entropy", "hidden=sigmoid", "output=softmax")
COLUMNS = ["what", "runs", "seconds", "cpu_seconds", "training_cpu_seconds", "figure", "load"]
TRAINING = """
import sys, time
from pathlib import Path
from octant import home
from octant.runs.run import Run
from octant.tracking.receipt import journals
from octant.trainer import trainer

state = Path(sys.argv[1])
home.use(state)
runs = [Run.restored(state, journal.identity) for journal in journals(state) if journal.identity]
began = time.process_time()
for run in runs:
    if run.settings.seed != 999999:
        for record in trainer("network").train(run.settings, None):
            pass
print(time.process_time() - began)
"""


def timed(home: Path, *words: str, folder: str | None = None) -> tuple[float, float]:
    """Wall and CPU seconds of a Python command, its orphans' included."""
    return processes.timed([sys.executable, *words], {"OCTANT_HOME": str(home)}, folder)


def sweep(*words: str, warm: tuple[str, ...] = ()) -> tuple[float, float, float]:
    """Wall and CPU seconds of a sweep, and the CPU seconds of its training alone."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        timed(home, "-m", "octant", *(warm or words), "epochs=1", "seed=999999")
        wall, cpu = timed(home, "-m", "octant", *words)
        env = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", TRAINING, str(home)]
        alone = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        return wall, cpu, float(alone.stdout)


def without_model(runs: int) -> tuple[float, float, float]:
    """As `sweep`, of a trainer in one file that logs no model and costs next to nothing."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("loop.py", LOOP), ("way.py", WAYS["octant"])):
            (Path(folder) / name).write_text(text)
        return *timed(Path(folder) / "home", "way.py", str(runs), "1", folder=folder), 0.0


def beyond(few: tuple[float, float, float], many: tuple[float, float, float]) -> float:
    """CPU milliseconds that a run costs beyond its training, between sweeps of FEW and MANY runs."""
    return 1000 * ((many[1] - many[2]) - (few[1] - few[2])) / (MANY - FEW)


def one_round() -> dict[tuple[str, int], tuple[float, float, float]]:
    factorial = ("experiment=factorial",)
    found = {("factorial", 80): sweep(*factorial, warm=factorial)}
    for runs in (FEW, MANY):
        found["tracked one-epoch runs", runs] = sweep(*ONE_EPOCH, f"seed=range({runs})", warm=ONE_EPOCH)
        found["tracked runs without a model", runs] = without_model(runs)
    return found


def mnist(root: str) -> tuple[float, float]:
    """Wall and CPU seconds of the eight on MNIST, one example at a time, 30 epochs, warm cache."""
    with tempfile.TemporaryDirectory() as folder:
        home, place = Path(folder) / "home", f"dataset.root={root}"
        timed(home, "-m", "octant", "dataset=mnist", place, "dtype=float32", "epochs=1", "batch_size=1000")
        return timed(home, "-m", "octant", "experiment=mnist", "seed=0", place)


def figures(rounds: list[dict[tuple[str, int], tuple[float, float, float]]]) -> dict[tuple[str, int], str]:
    """What each row comes to; a median of the rounds' own figures."""
    ratio = statistics.median(each["factorial", 80][1] / each["factorial", 80][2] for each in rounds)
    found = {("factorial", 80): f"{ratio:.2f} times its training"}
    for what in ("tracked one-epoch runs", "tracked runs without a model"):
        cost = statistics.median(beyond(each[what, FEW], each[what, MANY]) for each in rounds)
        found[what, MANY] = f"{cost:.0f} CPU ms a run beyond training"
    return found


def main() -> None:
    """Measure, print and write a row for each sweep."""
    processes.adopt_orphans()
    rounds = [one_round() for _ in range(ROUNDS)]
    load, told = f"{os.getloadavg()[1]:.1f} on {len(os.sched_getaffinity(0))} cores", figures(rounds)
    rows: list[list[object]] = []
    for key in rounds[0]:
        medians = (f"{statistics.median(each[key][at] for each in rounds):.2f}" for at in range(3))
        rows.append([*key, *medians, told.get(key, ""), load])
    if root := os.environ.get("OCTANT_MNIST"):
        wall, cpu = mnist(root)
        rows.append(["mnist, 30 epochs, batch 1", 8, f"{wall:.3f}", f"{cpu:.2f}", "", "", load])
    else:
        print("mnist: skipped, OCTANT_MNIST does not name a folder with its four files")
    with RESULT.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    print(RESULT.read_text())


if __name__ == "__main__":
    main()

"""What a command costs when there is nothing to train, in CPU seconds, beside what MLflow alone costs.

    python benchmarks/start.py             # about 5 minutes

All commands in turn, five rounds; the figure is the median of the user and system time of the whole process and its
children. `mlflow` imports MLflow and finds the sweep's runs in the same store; `sweep_again` is the sweep of the first
experiment, 80 digits runs, when all of them are there.
"""

from __future__ import annotations

import csv
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

import processes

RESULTS = Path(__file__).parent / "results" / "start.csv"
ROUNDS = 5
SWEEP = ("experiment=factorial", "epochs=2")
MLFLOW = """
import sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name("factorial").experiment_id
assert len(client.search_runs([experiment], max_results=1000)) >= 80
"""


def cpu(home: Path, *words: str, code: int = 0) -> float:
    """CPU seconds of a Python process."""
    return processes.timed([sys.executable, *words], {"OCTANT_HOME": str(home)}, code=code)[1]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        cpu(home, "-m", "octant", *SWEEP)
        commands = {
            "help": (("-m", "octant", "--help"), 0),
            "bad_word": (("-m", "octant", "loss=nothing"), 2),
            "mlflow": (("-c", MLFLOW, f"sqlite:///{home}/mlflow.db"), 0),
            "sweep_again": (("-m", "octant", *SWEEP), 0),
        }
        rounds = [
            {name: cpu(home, *words, code=code) for name, (words, code) in commands.items()} for _ in range(ROUNDS)
        ]
    medians = {name: statistics.median(each[name] for each in rounds) for name in commands}
    ratio = statistics.median(each["sweep_again"] / each["mlflow"] for each in rounds)
    rows = [*medians.items(), ("sweep_again / mlflow", ratio), ("load", os.getloadavg()[0])]
    with RESULTS.open("w", newline="") as file:
        csv.writer(file).writerows([("what", f"cpu_seconds, {platform.machine()}, Python {platform.python_version()}"),
                                    *((name, f"{value:.2f}") for name, value in rows)])  # fmt: skip
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()

"""What seeds really give: final test accuracies on the digits, 200 seeds of each of the eight configurations.

Trains with octant's own trainer and writes benchmarks/seed_accuracies.csv (seeds x configurations, percent), from
which benchmarks/intervals.py draws. The network is smaller than the experiments', so that 1,600 runs take minutes.

    python benchmarks/seed_accuracies.py
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pandas as pd

from octant.network.data import Dataset, load
from octant.network.settings import DataSettings
from octant.network.training import train
from octant.trainer import trainer

OUT = Path(__file__).with_suffix(".csv")
SEEDS = 200
SETTINGS = {
    "dataset": {"name": "digits", "test_fraction": 0.2},
    **{"init": "scaled", "engine": "numpy", "hidden_units": 30, "learning_rate": 0.5, "batch_size": 10},
    **{"epochs": 15, "dtype": "float64", "targets": "one_hot", "order": "shuffled"},
    **{"output_step": "gradient", "hidden_error": "gradient"},
}


def main() -> None:
    """Train and write the table."""
    dataset = load(DataSettings(**SETTINGS["dataset"]))
    columns: dict[str, list[float]] = {}
    for words in product(("mse", "cross_entropy"), ("sigmoid", "tanh"), ("sigmoid", "softmax")):
        columns["-".join(words)] = [final_accuracy(*words, seed, dataset) for seed in range(SEEDS)]
    pd.DataFrame(columns).rename_axis("seed").round(6).to_csv(OUT)


def final_accuracy(loss: str, hidden: str, output: str, seed: int, dataset: Dataset) -> float:
    """Test accuracy in percent after the last epoch."""
    settings = trainer().parse({**SETTINGS, "loss": loss, "hidden": hidden, "output": output, "seed": seed})
    *_, last = train(settings, dataset)
    return 100 * last.metrics["test_accuracy"]


if __name__ == "__main__":
    main()

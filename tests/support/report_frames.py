"""Sweeps made by hand, with curves and test errors, as the report collects them from the store."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from octant.analysis.report.collect import Material
from support.comparison_frames import frame, noise

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


def curves_of(runs: pd.DataFrame, epochs: int = 6) -> pd.DataFrame:
    """Curves that end at each run's final accuracy."""
    each = pd.DataFrame({"epoch": range(epochs + 1)})
    table = runs[["fingerprint", "test_accuracy"]].merge(each, how="cross")
    table["test_accuracy"] = table["test_accuracy"].astype(float) * (1 - 0.5 ** (table["epoch"] + 1)) / (1 - 0.5**7)
    return table.assign(train_accuracy=np.minimum(1, table["test_accuracy"] * 1.01))


def errors_of(runs: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Four mistakes a run."""
    wrong = [[3, 5, 9], [40, 8, 1], [41, 8, 1], [7, 1, 8]]
    return {name: {"examples": [36] * 10, "wrong": wrong} for name in runs["fingerprint"]}


def material(runs: pd.DataFrame, **asked: str) -> Material:
    """What the store would hold of these runs."""
    runs = runs.assign(epochs=6, seconds_per_epoch=0.5, command="octant experiment=demo", dataset_digest="d1",
                       diverged_reason=None)  # fmt: skip
    question = {"question": "Which of them is better?", "endpoint": "test_accuracy"}
    return Material("demo", "demo-1", question | asked, runs, curves_of(runs), errors_of(runs))


def grid(seeds: int = 5, best: int = 4) -> pd.DataFrame:
    """Every configuration at eight learning rates; accuracies fall with the distance from the best one."""
    parts = [
        frame(np.clip(noise(seeds, key=i) - 0.05 * abs(i - best), 0, 1), learning_rate=rate)
        for i, rate in enumerate(RATES)
    ]
    return pd.concat(parts, ignore_index=True)

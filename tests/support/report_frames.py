"""Sweeps made by hand, with curves and test errors, as the report collects them from the store."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from octant.analysis.question import Question
from octant.analysis.report.collect import Material
from octant.tracking.declared import Declared
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


SETTINGS = ("loss", "hidden", "output", "dataset", "init", "hidden_units", "split_seed", "dataset.split_seed",
            "learning_rate", "seed")  # fmt: skip


def declared(runs: pd.DataFrame, asked: dict[str, str]) -> Declared:
    """What a launch would have kept: the words of `asked`, else the eight and all else that varies."""
    varied = [name for name in SETTINGS if name in runs and runs[name].nunique() > 1]
    compare, tune, repeat = (tuple(re.findall(r"[\w.]+", asked.get(key, ""))) for key in ("compare", "tune", "repeat"))
    repeat = repeat or ("seed",)
    finished = runs.loc[runs["outcome"] == "finished", "validation_accuracy"].notna().all()
    rated = "learning_rate" in varied and "learning_rate" not in compare and finished
    tune = tune or (("learning_rate",) if rated else ())
    free = [name for name in varied if name not in (*SETTINGS[:3], *tune, *repeat)]
    question = Question(compare or (*SETTINGS[:3], *free), tune, repeat)
    rate = float(asked["shared_rate"]) if "shared_rate" in asked else None
    return Declared("demo-1", question, tuple(varied), "octant experiment=demo", "Which of them is better?",
                    asked.get("companion", ""), rate)  # fmt: skip


def material(runs: pd.DataFrame, **asked: str) -> Material:
    """What the store would hold of these runs."""
    known = declared(runs, asked)
    runs = runs.assign(epochs=6, seconds_per_epoch=0.5, command="octant experiment=demo", dataset_digest="d1",
                       diverged_reason=None)  # fmt: skip
    return Material("demo", known, runs, curves_of(runs), errors_of(runs))


def grid(seeds: int = 5, best: int = 4) -> pd.DataFrame:
    """Every configuration at eight learning rates; accuracies fall with the distance from the best one."""
    parts = [
        frame(np.clip(noise(seeds, key=i) - 0.05 * abs(i - best), 0, 1), learning_rate=rate)
        for i, rate in enumerate(RATES)
    ]
    return pd.concat(parts, ignore_index=True)

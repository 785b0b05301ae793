"""Sweeps made by hand, in the form in which the store gives them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from octant.analysis.comparison import Comparison, answer
from octant.analysis.question import Question

WORDS = (("mse", "cross_entropy"), ("sigmoid", "tanh"), ("sigmoid", "softmax"))
CONFIGS = ["-".join(words) for words in product(*WORDS)]
A, B = CONFIGS[:2]


QUESTION = Question(("loss", "hidden", "output"))
TUNED = Question(("loss", "hidden", "output"), tune=("learning_rate",))


def compare(runs: pd.DataFrame, curves: pd.DataFrame | None = None) -> Comparison:
    """The lecture's question of these runs."""
    return answer(runs, QUESTION, curves)


def frame(accuracy: ArrayLike, configs: list[str] | None = None, learning_rate: float = 0.1) -> pd.DataFrame:
    """Finished runs from fractions (seeds x configurations); NaN is a run that was never made."""
    rows = []
    for seed, values in enumerate(np.asarray(accuracy, dtype=float)):
        for config, value in zip(configs or CONFIGS, values, strict=True):
            if not np.isnan(value):
                rows.append(_run(config, seed, value, learning_rate))
    return pd.DataFrame(rows)


def diverge(runs: pd.DataFrame, config: str, seed: int, epoch: int = 7, last: float = np.nan) -> pd.DataFrame:
    """The same sweep with one run diverged; `last` is an accuracy it may still carry."""
    runs = runs.copy()
    at = (runs["config"] == config) & (runs["seed"] == seed)
    assert at.sum() == 1
    columns = ["outcome", "diverged_epoch", "test_accuracy", "validation_accuracy"]
    runs.loc[at, columns] = ["diverged", epoch, last, last]
    return runs


def noise(seeds: int = 10, configs: int = 8, key: int = 0) -> np.ndarray:
    """Fractions (seeds x configurations) around 0.9, in steps of 1/360 as digits gives."""
    return np.round(360 * (0.9 + 0.01 * np.random.default_rng(key).normal(size=(seeds, configs)))) / 360


def _run(config: str, seed: int, accuracy: float, learning_rate: float) -> dict[str, object]:
    loss, hidden, output = config.split("-")
    return {
        **{"loss": loss, "hidden": hidden, "output": output, "config": config, "seed": seed},
        **{"learning_rate": learning_rate, "test_accuracy": accuracy, "train_accuracy": 1.0},
        **{"validation_accuracy": accuracy, "outcome": "finished", "diverged_epoch": np.nan},
        **{"fingerprint": f"{config}/{seed}/{learning_rate}", "run_id": f"{config}{seed}", "n_test": 360},
    }

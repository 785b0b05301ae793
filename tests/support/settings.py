"""Settings of a small, quick run."""

from __future__ import annotations

from octant.network.settings import Settings
from octant.trainer import trainer

DIGITS = {"name": "digits", "validation_fraction": 0.2, "test_fraction": 0.2}


parse_settings = trainer().parse


def settings(**changes: object) -> Settings:
    values: dict[str, object] = {
        "dataset": DIGITS, "loss": "cross_entropy", "hidden": "sigmoid", "output": "softmax", "init": "scaled",
        "engine": "numpy", "hidden_units": 16, "learning_rate": 0.1, "batch_size": 32, "epochs": 3, "seed": 0,
        "dtype": "float64", "targets": "one_hot", "order": "shuffled", "output_step": "gradient",
        "hidden_error": "gradient",
    }  # fmt: skip
    return parse_settings(values | changes)

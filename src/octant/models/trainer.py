"""The network as it is registered with octant: how it trains, and the model that it logs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from octant.network import trainer as network
from octant.network.settings import Settings
from octant.trainer import Given, Trainer


def _metrics(settings: Settings) -> list[str]:
    """The names in every record; without a validation part there is no metric of it."""
    parts = ("train", "validation", "test") if settings.dataset.validation_fraction else ("train", "test")
    scores = [f"{part}_{what}" for part in parts for what in ("accuracy", "loss")]
    output = ["output_distance", "output_error", "saturation_output", "gradient_W2"]
    hidden = ["gradient_W1", "saturation_hidden", "step_W1"] if settings.hidden != "none" else []
    return scores + (output + hidden if settings.diagnostics else [])


def _later(module: str, name: str) -> Callable[..., Given]:
    """A function that is imported when it is called: a worker needs none of these."""
    return lambda *given: getattr(import_module(f"octant.models.{module}"), name)(*given)


LABELS = {
    "loss=mse": "squared error",
    "loss=cross_entropy": "cross-entropy",
    "hidden": "hidden activation",
    "hidden=relu": "ReLU",
    "output": "output activation",
    "init": "initial weights",
    "dataset": "data set",
}

REASONS = {
    "gradient_W1": "gradient of W1, one example",
    "saturation_output": "saturated outputs, share",
    "saturation_hidden": "saturated hidden units, share",
    "gradient_W2": "gradient of W2, one example",  # drawn where there is no hidden layer: a figure has room for three
}

TRAINER = Trainer(
    "network", Settings, network.train, network.data, files=network.files, metrics=_metrics,
    model=_later("logged", "model_of"), model_digest=_later("logged", "digest_in"),
    log_figures=_later("portraits", "log_figures"), pictures=_later("portraits", "pictures"),
    discard_damaged=network.discard_damaged, preload=network.preload, labels=LABELS, reasons=REASONS,
)  # fmt: skip

"""The network as it is registered with octant: how it trains, and the model that it logs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from octant.network import trainer as network
from octant.network.settings import Settings
from octant.trainer import Trainer


def _metrics(settings: Settings) -> list[str]:
    """The names in every record; without a validation part there is no metric of it."""
    parts = ("train", "validation", "test") if settings.dataset.validation_fraction else ("train", "test")
    scores = [f"{part}_{what}" for part in parts for what in ("accuracy", "loss")]
    output = ["output_distance", "output_error", "saturation_output", "gradient_W2"]
    hidden = ["gradient_W1", "saturation_hidden", "step_W1"] if settings.hidden != "none" else []
    return scores + (output + hidden if settings.diagnostics else [])


def _log_model(*arguments: Any) -> None:
    from octant.models.logged import log_model_once  # not above: a worker needs none of it

    log_model_once(*arguments)


def _model_digest(identity: Mapping[str, Any], artifacts: Path, model_id: str) -> str | None:
    from octant.models.logged import digest_in

    return digest_in(identity, artifacts, model_id)


def _log_figures(*arguments: Any) -> None:
    from octant.models import portraits

    portraits.log(*arguments)


LABELS = {
    "loss=mse": "squared error",
    "loss=cross_entropy": "cross-entropy",
    "hidden": "hidden activation",
    "hidden=relu": "ReLU",
    "output": "output activation",
    "init": "initial weights",
    "dataset": "data set",
}

TRAINER = Trainer(
    "network",
    Settings,
    network.train,
    network.data,
    files=network.files,
    metrics=_metrics,
    log_model=_log_model,
    model_digest=_model_digest,
    log_figures=_log_figures,
    discard_damaged=network.discard_damaged,
    preload=network.preload,
    labels=LABELS,
)

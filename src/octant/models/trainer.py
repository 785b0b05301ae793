"""The network as it is registered with octant: how it trains, and the model that it logs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from octant.network import trainer as network
from octant.network.settings import Settings
from octant.trainer import Trainer


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
    network.files,
    log_model=_log_model,
    model_digest=_model_digest,
    log_figures=_log_figures,
    discard_damaged=network.discard_damaged,
    preload=network.preload,
    labels=LABELS,
)

"""The network as it is registered with octant: how it trains, and the model that it logs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from octant.network import trainer as network
from octant.network.settings import Settings
from octant.trainer import Trainer


def _later(module: str, name: str) -> Callable[..., Any]:
    """A function that is imported when it is called: a worker needs none of these."""
    return lambda *given: getattr(import_module(f"octant.models.{module}"), name)(*given)


TRAINER = Trainer(
    "network",
    Settings,
    network.train,
    network.data,
    network.files,
    log_model=_later("logged", "log_model_once"),
    model_digest=_later("logged", "digest_in"),
    log_figures=_later("portraits", "log_figures"),
    discard_damaged=network.discard_damaged,
    preload=network.preload,
)

"""The network as it is registered with octant: how it trains, its model in MLflow, and the commands for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from octant.trainer import Trainer

# Word -> module of octant with the COMMAND, and what it does in a line.
COMMANDS = {
    "rerun": ("models.rerun", "repeat a run from what MLflow stored alone, and compare every number"),
    "promote": ("models.champion", "register the best model of an experiment as champion"),
    "predict": ("models.predict", "classify a picture or arrays with a logged model"),
    "serve": ("models.serve", "answer HTTP with the champion, on 127.0.0.1"),
    "portraits": ("models.portraits", "log figures of single runs"),
}


def registered() -> Trainer:
    """The network as a trainer; imported only when it is asked for."""
    from octant.models.trainer import TRAINER

    return TRAINER

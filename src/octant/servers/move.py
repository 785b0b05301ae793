"""`octant move`: carry the SQLite store of OCTANT_HOME to a new team's server, ids and all. docs/scaling.md shows it.

Run it on the server's machine, once the server has been started, with the server's own environment,
all of it; MLFLOW_TRACKING_URI is the address that clients use.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from octant import home
from octant.errors import InputError
from octant.servers.moving import follow, move
from octant.servers.team import settings
from octant.tracking.store import Store, located
from octant.tracking.upkeep import journals, orders

_TOLD = ("experiments", "runs", "metrics", "params", "tags", "logged_models", "registered_models")


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own; --uri is the store to move."""


def run(options: argparse.Namespace) -> int:
    """Move and say what arrived."""
    server = settings(os.environ)
    if not (address := os.environ.get("MLFLOW_TRACKING_URI")):
        raise InputError("set MLFLOW_TRACKING_URI in the environment: the address that clients use")
    state, old, new = home.state(), located(options.uri), located(address)
    _refuse_open(state, old)
    database, destination = server["MLFLOW_BACKEND_STORE_URI"], server["MLFLOW_ARTIFACTS_DESTINATION"]

    def finish() -> None:
        _refuse_open(state, old)  # a launch may have begun before the store was held
        follow(journals(state), old, new)

    counts = move(old, database, destination, finish)
    told = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in _TOLD if counts.get(name))
    print(f"moved to {new.shown}: {told}. Every table was counted on both sides.")
    print("The old store is as it was; from now on: tracking=server")
    return 0


def _refuse_open(state: Path, old: Store) -> None:
    if orders(state, settled=False, only=old):
        raise InputError("some runs are being trained, or not in the store yet; wait for them, or: octant sync")

"""`make move`: carry the SQLite store of OCTANT_HOME to a new team's server, ids and all. docs/scaling.md shows it.

Run it on the server's machine, once the server has been started, with the server's own environment,
all of it; MLFLOW_TRACKING_URI is the address that clients use.
"""

from __future__ import annotations

import os
from pathlib import Path

from octant import home
from octant.cli.messages import one_line_errors
from octant.cli.upkeep import journals, orders
from octant.errors import InputError
from octant.runs.settings import Tracking
from octant.servers.moving import follow, move
from octant.servers.team import settings
from octant.tracking.store import Store, locate


def main() -> None:
    """Move and say what arrived."""
    with one_line_errors():
        server = settings(os.environ)
        if not (address := os.environ.get("MLFLOW_TRACKING_URI")):
            raise InputError("set MLFLOW_TRACKING_URI in the environment: the address that clients use")
        state = home.state()
        old, new = locate(Tracking(), state), locate(Tracking(uri=address), state)
        _refuse_open(state, old)
        database, destination = server["MLFLOW_BACKEND_STORE_URI"], server["MLFLOW_ARTIFACTS_DESTINATION"]

        def finish() -> None:
            _refuse_open(state, old)  # a launch may have begun before the store was held
            follow(journals(state), old, new)

        counts = move(old, database, destination, finish)
        told = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in _TOLD if counts.get(name))
        print(f"moved to {new.shown}: {told}. Every table was counted on both sides.")
        print("The old store is as it was; from now on: tracking=server")


def _refuse_open(state: Path, old: Store) -> None:
    if any(shown == old.name for shown, _ in orders(state, settled=False)):
        raise InputError("some runs are being trained, or not in the store yet; wait for them, or: make sync")


_TOLD = ("experiments", "runs", "metrics", "params", "tags", "logged_models", "registered_models")


if __name__ == "__main__":
    main()

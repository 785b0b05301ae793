"""`octant serve`: the champion answers HTTP, on this machine only."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from octant.models.verified import CHAMPION, fetch
from octant.servers.server import HOST, environment, port_of, serve
from octant.tracking.store import located
from octant.trainer.subcommand import Subcommand


def _run(options: argparse.Namespace) -> int:
    """MLflow's scoring server with the champion, until Ctrl-C.

    It is given a copy of what was checked, in a folder of this user's alone, and never asks the store again.
    """
    port, store = port_of(), located(options.uri)
    verified = fetch(store, CHAMPION)
    with TemporaryDirectory(prefix="octant-") as folder:
        verified.write(Path(folder))
        command = [sys.executable, "-m", "octant.models.scoring", folder, str(port)]
        answers = f"{CHAMPION} answers on http://{HOST}:{port}/invocations\nstop it with Ctrl-C"
        serve(command, port, environment(), answers)
    return 0


COMMAND = Subcommand(_run)

"""`octant prune`: delete the journals of runs that a later code has trained again; without --yes only say which."""

from __future__ import annotations

import argparse

from octant import home
from octant.errors import InputError
from octant.tracking.prune import remove, size, superseded
from octant.trainer.subcommand import Subcommand, option


def _run(options: argparse.Namespace) -> int:
    """Say what may go and why; delete it if asked to."""
    if options.uri:
        raise InputError("--uri: prune deletes journals, and nothing in a store; leave it out")
    state = home.state()
    found = superseded(state)
    for journal in found:
        print(journal.folder)
    what = "journals of runs that later code has trained again, and that MLflow has"
    print(f"{len(found)} {what}: {size(found) / 1e6:.1f} MB")
    if options.yes:
        print(f"{remove(found, state)} deleted")
    elif found:
        print("nothing is deleted; to do it: octant prune --yes")
    return 0


COMMAND = Subcommand(_run, option("--yes", action="store_true", help="delete them; without it nothing is deleted"))

"""`octant pack`: the journals of runs that are over and delivered in one file; without --yes only say how many."""

from __future__ import annotations

import argparse

from octant import home
from octant.errors import InputError
from octant.runs import packed
from octant.tracking.pack import pack_runs, packable
from octant.tracking.prune import size
from octant.tracking.receipt import journals
from octant.trainer.subcommand import Subcommand, option


def _run(options: argparse.Namespace) -> int:
    """Say what would be packed; pack it if asked to."""
    if options.uri:
        raise InputError("--uri: pack moves journals, and nothing in a store; leave it out")
    state = home.state()
    found = packable(journals(state))
    print(f"{len(found)} journals of runs that are over, and that MLflow has: {size(found) / 1e6:.1f} MB")
    if options.yes:
        print(f"{pack_runs(found, state)} packed into {state / packed.FILE}")
    elif found:
        print("nothing is packed; to do it: octant pack --yes")
    return 0


COMMAND = Subcommand(_run, option("--yes", action="store_true", help="pack them; without it nothing is packed"))

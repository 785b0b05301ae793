"""`octant prune` and `octant pack`: fewer journals, or fewer files of them. Without --yes both only say how many."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from octant import home
from octant.errors import InputError
from octant.runs import packed
from octant.runs.journal import Journal
from octant.tracking.pack import pack_runs, packable
from octant.tracking.prune import remove, size, superseded
from octant.tracking.receipt import journals
from octant.trainer.subcommand import Subcommand, option


def _prune(options: argparse.Namespace) -> int:
    """Name the journals that may go, and why; delete them if asked to."""
    _refuse_uri(options, "prune deletes journals")
    state = home.state()
    found = superseded(state)
    for journal in found:
        print(journal.folder)
    what = "runs that later code has trained again, and that MLflow has"
    return _told(options, found, what, "prune", "deleted", lambda: f"{remove(found, state)} deleted")


def _pack(options: argparse.Namespace) -> int:
    """Say how much would be packed; pack it if asked to."""
    _refuse_uri(options, "pack moves journals")
    state = home.state()
    found = packable(journals(state))
    what = "runs that are over, and that MLflow has"
    return _told(
        options, found, what, "pack", "packed", lambda: f"{pack_runs(found, state)} packed into {state / packed.FILE}"
    )


def _refuse_uri(options: argparse.Namespace, what: str) -> None:
    if options.uri:
        raise InputError(f"--uri: {what}, and nothing in a store; leave it out")


def _told(
    options: argparse.Namespace, found: Sequence[Journal], what: str, word: str, done: str, act: Callable[[], str]
) -> int:
    print(f"{len(found)} journals of {what}: {size(found) / 1e6:.1f} MB")
    if options.yes:
        print(act())
    elif found:
        print(f"nothing is {done}; to do it: octant {word} --yes")
    return 0


COMMAND = Subcommand(_prune, option("--yes", action="store_true", help="delete them; without it nothing is deleted"))
PACK = Subcommand(_pack, option("--yes", action="store_true", help="pack them; without it nothing is packed"))

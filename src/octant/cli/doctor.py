"""`octant doctor`: compare journals and stores, mark dead runs as KILLED, throw damaged caches away."""

from __future__ import annotations

import argparse
from collections import Counter

from octant import home
from octant.tracking.store import located
from octant.tracking.upkeep import (
    close_abandoned_runs,
    count_lost,
    exit_code_of,
    in_words,
    send_all,
    take_stock,
    tell_of_readers,
)
from octant.trainer import trainer
from octant.trainer.subcommand import Subcommand, option

NOT_REPRODUCIBLE = 1


def _run(options: argparse.Namespace) -> int:
    """Look, mend what can be mended, and say what was found."""
    if options.probe:
        return _probe(options.probe)
    state, only = home.state(), located(options.uri) if options.uri else None
    print("journals:", in_words(take_stock(state)))
    tell_of_readers(state)
    if damaged := trainer().discard_damaged():
        print(f"data cache: {damaged} damaged or of an older octant, thrown away; a launch decodes the data again")
    counts = send_all(state, only)
    counts += count_lost(state, only)
    counts += close_abandoned_runs(state) if only is None else Counter()
    print("stores:", in_words(counts) if counts.total() else "have everything the journals hold")
    return exit_code_of(counts)


def _probe(name: str) -> int:
    from octant.runs.probe import probe_trainer

    found = probe_trainer(name)
    print(f"{trainer(name).label}: {found}")
    if found.is_reproducible:
        return 0
    print("is everything seeded by settings.seed, and does state hold all that decides the next epoch?")
    return NOT_REPRODUCIBLE


COMMAND = Subcommand(
    _run,
    option("--probe", metavar="TRAINER", help="train two epochs of a file or trainer three times, and compare"),
)

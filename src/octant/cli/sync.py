"""`octant sync`: send to MLflow what only the journals hold so far, and damaged files again."""

from __future__ import annotations

import argparse

from octant import home
from octant.tracking.store import located
from octant.tracking.upkeep import exit_code_of, in_words, mend_files, send_all
from octant.trainer.subcommand import Subcommand


def _run(options: argparse.Namespace) -> int:
    state, only = home.state(), located(options.uri) if options.uri else None
    mend_files(state, only)
    counts = send_all(state, only)
    print("stores:", in_words(counts) if counts.total() else "have everything the journals hold")
    return exit_code_of(counts)


COMMAND = Subcommand(_run)

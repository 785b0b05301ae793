"""`octant report NAME`: the report of an experiment's own sweep, or of one named, from the store alone."""

from __future__ import annotations

import argparse
import shlex

from octant.tracking.declared import of_sweep
from octant.tracking.search import search
from octant.tracking.store import connect, located
from octant.tracking.view import base_address
from octant.trainer.subcommand import EXPERIMENT, SWEEP, Subcommand


def _run(options: argparse.Namespace) -> int:
    """Write the report, and log it to MLflow."""
    from octant.analysis.report import reports  # only now: matplotlib reads the environment when it is imported

    store = located(options.uri)
    connection = connect(store, options.experiment, create=False)
    done = reports.write(connection, options.sweep)
    print(f"{done.text}\n\nwritten to   {done.folder / 'report.html'}")
    print(f"to explore   {done.folder / 'explore.html'}")
    print(f"in MLflow    {base_address(store)}{reports.log(connection, done)}")
    own = next(search(connection, of_sweep(done.sweep))).data.tags.get("trainer", "")
    if next(search(connection, f'tags.trainer != "{own}"'), None):  # a report is of one trainer's sweep
        words = f"octant compare --experiment {shlex.quote(options.experiment)} --compare trainer"
        print(f"more         other trainers have runs in it; this compares them: {words}")
    return 0


COMMAND = Subcommand(_run, EXPERIMENT, SWEEP)

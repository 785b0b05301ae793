"""`octant report NAME`: tables, figures and pages of an experiment's newest sweep, from the store alone."""

from __future__ import annotations

import argparse

from octant.tracking.store import connect, located


def arguments(parser: argparse.ArgumentParser) -> None:
    """The experiment."""
    parser.add_argument("experiment", help="name of the experiment, such as factorial")


def run(options: argparse.Namespace) -> int:
    """Write the report, and log it to MLflow."""
    from octant.analysis.report import pages  # only now: matplotlib reads the environment when it is imported

    store = located(options.uri)
    connection = connect(store, options.experiment, create=False)
    done = pages.write(connection)
    print(f"{done.text}\n\nwritten to   {done.folder / 'report.html'}")
    print(f"in MLflow    {pages.base_address(store)}{pages.log(connection, done)}")
    return 0

"""Command line of `make report`: python -m octant.analysis.report factorial."""

from __future__ import annotations

import argparse

from octant import home
from octant.cli.messages import one_line_errors
from octant.errors import printable
from octant.runs.settings import Tracking
from octant.tracking.store import connect, locate


def main() -> None:
    """Write the report and log it to MLflow."""
    parser = argparse.ArgumentParser(prog="octant.analysis.report", description=__doc__)
    parser.add_argument("experiment", help="name of the experiment, such as factorial")
    parser.add_argument("--uri", default=None, help="tracking store; default: the local one")
    with one_line_errors():
        from octant.analysis.report import pages  # only now: matplotlib reads the environment when it is imported

        arguments = parser.parse_args()
        store = locate(Tracking(uri=arguments.uri), home.state())
        connection = connect(store, arguments.experiment, create=False)
        done = pages.write(connection)
        print(f"{printable(done.text)}\n\nwritten to   {done.folder / 'report.html'}")
        print(f"in MLflow    {pages.base_address(store)}{pages.log(connection, done)}")


if __name__ == "__main__":
    main()

"""`octant publish NAME`: the report of an experiment's own sweep becomes what experiments/NAME says was found."""

from __future__ import annotations

import argparse

from octant.tracking.store import connect, located
from octant.trainer.subcommand import EXPERIMENT, Subcommand


def _run(options: argparse.Namespace) -> int:
    """Write it; nothing else writes there."""
    from octant.analysis.report import reports  # only now: matplotlib reads the environment when it is imported

    print(f"published in {reports.publish(connect(located(options.uri), options.experiment, create=False))}")
    return 0


COMMAND = Subcommand(_run, EXPERIMENT)

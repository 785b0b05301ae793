"""What a launch came to, in words: a line for one run; table, figure and links for a sweep."""

from __future__ import annotations

import os
import sys

from octant.cli.outcome import found_again, outcome_of
from octant.errors import UNDELIVERED, InputError, printable, store_problem
from octant.runs.repeats import ignored_seed
from octant.runs.sweep import Sweep
from octant.tracking.launching import Launched
from octant.tracking.store import Connection, must_be_ours
from octant.trainer import trainer


def conclude(launched: Launched) -> int:
    """Print it, write a sweep's report and log it to MLflow; returns the exit code."""
    done = launched.done
    if done.connection is None:
        return done.code
    try:
        must_be_ours(done.connection)
        _conclude(launched, done.connection)
    except Exception as error:
        if (told := store_problem(error)) is None:
            raise
        print(f"octant: the runs are stored, the report is not: {told}; the same command logs it", file=sys.stderr)
        return done.code or UNDELIVERED
    return done.code


def _conclude(launched: Launched, connection: Connection) -> None:
    sweep = launched.sweep
    count, skipped, failed = len(sweep.runs), sweep.skipped, len(sweep.unfinished)
    there = "was" if skipped == 1 else "were"
    counted = f"{count - skipped - failed} trained, {skipped} {there} there already"
    print(f"{count} {'run' if count == 1 else 'runs'}: {counted}{f', {failed} did not finish' if failed else ''}")
    if line := ignored_seed(sweep.runs):
        print(f"octant: {line}", file=sys.stderr)
    if failed < count and not os.environ.get("OCTANT_CHECK"):
        (_one if count == 1 else _chosen if launched.chosen else _many)(sweep, connection)


def _one(sweep: Sweep, connection: Connection) -> None:
    from octant.tracking.view import base_address

    run = sweep.runs[0]
    print(f"{found_again(run) if sweep.skipped else ''}{outcome_of(run.journal)}")
    link = f"{base_address(sweep.store)}{sweep.deliveries[0].path_in(connection.experiment_id)}"
    print(f"in MLflow (octant ui): {link}")
    _log_figures(sweep, connection, [str(sweep.deliveries[0].receipt().run_id)])


def _chosen(sweep: Sweep, connection: Connection) -> None:
    from octant.tracking.view import base_address, path_of

    print("nothing is compared: the sweeper chose these runs by their results, which would bias means and intervals")
    print(f"in MLflow   {base_address(sweep.store)}{path_of(connection.experiment_id, sweep.name)}")


def _many(sweep: Sweep, connection: Connection) -> None:
    from octant.analysis.report import reports
    from octant.tracking.view import base_address, path_of

    address = base_address(sweep.store)
    try:
        done = reports.write(connection, sweep.name)
    except InputError as error:  # the runs stand, there is no report
        print(f"no report: {error}\ncomparison  {address}{path_of(connection.experiment_id, sweep.name)}")
        return
    print(f"\n{printable(done.text)}\n")
    print(f"figure      {done.folder / 'accuracy.png'}\nreport      {done.folder / 'report.html'}")
    print(f"explore     {done.folder / 'explore.html'}")
    print(f"in MLflow   {address}{reports.log(connection, done)}")
    if done.published:
        print(done.published)
    print(f"comparison  {address}{done.link}\n            (octant ui starts the server there)")
    if not sweep.is_own:
        name = sweep.launch.experiment.name
        print(f"a variant of experiment {name}, whose own sweep stays: octant report {name} --sweep {sweep.name}")
    _log_figures(sweep, connection, done.typical)


def _log_figures(sweep: Sweep, connection: Connection, run_ids: list[str]) -> None:
    if log := trainer(sweep.launch.trainer).log_figures:
        log(sweep.store, connection.client, run_ids)

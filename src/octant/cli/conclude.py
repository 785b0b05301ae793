"""What a launch came to, in words: a line for one run; table, figure and links for a sweep."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from octant.analysis.chance import at_chance
from octant.errors import UNDELIVERED, InputError, printable, store_problem
from octant.runs.journal import FILES, Journal
from octant.runs.run import Run
from octant.runs.sweep import Sweep
from octant.tracking.launching import Launched
from octant.tracking.runs import TEST_ERRORS
from octant.tracking.store import Connection, must_be_ours
from octant.trainer import flat, trainer

_MOST = 6  # metrics on the line of a run


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
    if line := _ignored_seed(sweep.runs):
        print(f"octant: {line}", file=sys.stderr)
    if failed < count and not os.environ.get("OCTANT_CHECK"):
        (_one if count == 1 else _chosen if launched.chosen else _many)(sweep, connection)


def _one(sweep: Sweep, connection: Connection) -> None:
    from octant.tracking.view import base_address

    run = sweep.runs[0]
    if sweep.skipped:
        print(f"there already: {run.name}; to train it anew, add rerun=true to the command")
    print(_outcome_of(run.journal))
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

    address, place = base_address(sweep.store), path_of(connection.experiment_id, sweep.name)
    try:
        done = reports.write(connection, sweep.name)
    except InputError as error:  # the runs stand, there is no report
        print(f"no report: {error}\ncomparison  {address}{place}")
        return
    print(f"\n{printable(done.text)}\n")
    print(f"figure      {done.folder / 'accuracy.png'}\nreport      {done.folder / 'report.html'}")
    print(f"explore     {done.folder / 'explore.html'}")
    print(f"in MLflow   {address}{reports.log(connection, done)}")
    if done.published:
        print(done.published)
    print(f"comparison  {address}{place}\n            (octant ui starts the server there)")
    if not sweep.is_own:
        name = sweep.launch.experiment.name
        print(f"a variant of experiment {name}, whose own sweep stays: octant report {name} --sweep {sweep.name}")
    _log_figures(sweep, connection, done.typical)


def _log_figures(sweep: Sweep, connection: Connection, run_ids: list[str]) -> None:
    if log := trainer(sweep.launch.trainer).log_figures:
        log(sweep.store, connection.client, run_ids)


def _outcome_of(journal: Journal) -> str:
    """Accuracies after the last epoch, and a word where they are chance's; of a diverged run epoch and reason alone."""
    history = journal.read()
    outcome = history.outcome
    if outcome and outcome["outcome"] == "diverged":
        return f"diverged in epoch {outcome['epoch']}: {outcome['reason']}; a smaller learning_rate may help"
    if not history.epochs:
        return "it has no numbers"
    last = history.epochs[-1]["metrics"]
    shown = [name for name in last if name.endswith("accuracy")] or list(last)[:_MOST]
    told = "  ".join(f"{name} {last[name]:.4f}" for name in shown)
    examples = (journal.json(f"{FILES}/{TEST_ERRORS}") or {}).get("examples")
    share = at_chance(last.get("test_accuracy", 1.0), examples or [])
    if share is None:
        return told
    return f"{told}\ncollapsed: no better than always saying the most frequent class, {share:.4f} of the test set"


def _ignored_seed(runs: Sequence[Run]) -> str:
    """A line where all seeds of the same other settings gave the same numbers in every epoch; or nothing."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        others = {name: value for name, value in flat(run.settings).items() if name != "seed"}
        groups.setdefault(repr(others), []).append(run)
    several = [each for each in groups.values() if len(each) > 1]
    same = [each for each in several if _equal(each)]
    if not same:
        return ""
    label = trainer(runs[0].trainer).label
    seeds = ", ".join(str(run.settings.seed) for run in same[0][:5])
    count = f"; {len(same)} of {len(several)} configurations" if len(several) > 1 else ""
    return f"{label}: seeds {seeds} gave the same numbers in every epoch ({same[0][0].name}{count}): is the seed used?"


def _equal(runs: Sequence[Run]) -> bool:
    records = ([line["metrics"] for line in run.journal.read().epochs] for run in runs)
    first = next(records)
    return bool(first) and all(each == first for each in records)  # reads on only while they are

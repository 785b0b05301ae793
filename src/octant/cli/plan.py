"""`octant plan EXPERIMENT --detect 0.3`: how many repeats would show a difference, planned from the runs there are."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from octant.errors import InputError
from octant.tracking.store import connect, located
from octant.trainer.subcommand import Subcommand, option

if TYPE_CHECKING:
    import pandas as pd

    from octant.analysis.comparison import Comparison


def _run(options: argparse.Namespace) -> int:
    """Print one line."""
    if not options.detect > 0:
        raise InputError(f"--detect: {options.detect:g} is no difference; it is above 0")
    if not 0 < options.power < 1:
        raise InputError(f"--power: {options.power:g} is no probability; it is between 0 and 1, such as 0.8")
    from octant.analysis.comparison import answer
    from octant.tracking.declared import declared_of
    from octant.tracking.runs import read_runs

    connection = connect(located(options.uri), options.experiment, create=False)
    declared = declared_of(connection, options.sweep)
    runs = read_runs(connection, declared.sweep, declared.question)
    if runs.empty:
        raise InputError(f"sweep {declared.sweep} has no finished runs; this trains them: {declared.command}")
    comparison = answer(runs, declared.question, settings=declared.varied)
    print(line(comparison, runs, options.detect, options.power))
    return 0


def line(comparison: Comparison, runs: pd.DataFrame, detect: float, power: float) -> str:
    """The answer; raises InputError where the runs have no spread to plan with."""
    from octant.analysis.comparison.intervals import ALPHA
    from octant.analysis.power import ENOUGH, MOST_REPEATS, repeats_needed

    question, spreads = comparison.question, comparison.pairs["sd"]
    noun = question.noun
    spreads = spreads[spreads > 0]
    if spreads.empty:
        raise InputError(f"no spread between {noun}s to plan with; run at least {ENOUGH} {noun}s of two configurations")
    family = len(comparison.summary) - 1
    typical, most = (repeats_needed(detect, sd, 0, family=family, wanted=power)
                     for sd in (spreads.median(), spreads.max()))  # fmt: skip
    about = f"SD of paired differences {spreads.median():.2g}, at most {spreads.max():.2g}"
    if typical is None:
        return f"more than {MOST_REPEATS:,} {noun}s: {detect:g} is too small ({about})"
    unit = f"points of {question.words}" if question.is_share else f"in {question.words}"
    return (
        f"{typical} {noun}s show a difference of {detect:g} {unit} with a power of {100 * power:g} % in a typical "
        f"pair, {most or f'more than {MOST_REPEATS:,}'} in every pair{_time(runs, comparison, typical)} ({about}, from "
        f"{comparison.summary['n'].max()} {noun}s; at {100 * ALPHA:g} % over {family} comparisons with the best)"
    )


def _time(runs: pd.DataFrame, comparison: Comparison, repeats: int) -> str:
    """How long so many repeats train on one core, where the runs have kept it."""
    from octant.analysis.comparison.runs import labels_of
    from octant.analysis.report.origin import core_seconds

    if "epochs" not in runs or runs["seconds_per_epoch"].isna().any():
        return ""
    minutes = core_seconds(runs, runs["epochs"]) * repeats / len(set(labels_of(runs, comparison.question))) / 60
    return f"; the first take about {minutes:.2g} minutes on one core"


COMMAND = Subcommand(
    _run,
    option("experiment", help="name of the experiment whose runs are the pilot, such as factorial"),
    option(
        "--detect", type=float, required=True, metavar="D", help="the difference to show, in the endpoint's points: 0.3"
    ),
    option("--power", type=float, default=0.8, help="how often it should be shown; default: 0.8"),
    option("--sweep", help="name or digest of a sweep; default: the one that the yaml declares"),
)

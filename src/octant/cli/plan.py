"""`octant plan EXPERIMENT --detect 0.3`: how many repeats would show a difference, planned from the runs there are, or
from a pilot.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from octant.cli.child import launched
from octant.errors import InputError
from octant.tracking.store import connect, located
from octant.trainer.subcommand import Subcommand, option

if TYPE_CHECKING:
    from octant.analysis.comparison import Comparison


def _run(options: argparse.Namespace) -> int:
    """Print one line, after a pilot where one is asked for."""
    if not options.detect > 0:
        raise InputError(f"--detect: {options.detect:g} is no difference; it is above 0")
    if not 0 < options.power < 1:
        raise InputError(f"--power: {options.power:g} is no probability; it is between 0 and 1, such as 0.8")
    if options.pilot and options.sweep:
        raise InputError("--sweep names runs that are there, and --pilot trains others: say one of the two")
    from octant.analysis.comparison import answer
    from octant.tracking.declared import declared_of, newest_of
    from octant.tracking.runs import read_errors, read_runs

    if options.pilot and (code := launched(_pilot(options))):
        return code
    connection = connect(located(options.uri), options.experiment, create=False)
    declared = declared_of(connection, newest_of(connection) if options.pilot else options.sweep)
    runs = read_runs(connection, declared.sweep, declared.question)
    if runs.empty:
        raise InputError(f"sweep {declared.sweep} has no finished runs; this trains them: {declared.command}")
    errors = read_errors(connection, runs) if declared.question.over == "examples" else {}
    comparison = answer(runs, declared.question, settings=declared.varied, errors=errors)
    print(line(comparison, runs, options.detect, options.power))
    return 0


def _pilot(options: argparse.Namespace) -> list[str]:
    """The words that launch it, into the experiment that is planned."""
    own = any(word.startswith("trainer=") for word in options.pilot)
    words = ["-m", f"experiment.name={options.experiment}"] if own else [f"experiment={options.experiment}"]
    return [*words, *([f"tracking.uri={options.uri}"] if options.uri else []), *options.pilot]


def line(comparison: Comparison, runs: pd.DataFrame, detect: float, power: float) -> str:
    """The answer; raises InputError where the runs have no spread to plan with, or more repeats are no help."""
    from octant.analysis.comparison.scope import overlap_of
    from octant.analysis.power import ENOUGH, MOST_REPEATS, repeats_needed
    from octant.analysis.report.numbers import percent

    question, pairs = comparison.question, spreads(comparison)
    noun, family = question.noun, len(comparison.summary) - 1
    if overlap_of(comparison.runs, question):
        raise InputError("plan: training sets of folds overlap, so that more folds lessen the error little; only more "
                         "examples decide")  # fmt: skip
    if pairs.empty:
        raise InputError(f"no spread between {noun}s to plan with; run at least {ENOUGH} {noun}s of two configurations")
    (sd, floor), (most_sd, most_floor) = pairs.median(), pairs.max()
    alpha = comparison.alpha
    typical = repeats_needed(detect, sd, 0, family=family, wanted=power, alpha=alpha, floor=floor)
    most = repeats_needed(detect, most_sd, 0, family=family, wanted=power, alpha=alpha, floor=most_floor)
    about = f"SD of paired differences {sd:.2g}, at most {most_sd:.2g}{_besides(comparison, floor)}"
    if typical is None:
        return f"{_not_enough(comparison, sd, floor, detect, power)} ({about})"
    unit = f"points of {question.words}" if question.is_share else f"in {question.words}"
    return (
        f"{typical} {noun}s show a difference of {detect:g} {unit} with a power of {100 * power:g} % in a typical "
        f"pair, {most or f'more than {MOST_REPEATS:,}'} in every pair{_time(runs, comparison, typical)} ({about}, from "
        f"{comparison.summary['n'].max()} {noun}s; at {percent(alpha)} over {family} comparisons with the best)"
    )


def spreads(comparison: Comparison) -> pd.DataFrame:
    """Of each pair that has a spread, `sd` of a repeat's difference, with what the choice of tuned values adds, and
    `floor`, the variance that comes of the test examples: more repeats do not lessen it.
    """
    pairs = comparison.pairs
    choice, examples = (pairs[name] if name in pairs else 0.0 * pairs["sd"]
                        for name in ("choice_error", "examples_error"))  # fmt: skip
    found = pd.DataFrame({"sd": np.hypot(pairs["sd"], choice * np.sqrt(pairs["n"])), "floor": examples**2})
    return found[found["sd"] > 0]


def _besides(comparison: Comparison, floor: float) -> str:
    """What else the spread has in it, or lacks although it was asked for."""
    sources, asked = comparison.sources, comparison.question.over == "examples"
    words = [f"with the choice of {' and '.join(comparison.question.tune)}"] if sources.choice else []
    if sources.examples:
        words.append(f"the {sources.examples.count:,} test examples add a standard error of {floor**0.5:.2g}, which "
                     f"more {comparison.question.noun}s do not lessen")  # fmt: skip
    elif asked:
        words.append(f"not over new test examples, as was asked: {comparison.examples}")
    return "".join(f", {each}" for each in words)


def _not_enough(comparison: Comparison, sd: float, floor: float, detect: float, power: float) -> str:
    """Where no number of repeats shows it: how many test examples would, with twice the repeats that their variance
    alone would need; the rest is then left to the examples.
    """
    from octant.analysis.power import MOST_REPEATS, repeats_needed

    noun, family = comparison.question.noun, len(comparison.summary) - 1
    alone = repeats_needed(detect, sd, 0, family=family, wanted=power, alpha=comparison.alpha)
    if not floor or alone is None or not comparison.sources.examples:
        return f"more than {MOST_REPEATS:,} {noun}s: {detect:g} is too small"
    count = comparison.sources.examples.count
    more = float(f"{count * floor / (sd**2 / alone / 2):.2g}")
    return (f"no number of {noun}s shows a difference of {detect:g} on {count:,} test examples; about {more:,.0f} test "
            f"examples and {2 * alone} {noun}s would")  # fmt: skip


def _time(runs: pd.DataFrame, comparison: Comparison, repeats: int) -> str:
    """How long so many repeats train on one core, where the runs have kept it."""
    from octant.analysis.comparison.runs import labels_of
    from octant.analysis.report.numbers import duration
    from octant.analysis.report.origin import core_seconds

    if "epochs" not in runs or runs["seconds_per_epoch"].isna().any():
        return ""
    seconds = core_seconds(runs, runs["epochs"]) * repeats / len(set(labels_of(runs, comparison.question)))
    return f"; the first take about {duration(seconds)} on one core"


COMMAND = Subcommand(
    _run,
    option("experiment", help="name of the experiment whose runs are the pilot, such as factorial"),
    option(
        "--detect", type=float, required=True, metavar="D", help="the difference to show, in the endpoint's points: 0.3"
    ),
    option("--power", type=float, default=0.8, help="how often it should be shown; default: 0.8"),
    option(
        "--pilot",
        nargs="+",
        metavar="WORD",
        help="train this first, and plan from it: 'seed=range(5)', or trainer=mine.py and what it varies",
    ),
    option("--sweep", help="name or digest of a sweep; default: the one that the yaml declares"),
)

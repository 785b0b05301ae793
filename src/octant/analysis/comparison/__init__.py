"""Runs of a sweep to paired statistics: frames in, frames out; no disk, no store, no drawing.

Accuracies go in as fractions and come out in percent, differences in percentage points. What the seeds say is that
of these configurations on this test set: the binomial error beside each mean says how far another test set would
move it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from octant.analysis.comparison import effects
from octant.analysis.comparison.effects import factorial_effects
from octant.analysis.comparison.learning_rates import choose_learning_rates, runs_at, summarise_rates
from octant.analysis.comparison.pairs import not_told_apart, pairwise
from octant.analysis.comparison.summary import first_epochs, summarise
from octant.analysis.comparison.sweep import Sweep, lay_out
from octant.errors import InputError

__all__ = [
    "Comparison",
    "Sweep",
    "choose_learning_rates",
    "compare",
    "factorial_effects",
    "first_epochs",
    "lay_out",
    "not_told_apart",
    "pairwise",
    "runs_at",
    "summarise",
    "summarise_rates",
]


@dataclass(frozen=True)
class Comparison:
    """Everything a sweep says; the functions that made each table document its columns.

    `not_told_apart` begins with the best configuration and is empty when no run finished. `effects` is empty where
    the runs are no full 2 x 2 x 2 factorial, and `no_effects` then says why in one line.
    """

    summary: pd.DataFrame
    effects: pd.DataFrame
    no_effects: str
    pairs: pd.DataFrame
    not_told_apart: tuple[str, ...]


def compare(runs: pd.DataFrame, curves: pd.DataFrame | None = None) -> Comparison:
    """Compare the runs of one sweep, one a configuration and seed; the order of the rows does not matter.

    Raises InputError as lay_out does; anything else that is lacking is NaN with a note, never silent.
    """
    sweep = lay_out(runs)
    summary = summarise(sweep, curves)
    ranking = list(summary["config"])
    pairs = pairwise(sweep, ranking)
    finished = list(summary.loc[summary["n"] > 0, "config"])
    table, reason = _effects(sweep)
    return Comparison(summary, table, reason, pairs, not_told_apart(pairs, finished))


def _effects(sweep: Sweep) -> tuple[pd.DataFrame, str]:
    try:
        return factorial_effects(sweep), ""
    except InputError as error:
        return pd.DataFrame(columns=list(effects.COLUMNS)), str(error)

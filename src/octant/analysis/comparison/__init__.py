"""Runs of a sweep to paired statistics: frames in, frames out; no disk, no store, no drawing.

Shares go in as fractions and come out in percent, their differences in percentage points; other endpoints keep their
unit. What the repeats say is that of these configurations on this test set: the binomial error beside each mean says
how far another test set would move it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from octant.analysis.comparison.best import not_told_apart, of_the_best
from octant.analysis.comparison.choice import choice_of
from octant.analysis.comparison.design import lay_out
from octant.analysis.comparison.effects import factorial_effects, level_of_effects
from octant.analysis.comparison.examples import Correctness, examples_of
from octant.analysis.comparison.intervals import ALPHA
from octant.analysis.comparison.pairs import pairwise
from octant.analysis.comparison.ranks import ranks_over_data
from octant.analysis.comparison.runs import check_runs, check_seen
from octant.analysis.comparison.sources import Sources
from octant.analysis.comparison.summary import summarise
from octant.analysis.comparison.tuning import choose, runs_at, summarise_rates
from octant.analysis.question import Question
from octant.seal import Json

if TYPE_CHECKING:
    from octant.analysis.verdict import Verdict

__all__ = ["Comparison", "answer"]


@dataclass(frozen=True)
class Comparison:
    """Everything that a sweep's runs say about a question; the functions that made each table document its columns.

    `runs` are those compared, each with the name of its configuration in `config`: at its configuration's own values
    where settings are tuned, which `chosen` lists and `rates` draws. `not_told_apart` has the configurations that may
    be the best, best first, and is empty when no run finished; `best` says how surely each one is,
    `ranks` has their ranks where data sets repeat. `notes` has one line on each thing that could not be estimated or
    needs to be known; `reading` says what the defaults were, where the question was guessed. `curves` has the endpoint
    by step (fingerprint, epoch, endpoint) where the table had several rows per run. `sources` are what the intervals
    take into account besides the repeats; `examples` are the test examples that the runs got right, or why that is
    not known. `alpha` is the level of claims that rest on t tests, `alpha_of_effects` that of claims about effects.
    """

    question: Question
    runs: pd.DataFrame
    summary: pd.DataFrame
    effects: pd.DataFrame
    pairs: pd.DataFrame
    not_told_apart: tuple[str, ...]
    best: pd.DataFrame = field(default_factory=pd.DataFrame)
    ranks: pd.DataFrame = field(default_factory=pd.DataFrame)
    chosen: pd.DataFrame = field(default_factory=pd.DataFrame)
    rates: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[str, ...] = ()
    reading: str = ""
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    sources: Sources = field(default_factory=Sources)
    examples: Correctness | str = ""
    alpha: float = ALPHA
    alpha_of_effects: float = ALPHA

    @property
    def no_effects(self) -> str:
        """Why there are no effects, in one line; empty where there are."""
        about = [note for note in self.notes if note.startswith("Effects: ")]
        return "; ".join(about) or "Effects: there is nothing to compare" if self.effects.empty else ""

    @cached_property
    def verdict(self) -> Verdict:
        """What it comes to."""
        from octant.analysis.decide import verdict_of  # not above: it takes comparisons

        return verdict_of(self)

    def tuning(self, setting: str) -> pd.DataFrame:
        """The endpoint against one tuned setting: a row a configuration and value, the others at their chosen ones."""
        others = [name for name in self.question.tune if name != setting]
        return self.rates.merge(self.chosen[["config", *others]]) if others else self.rates

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by the names of their csv files; those of tuning only where something was tuned."""
        tables = {"configurations": self.summary, "effects": self.effects, "pairs": self.pairs, "best": self.best,
                  "verdict": self.verdict.table}  # fmt: skip
        tables |= {"ranks": self.ranks} if len(self.ranks) else {}
        return tables | ({"chosen": self.chosen, "rates": self.rates} if self.question.tune else {})


def answer(
    frame: pd.DataFrame,
    question: Question,
    curves: pd.DataFrame | None = None,
    settings: Iterable[str] | None = None,
    errors: Mapping[str, Mapping[str, Json]] | None = None,
) -> Comparison:
    """Compare the runs of one sweep, one row per run; the order of the rows does not matter.

    `settings` are the columns that may hold what the sweep varies; None guesses them. Where the question tunes, each
    configuration is compared at its own values. `errors` has what each run got wrong on the test set, by fingerprint
    (see `report.mistakes`), for a question over new examples. Raises InputError as lay_out does; anything else
    that is lacking is NaN with a note, never silent.
    """
    known = None if settings is None else tuple(settings)
    check_runs(frame, question, question.validation if question.tune else question.endpoint)
    check_seen(frame, question, known)
    chosen, rates, choice, grid = pd.DataFrame(), pd.DataFrame(), None, frame
    if question.tune:
        chosen, rates = choose(frame, question), summarise_rates(frame, question)
        frame = runs_at(frame, chosen, question)
    design = lay_out(frame, question, known)
    if question.tune and len(design.repeats) > 1:
        choice = choice_of(grid, question, design)
        chosen["stability"] = chosen["config"].map(dict(zip(design.configs, choice.stability, strict=True)))
    examples = examples_of(design, errors or {})
    over = examples if question.over == "examples" and isinstance(examples, Correctness) else None
    sources = Sources(choice, over)
    summary = summarise(design, curves, sources)
    pairs, about_pairs = pairwise(design, list(summary["config"]), sources)
    effects, about_effects = factorial_effects(design, sources)
    ranking = list(summary.loc[summary["n"] > 0, "config"])
    may_be = not_told_apart(pairs, question, ranking, design.alpha)
    notes = (*design.notes, *about_pairs, *about_effects)
    best = of_the_best(design, ranking, may_be, sources)
    ranks = ranks_over_data(design.runs, question)
    return Comparison(
        question, design.runs, summary, effects, pairs, may_be, best, ranks, chosen, rates, notes,
        sources=sources, examples=examples, alpha=design.alpha, alpha_of_effects=level_of_effects(design, sources),
    )  # fmt: skip

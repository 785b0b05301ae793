"""What figures know of a sweep: its factors, their levels in order, and how each configuration looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd

from octant.analysis import palette
from octant.analysis.palette import Style, Styles, is_numeric, word
from octant.analysis.power import ENOUGH
from octant.analysis.question import Question

_Values = TypeVar("_Values", np.ndarray, pd.Series)

__all__ = ["ENOUGH", "Design", "design_of"]


@dataclass(frozen=True)
class Design:
    """The factors that vary, each with its levels, and the levels of each configuration.

    `step` is what curves count. Epoch 0 is before training, and is not drawn; the first of anything else is.
    """

    question: Question
    factors: Mapping[str, tuple[str, ...]]
    cells: Mapping[str, Mapping[str, str]]
    step: str = "epoch"

    @property
    def first_step(self) -> float:
        """Where curves begin."""
        return 1 if self.step == "epoch" else float("-inf")

    @cached_property
    def styles(self) -> Styles:
        """Colours, dashes and markers of the whole sweep."""
        return Styles(self.factors)

    def style(self, config: str) -> Style:
        """How the configuration looks, in every figure."""
        return self.styles.of(self.cells[config])

    def combinations(self, factors: Sequence[str], configs: Iterable[str]) -> list[tuple[str, ...]]:
        """The levels of `factors` that occur together in `configs`, in the order of the levels."""
        there = {tuple(self.cells[config][factor] for factor in factors) for config in configs}
        places = {factor: {level: i for i, level in enumerate(self.factors[factor])} for factor in factors}
        return sorted(there, key=lambda each: [places[name][level] for name, level in zip(factors, each, strict=True)])

    def label(self, config: str) -> str:
        """The configuration by its levels, or by its name where these say too little, or twice as long."""
        levels = list(self.cells[config].values())
        text = ", ".join(levels)
        numbers = sum(is_numeric([level]) for level in levels)  # of two numbers nobody can say which is which
        return text if levels and numbers < 2 and len(text) < 2 * len(config) else config

    @property
    def at_the_end(self) -> Design:
        """The same design of the metric's last value: how curves are drawn."""
        return replace(self, question=self.question.at_the_end)

    @property
    def axis(self) -> str:
        """The endpoint as an axis says it."""
        return f"{self.question.words}, %" if self.question.is_share else self.question.words

    def number(self, value: float) -> str:
        """A value of the endpoint, as figures and their descriptions give it."""
        return f"{value:.2f} %" if self.question.is_share else f"{value:.4g}"

    def repeats(self, count: int) -> str:
        """A configuration's runs in words: 10 seeds, or runs where several settings make a repeat, of which a data set
        or split may have several.
        """
        noun = self.question.noun if len(self.question.repeat) == 1 else "run"
        return f"{count} {noun}{'s' * (count != 1)}"

    def within(self, low: _Values, high: _Values) -> tuple[_Values, _Values]:
        """An interval or band as it is drawn: that of a share never leaves 0 to 100 %."""
        if not self.question.is_share:
            return low, high
        return low.clip(0, 100), high.clip(0, 100)


def design_of(runs: pd.DataFrame, question: Question, labels: Mapping[str, str] | None = None) -> Design:
    """The design of `runs`, which have a column for each factor that is compared, and their configuration's name.

    `labels` has what factors and levels are called where it is not their own text: keys `loss` and `loss=mse`.
    """
    known, levels = labels or {}, {factor: _in_order(runs[factor]) for factor in question.compare}
    called = {factor: known.get(factor, factor.replace("_", " ")) for factor, each in levels.items() if len(each) > 1}
    factors = {label: tuple(known.get(f"{factor}={each}", each) for each in levels[factor])
               for factor, label in called.items()}  # fmt: skip
    rows = runs.drop_duplicates("config").to_dict("records")
    cells = {
        str(row["config"]): {
            label: known.get(f"{factor}={word(row[factor])}", word(row[factor])) for factor, label in called.items()
        }
        for row in rows
    }
    return Design(question, factors, cells)


def _in_order(values: pd.Series) -> tuple[str, ...]:
    """The levels of a factor: in their declared order where it has one, else by number or by alphabet."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        there = set(values)
        return tuple(word(level) for level in values.cat.categories if level in there)
    return palette.in_order(values)

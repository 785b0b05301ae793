"""Why one configuration learns faster than another: what its trainer measures beside the endpoint, by epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import pandas as pd

from octant.analysis.figures import Design
from octant.analysis.question import Question

AFTER = 1  # the epoch that is told beside the first one
FACTOR = 1.5  # a reason that differs by less explains nothing


@dataclass(frozen=True)
class Contrast:
    """Two configurations that differ in the first factor alone, by a reason before training and after an epoch.

    `low` has the smaller reason before training; `start` and `after` are (low's, high's) means over repeats, and
    `right` is the endpoint after that epoch, as the question scales it. `plateau` has the epochs that each takes for
    the first tenth of its way to the better of the two ends, where low takes at least twice as many and two more, and
    `tenth` low's endpoint there.
    """

    reason: str
    low: str
    high: str
    start: tuple[float, float]
    after: tuple[float, float]
    right: tuple[float, float]
    plateau: tuple[int, int] | None
    tenth: float


def means(curves: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Mean over the finished repeats: config, epoch, `columns`. A configuration's repeats count while all go on."""
    there = [column for column in columns if column in curves]
    return curves.groupby(["config", "epoch"], sort=True)[there].mean().reset_index()


def contrasts(table: pd.DataFrame, design: Design, reasons: Iterable[str]) -> Iterator[Contrast]:
    """One for each choice of the other factors: the levels of the first factor with the least and the most of a reason.

    It is the first of `reasons` of which one has at least FACTOR times as much as the other before training.
    """
    reasons, others = [name for name in reasons if name in table], list(design.factors)[1:]
    for cell in design.combinations(others, design.cells) if design.factors else ():
        same = [config for config, levels in design.cells.items() if tuple(levels[name] for name in others) == cell]
        own = table[table["config"].isin(same)].set_index(["config", "epoch"])
        yield from islice((found for name in reasons if (found := _contrast(own, design.question, name))), 1)


def _contrast(table: pd.DataFrame, question: Question, reason: str) -> Contrast | None:
    values: dict[object, float] = table[reason].dropna().to_dict()
    configs = table.index.unique("config")
    both = [config for config in configs if {(config, 0), (config, AFTER)} <= values.keys()]
    low, high = (choose(both, key=lambda config: values[config, 0], default="") for choose in (min, max))
    if low == high or values[high, 0] < FACTOR * values[low, 0] or not values[high, 0]:
        return None
    start, after = ((values[low, epoch], values[high, epoch]) for epoch in (0, AFTER))
    lines = [table.xs(config)[question.endpoint] for config in (low, high)]
    right = (question.scale * lines[0].loc[AFTER], question.scale * lines[1].loc[AFTER])
    return Contrast(reason, low, high, start, after, right, *_plateau(lines, question))


def _plateau(lines: Sequence[pd.Series], question: Question) -> tuple[tuple[int, int] | None, float]:
    """The epochs of `plateau` for two series of the endpoint by epoch, and where the first one's tenth is."""
    end = max(question.sign * line.iloc[-1] for line in lines)
    tenths = [0.9 * question.sign * line.loc[0] + 0.1 * end for line in lines]
    past = [line.index[question.sign * line >= tenth] for line, tenth in zip(lines, tenths, strict=True)]
    if not all(map(len, past)) or past[0][0] < max(2 * past[1][0], past[1][0] + 2):
        return None, 0.0
    return (int(past[0][0]), int(past[1][0])), float(question.scale * question.sign * tenths[0])


def sentence(found: Contrast, design: Design, low: str, high: str) -> str:
    """The contrast in words, its numbers as they are shown; `low` and `high` are what the two are called."""
    (first, later), right = (found.start, found.after), [design.number(value) for value in found.right]
    start = f"{_percent(first)} of {high}'s {first[1]:.2g}" if first[1] else f"{high} at {first[1]:.2g}"
    ratio = f" ({_percent(later)})" if later[1] else ""
    told = (
        f"{low} starts at {first[0]:.2g}, {start}; after epoch {AFTER} they are at {later[0]:.2g} and {later[1]:.2g}"
        f"{ratio}, with {right[0]} and {right[1]} {design.question.words}."
    )
    if not found.plateau:
        return told
    return (
        f"{told} It takes {low} {found.plateau[0]} epochs to go the first tenth of its way, to "
        f"{design.number(found.tenth)}, and {high} {found.plateau[1]}."
    )


def _percent(pair: tuple[float, float]) -> str:
    return f"{100 * pair[0] / pair[1]:.0f} %"

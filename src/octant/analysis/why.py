"""Why one configuration learns faster than another: what its trainer measures beside the endpoint, by epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from octant.analysis.figures import Design

AFTER = 1  # the epoch that is told beside the first one


@dataclass(frozen=True)
class Contrast:
    """Two configurations that differ in the first factor alone, by a reason before training and after an epoch.

    `low` has the smaller reason before training; `start` and `after` are (low's, high's) means over repeats, and
    `right` is the endpoint after that epoch, as the question scales it.
    """

    low: str
    high: str
    start: tuple[float, float]
    after: tuple[float, float]
    right: tuple[float, float]


def means(curves: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Mean over the finished repeats: config, epoch, `columns`. A configuration's repeats count while all go on."""
    there = [column for column in columns if column in curves]
    return curves.groupby(["config", "epoch"], sort=True)[there].mean().reset_index()


def contrasts(table: pd.DataFrame, design: Design, reason: str) -> Iterator[Contrast]:
    """One for each choice of the other factors: the levels of the first factor with the least and most `reason`."""
    if not design.factors or reason not in table:
        return
    others = list(design.factors)[1:]
    at = {epoch: table[table["epoch"] == epoch].set_index("config") for epoch in (0, AFTER)}
    start = at[0][reason].dropna() if len(at[0]) else at[0].index.to_series()
    for cell in design.combinations(others, design.cells):
        same = [config for config, levels in design.cells.items() if tuple(levels[name] for name in others) == cell]
        size: dict[object, float] = start.to_dict()
        known = sorted((config for config in same if config in size), key=size.__getitem__)
        if len(known) > 1 and all(config in at[AFTER].index for config in (known[0], known[-1])):
            yield _contrast(known[0], known[-1], at, design, reason)


def _contrast(low: str, high: str, at: dict[int, pd.DataFrame], design: Design, reason: str) -> Contrast:
    def pair(epoch: int, column: str, scale: float = 1.0) -> tuple[float, float]:
        values: dict[object, float] = at[epoch][column].to_dict()
        return scale * values[low], scale * values[high]

    question = design.question
    return Contrast(low, high, pair(0, reason), pair(AFTER, reason), pair(AFTER, question.endpoint, question.scale))


def sentence(found: Contrast, design: Design, low: str, high: str) -> str:
    """The contrast in words, its numbers as they are shown; `low` and `high` are what the two are called."""
    (first, later), right = (found.start, found.after), [design.number(value) for value in found.right]
    start = f"{_percent(first)} of {high}'s {first[1]:.2g}" if first[1] else f"{high} at {first[1]:.2g}"
    ratio = f" ({_percent(later)})" if later[1] else ""
    return (
        f"{low} starts at {first[0]:.2g}, {start}; after epoch {AFTER} they are at {later[0]:.2g} and {later[1]:.2g}"
        f"{ratio}, with {right[0]} and {right[1]} {design.endpoint}."
    )


def _percent(pair: tuple[float, float]) -> str:
    return f"{100 * pair[0] / pair[1]:.0f} %"

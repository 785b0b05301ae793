"""The choice of tuned values, repeated: how stable it is, and what it adds to the uncertainty of what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from octant.analysis.comparison.bootstrap import counts, draws
from octant.analysis.comparison.design import PairedRuns, charge
from octant.analysis.comparison.intervals import Array
from octant.analysis.comparison.runs import label_with, sortable, with_config
from octant.analysis.comparison.scope import units
from octant.analysis.question import Question
from octant.analysis.speed import horizon_of


@dataclass(frozen=True)
class Choice:
    """What 2,000 repeated choices, each on repeats drawn with replacement, do to each configuration.

    `stability` is the share of them that comes to the same values. The rest comes of half as many drawn repeats, whose
    choice is as unsteady as another sweep's, since this one's own luck is not known: `again` (draws x configurations),
    how far the mean endpoint then moves, diverged runs charged, and `added` (configurations x configurations), its mean
    square for the finished ones.
    """

    stability: Array
    again: Array
    added: Array

    def variance(self, weights: Array) -> Array:
        """What the choice adds to the variance of each contrast's mean (contrasts x configurations).

        The mean square distance and not the variance, as the reported mean is at one of the values. docs/intervals.md
        has what this covers.
        """
        return np.maximum(np.einsum("ck,kl,cl->c", weights, self.added, weights), 0.0)

    def of(self, columns: Sequence[int]) -> Choice:
        """Of some of the configurations, in this order."""
        return Choice(self.stability[columns], self.again[:, columns], self.added[np.ix_(columns, columns)])


def choice_of(grid: pd.DataFrame, question: Question, design: PairedRuns) -> Choice:
    """The choice made again and again; `design` is laid out from the runs of `grid` at the chosen values."""
    return choose_again(*_stacked(grid, question, design), question)


def choose_again(validation: Array, values: Array, charged: Array, question: Question) -> Choice:
    """The same from the metric that chooses, the endpoint, and the endpoint with diverged runs charged.

    All three are (repeats x configurations x tuned values); ties go to the first value.
    """
    n = len(validation)
    once, drawn = np.ones((1, n)), draws(n)
    chosen = _best(validation, once, question)
    same = _best(validation, counts(drawn, n), question) == chosen
    picked = _best(validation, counts(drawn[:, : (n + 1) // 2], n), question)
    every, charges = (_means(each, once)[0] for each in (values, charged))
    every = np.where(np.isfinite(every), every, charges)
    moved, again = (_at(each, picked) - _at(each, chosen) for each in (every, charges))
    return Choice(same.mean(axis=0), again, np.nan_to_num(moved.T @ moved / len(moved)))


def _stacked(grid: pd.DataFrame, question: Question, design: PairedRuns) -> tuple[Array, Array, Array]:
    """Validation metric (diverged runs charged), endpoint, and endpoint charged: (repeats x configurations x values).

    The values are in the order in which ties go to the first.
    """
    if (horizon := horizon_of(design.runs, question)) is not None:
        grid = grid.assign(**{question.endpoint: grid[question.endpoint].clip(upper=horizon)})
    runs = with_config(grid, question)
    names = units(runs, question)
    labels = [label_with(names, row) for row in runs[list(names)].itertuples(index=False, name=None)]
    places = np.array([sortable(runs[name].astype(object)) for name in question.tune], dtype=np.int64)
    columns = [charge(runs, question, question.validation)[1], *charge(runs, question, question.endpoint)]
    at = [_codes(labels, design.repeats), _codes(runs["config"], design.configs),
          np.unique(places, axis=1, return_inverse=True)[1].reshape(-1)]  # fmt: skip
    known = at[0] >= 0
    shape = len(design.repeats), len(design.configs), int(at[2].max()) + 1
    place = np.ravel_multi_index([each[known] for each in at], shape)
    found = []
    for column in columns:
        numbers = column.to_numpy()[known]
        there, total = np.isfinite(numbers), np.zeros((2, int(np.prod(shape))))
        np.add.at(total[0], place[there], numbers[there])
        np.add.at(total[1], place[there], 1.0)
        found.append(np.where(total[1] > 0, total[0] / np.maximum(total[1], 1.0), np.nan).reshape(shape))
    return found[0], found[1], found[2]


def _codes(values: Sequence[str] | pd.Series, known: Sequence[str]) -> NDArray[np.int64]:
    """The place of each value in `known`; -1 where it is not among them."""
    places = {each: at for at, each in enumerate(known)}
    return np.array([places.get(each, -1) for each in values], dtype=np.int64)


def _means(values: Array, counted: Array) -> Array:
    """Means over repeats drawn so often (draws x repeats): (draws x configurations x values); NaN without any."""
    flat = values.reshape(len(values), -1)
    total, number = counted @ np.nan_to_num(flat), counted @ np.isfinite(flat)
    means = np.where(number > 0, total / np.maximum(number, 1.0), np.nan)
    return np.asarray(means.reshape(len(counted), *values.shape[1:]))


def _best(validation: Array, counted: Array, question: Question) -> NDArray[np.int64]:
    """The place of the value that each configuration takes: (draws x configurations)."""
    unit = 1.0 if question.is_share else float(np.nanmax(np.abs(validation))) / 100 or 1.0
    # Rounded as in tuning.choose: ties must not go by the last bit.
    means = _means(validation, counted)
    none = np.isnan(means).all(axis=2, keepdims=True)  # no run of the configuration was drawn: as if all were
    means = np.where(none, _means(validation, np.ones((1, len(validation)))), means)
    gains = question.sign * (means / unit).round(9)
    return np.asarray(np.where(np.isnan(gains), -np.inf, gains).argmax(axis=2))


def _at(means: Array, places: NDArray[np.int64]) -> Array:
    """Of (configurations x values) what stands at each configuration's place (draws x configurations)."""
    return np.asarray(means[np.arange(len(means)), places])

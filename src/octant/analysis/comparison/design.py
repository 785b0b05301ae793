"""A sweep laid out for pairing: repeats down, configurations across; what it varies is in the question or an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from octant.analysis.comparison.intervals import ROUNDING, Array
from octant.analysis.comparison.repeated import Looks
from octant.analysis.comparison.runs import (
    check_runs,
    check_seen,
    check_unique,
    label_of,
    label_with,
    labels_of,
    sortable,
    with_config,
)
from octant.analysis.comparison.scope import overlap_of, units
from octant.analysis.comparison.settings import as_word, ordered
from octant.analysis.comparison.skewness import claim_level, pooled
from octant.analysis.question import Question
from octant.analysis.speed import restricted

_MOST_REASONS = 5


@dataclass(frozen=True)
class PairedRuns:
    """One run per configuration and repeat; both arrays are (repeats x configurations).

    Seeds that share a split are no independent repeats: their mean is one row (see `scope.units`).

    The configurations are in the order of their levels, `codes` (configurations x factors) says which level of
    `levels` each has. `values` is the endpoint after the last epoch, shares in percent, NaN where no run finished. A
    diverged run has no such value: its weights are not finite, and what it scored before is not the endpoint that was
    declared. So means and intervals are about the runs that finished (their coverage is tested; a mixture with a lump
    at 0 has none), every table counts and names what diverged, and `charged`, the same array with
    `Question.diverged_as` for each diverged run, keeps survivors from winning by attrition: configurations are ranked
    by it, and a difference counts as shown only where both readings agree in sign. `unit` is one percentage point,
    or a hundredth of the largest value where the endpoint is no share; `step` the least by which two runs can differ;
    `overlap` is above 0 where the repeats are folds (see `scope.overlap_of`).
    """

    question: Question
    runs: pd.DataFrame
    configs: list[str]
    levels: dict[str, list[object]]
    codes: NDArray[np.int64]
    repeats: list[str]
    values: Array
    charged: Array
    diverged: dict[str, list[str]]
    unit: float
    step: float
    notes: tuple[str, ...]
    overlap: float = 0.0

    @property
    def rounding(self) -> float | None:
        """Where differences are exact, the largest that may come of rounding."""
        return ROUNDING * self.unit if self.question.exact else None

    @property
    def looks(self) -> Looks:
        """How often a sweep of so many repeats has been looked at."""
        return Looks(self.question.looks, len(self.values))

    @property
    def level(self) -> float:
        """Of every interval by itself: 0.95, or what holds as much under repeated looks."""
        return 1 - self.looks.nominal()

    @cached_property
    def alpha(self) -> float:
        """The level of claims that rest on t tests."""
        return claim_level(self.values, self.unit)

    @cached_property
    def skewness(self) -> float:
        """What the repeats of all configurations show of it together."""
        return pooled(self.values, self.unit)

    def column(self, config: str) -> int:
        """Where a configuration stands in the arrays."""
        return self.configs.index(config)


def lay_out(frame: pd.DataFrame, question: Question, settings: Iterable[str] | None = None) -> PairedRuns:
    """Check the tidy frame (one row per run, shares as fractions) and lay it out; the order of its rows is lost.

    `settings` are the columns that may hold what the sweep varies, None guesses them. Raises InputError: no rows, a
    missing column, a setting that varies unseen, an unknown outcome, a finished run without an endpoint, two runs of
    one configuration and repeat, or test sets of several sizes.
    """
    check_runs(frame, question, question.endpoint)
    notes = check_seen(frame, question, settings)
    runs = with_config(restricted(frame, question), question)
    check_unique(runs, question)
    levels = {name: ordered(runs[name].drop_duplicates(), name) for name in question.compare}
    cells = runs.drop_duplicates("config").set_index("config")[list(question.compare)]
    places = {name: {as_word(level): at for at, level in enumerate(levels[name])} for name in levels}
    codes = np.array([[places[name][as_word(value)] for value in cells[name]] for name in levels], dtype=np.int64)
    codes = codes.reshape(len(levels), len(cells)).T
    order = np.lexsort(codes.T[::-1]) if levels else np.arange(len(cells))
    configs = [str(config) for config in cells.index[order]]
    repeats = _repeats(runs, question)
    values, charged = _arrays(runs, question, configs, repeats)
    unit = 1.0 if question.is_share else float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) / 100 or 1.0
    lost = _diverged(runs, question)
    if gone := charged.size - len(runs):
        notes.append(f"{gone} of {charged.size} runs are lacking: each comparison uses the {question.noun}s that all "
                     "its configurations have")  # fmt: skip
    labels, values, charged = _independent(runs, question, repeats, values, charged)
    return PairedRuns(
        question,
        runs,
        configs,
        levels,
        codes[order],
        labels,
        values,
        charged,
        lost,
        unit,
        _step(runs, values, question, unit),
        tuple(notes),
        overlap_of(runs, question),
    )


def left_out(design: PairedRuns, columns: Sequence[int]) -> str:
    """Which repeats a paired comparison of some configurations cannot use, and why; empty when it uses them all."""
    if np.isfinite(design.values[:, columns]).all():
        return ""
    there = np.isfinite(design.charged[:, columns])
    any_run, reasons = there.any(axis=1), []
    for at, column in enumerate(columns):
        config = design.configs[column]
        reasons += [f"{config} diverged with {name}" for name in design.diverged.get(config, [])]
        lacking = np.flatnonzero(any_run & ~there[:, at])
        reasons += [f"{config} has no run with {design.repeats[row]}" for row in lacking]
    more = f"; and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
    return "left out: " + "; ".join(reasons[:_MOST_REASONS]) + more if reasons else ""


def _repeats(runs: pd.DataFrame, question: Question) -> dict[str, tuple[object, ...]]:
    """The values of the repeats, in order, by their label: `seed 3`, or `fold 1, seed 3`."""
    if not question.repeat:
        return {"the one run": ()}
    rows = runs[list(question.repeat)].drop_duplicates()
    rows = rows.sort_values(list(question.repeat), key=sortable)
    return {label_of(values, question): values for values in rows.itertuples(index=False, name=None)}


def charge(runs: pd.DataFrame, question: Question, metric: str) -> tuple[pd.Series[float], pd.Series[float]]:
    """A metric in the tables' unit, NaN for diverged runs; and the same with what those are charged."""
    finished = runs["outcome"] == "finished"
    values = question.scale * pd.to_numeric(runs[metric], errors="coerce").astype(float).where(finished)
    worst = 0.0 if question.diverged_as == "zero" else values.min() if question.goal == "max" else values.max()
    return values, values.where(finished, worst)


def _arrays(
    runs: pd.DataFrame, question: Question, configs: Sequence[str], repeats: Iterable[str]
) -> tuple[Array, Array]:
    rows = {label: at for at, label in enumerate(repeats)}
    columns = {config: at for at, config in enumerate(configs)}
    down = [rows[label] for label in labels_of(runs, question)]
    across = runs["config"].map(columns).to_numpy()
    values, charged = (np.full((len(rows), len(columns)), np.nan) for _ in range(2))
    for array, column in zip((values, charged), charge(runs, question, question.endpoint), strict=True):
        array[down, across] = column.to_numpy()
    return values, charged


def _step(runs: pd.DataFrame, values: Array, question: Question, unit: float) -> float:
    """One epoch, or test example, where their number is known; else the smallest difference that there is."""
    if question.unit == "epochs":
        return 1.0
    if question.is_share and not question.of_curve and "n_test" in runs and runs["n_test"].min() > 0:
        return float(question.scale / runs["n_test"].min())
    gaps = np.diff(np.unique(values[np.isfinite(values)]))
    gaps = gaps[gaps > ROUNDING * question.scale * unit]
    return float(gaps.min()) if len(gaps) else 0.0


def _independent(
    runs: pd.DataFrame, question: Question, repeats: Mapping[str, tuple[object, ...]], values: Array, charged: Array
) -> tuple[list[str], Array, Array]:
    """Labels and both arrays with a row for each independent repeat: seeds that share a split by their mean."""
    unit = units(runs, question)
    if unit == question.repeat:
        return list(repeats), values, charged
    rows = pd.DataFrame(list(repeats.values()), columns=list(question.repeat))[list(unit)]
    labels = [label_with(unit, row) for row in rows.itertuples(index=False, name=None)]
    values, charged = (pd.DataFrame(each).groupby(labels, sort=False).mean().to_numpy() for each in (values, charged))
    return list(dict.fromkeys(labels)), values, charged


def _diverged(runs: pd.DataFrame, question: Question) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    lost = runs[runs["outcome"] == "diverged"]
    epochs = lost["diverged_epoch"] if "diverged_epoch" in lost else pd.Series(np.nan, index=lost.index)
    for config, label, epoch in zip(lost["config"], labels_of(lost, question), epochs, strict=True):
        names.setdefault(str(config), []).append(label + ("" if pd.isna(epoch) else f" at epoch {epoch:.0f}"))
    return names

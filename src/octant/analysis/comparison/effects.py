"""Main effects and interactions of the factors, paired by repeat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from octant.analysis.comparison.contrasts import Cells, Effect, every_effect
from octant.analysis.comparison.design import PairedRuns, left_out
from octant.analysis.comparison.intervals import (
    ALPHA,
    ROUNDING,
    Array,
    Student,
    alike,
    holm,
    shown,
    sign_flip_p,
    student,
)
from octant.analysis.comparison.sources import ALONE, Sources, widened

_WORDS = ("effect", "order", "plus", "minus")
_NUMBERS = ("n", "estimate", "sd", "low", "high", "p", "p_holm")


def factorial_effects(design: PairedRuns, sources: Sources = ALONE) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """One row a contrast (see `contrasts`), interactions first, and a line on whatever cannot be estimated.

    `estimate` is the mean over the repeats with a finished run in every cell that the effect needs, in percentage
    points for shares; `low` and `high` bound its 95 % interval, `p` is the sign-flip test's, `p_holm` adjusted over
    the table. In a regression on codes of +1 and -1 the coefficients are half of these. `log_odds` and `log_odds_p`,
    for shares, are the estimate and its adjusted p on that scale (see `log_odds`). `sources` widen the intervals, and
    raise p to that of t; over examples, and of folds, it is that of t.
    """
    found = every_effect(_cells(design, design.values, 1))
    every = _enough_repeats(design, found.rows)
    complete = _complete(design.values, _stacked(every, design))
    rows = [row for row, repeats in zip(every, complete, strict=True) if any(repeats)]
    none = [row for row, repeats in zip(every, complete, strict=True) if not any(repeats)]
    complete = complete[np.flatnonzero(complete.sum(axis=1))]
    weights = _stacked(rows, design)
    numbers, errors = _numbers(design, weights, complete, sources)
    numbers["n"] = complete.sum(axis=1)
    as_charged = f"estimate_diverged_as_{design.question.diverged_as}"
    numbers[as_charged] = _charged(design, rows, weights)
    adjusted = numbers["p_holm"] = holm(numbers["p"])
    table = pd.DataFrame(
        {
            "effect": [" x ".join(row.factors) for row in rows],
            "order": [len(row.factors) for row in rows],
            "plus": [", ".join(row.plus) for row in rows],
            "minus": [", ".join(row.minus) for row in rows],
            **{name: numbers[name] for name in (*_NUMBERS, as_charged)},
            "shown": shown(numbers["estimate"], numbers["low"], numbers["high"], adjusted, numbers[as_charged],
                           design.rounding, level_of_effects(design, sources)),
            **_on_log_odds(design, weights, complete, sources),
            **errors,
        }
    )  # fmt: skip
    few = [_few(n, len(rows), design) for n in table["n"]]
    few = [""] * len(rows) if sources.examples else few
    return table.assign(note=_notes(design, rows, weights, few)), (*found.notes, *_never(design, none))


def level_of_effects(design: PairedRuns, sources: Sources) -> float:
    """The level of claims about effects: less of skewed repeats where p is that of t and not of flipped signs."""
    return design.alpha if design.overlap or sources.examples else ALPHA


def _log_odds(percent: Array, step: float) -> Array:
    """ln(right / wrong), half a step (the least by which two runs can differ) added to both, so that 100 % is finite.

    Near 100 % points shrink whatever the cause; here halving few errors counts as much as halving many (Agresti,
    Categorical Data Analysis, 3rd ed. 2013, section 5.1; the half: Haldane, Annals of Human Genetics 20, 1956, 309).
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log((percent + step / 2) / (100 - percent + step / 2)))


def _on_log_odds(design: PairedRuns, weights: Array, complete: NDArray[np.bool_], sources: Sources) -> dict[str, Array]:
    if not design.question.is_share:
        return {}
    values = _log_odds(design.values, design.step)
    if np.isinf(values).any():
        return {"log_odds": np.full(len(weights), np.nan), "log_odds_p": np.full(len(weights), np.nan)}
    # The sources move percentages: so far as those move log-odds at each configuration's mean (the delta method).
    mean = np.nansum(design.values, axis=0) / np.maximum(np.isfinite(design.values).sum(axis=0), 1) + design.step / 2
    slopes = 1 / np.maximum(mean, ROUNDING) + 1 / np.maximum(100 + design.step - mean, ROUNDING)
    numbers, _ = _numbers(replace(design, values=values, step=0.0), weights, complete, sources, slopes)
    return {"log_odds": numbers["estimate"], "log_odds_p": holm(numbers["p"])}


def per_repeat(values: Array, weights: Array) -> Array:
    """Each contrast of each repeat (contrasts x repeats) from cells (repeats x cells).

    Added up cell by cell, so that the sums are the same to the last bit with every BLAS.
    """
    total = np.zeros((len(weights), len(values)))
    for cell in range(weights.shape[1]):
        total += weights[:, cell : cell + 1] * values[:, cell]
    return total


def _stacked(rows: Iterable[Effect], design: PairedRuns) -> Array:
    return np.array([row.weights for row in rows], dtype=np.float64).reshape(-1, len(design.configs))


def _cells(design: PairedRuns, values: Array, repeats: int) -> Cells:
    """The design's cells, of which those are there that have at least so many repeats."""
    return Cells(design.levels, design.codes, np.asarray(np.isfinite(values).sum(axis=0) >= repeats))


def _enough_repeats(design: PairedRuns, rows: list[Effect]) -> list[Effect]:
    """The contrasts; one that less than half of the repeats could answer, over the combinations that finished always.

    In a large design a few runs that are lacking, each in another repeat, would leave no repeat complete.
    """
    repeats = len(design.values)
    few = _complete(design.values, _stacked(rows, design)).sum(axis=1) < repeats / 2
    if not any(few):
        return rows
    always = {row.name: row for row in every_effect(_cells(design, design.values, repeats)).rows}
    return [always.get(row.name, row) if lacking else row for row, lacking in zip(rows, few, strict=True)]


def _complete(values: Array, weights: Array) -> NDArray[np.bool_]:
    """Which repeats (contrasts x repeats) have all the cells that each contrast needs."""
    return np.asarray(((weights != 0).astype(float) @ np.isnan(values).T.astype(float)) == 0)


def _numbers(
    design: PairedRuns, weights: Array, complete: NDArray[np.bool_], sources: Sources, slopes: Array | float = 1.0
) -> tuple[dict[str, Array], dict[str, Array]]:
    names = ("estimate", "sd", "low", "high", "p")
    numbers: dict[str, Array] = {name: np.full(len(weights), np.nan) for name in names}
    for rows, repeats in alike(complete):
        each = per_repeat(np.nan_to_num(design.values[repeats]), weights[rows])
        t = student(each, design.unit, design.step, design.level, design.overlap)
        p = t.p if design.overlap else sign_flip_p(each, design.unit)  # flipping supposes independent repeats
        for name, part in zip(names, (t.mean, t.sd, t.low, t.high, p), strict=True):
            numbers[name][rows] = part
    wide = widened(Student(*numbers.values()), complete, weights * slopes, sources, design.level)
    t, p = wide.t, design.looks.adjusted(wide.t.p)
    return dict(zip(names, (t.mean, t.sd, t.low, t.high, p), strict=True)), wide.errors


def _charged(design: PairedRuns, rows: list[Effect], weights: Array) -> Array:
    """The estimates with diverged runs charged, over the cells that have any run at all."""
    if design.diverged:
        every = {row.name: row for row in every_effect(_cells(design, design.charged, 1)).rows}
        weights = _stacked([every.get(row.name, row) for row in rows], design)
    complete, estimate = _complete(design.charged, weights), np.full(len(weights), np.nan)
    for at, repeats in alike(complete):
        estimate[at] = student(per_repeat(np.nan_to_num(design.charged[repeats]), weights[at])).mean
    return estimate


def _notes(design: PairedRuns, rows: list[Effect], weights: Array, few: Iterable[str]) -> list[str]:
    gone: dict[bytes, str] = {}
    notes = []
    for row, needs, lacking in zip(rows, weights != 0, few, strict=True):
        if needs.tobytes() not in gone:
            gone[needs.tobytes()] = left_out(design, np.flatnonzero(needs).tolist())
        part = f"over {row.used} of {row.possible} combinations of the other factors" if row.used < row.possible else ""
        notes.append("; ".join(each for each in (lacking, part, gone[needs.tobytes()]) if each))
    return notes


def _few(n: int, family: int, design: PairedRuns) -> str:
    if design.question.exact:
        return ""
    noun = design.question.noun
    smallest = min(1.0, family * float(design.looks.adjusted(np.array([2.0 ** (1 - n)]))[0]))
    if n == 1:
        return f"one {noun}: no interval"
    few = f"with {n} {noun}s no adjusted p can be below {smallest:.3g}: too few to show an effect"
    return few if smallest >= ALPHA and not design.overlap else ""


def _never(design: PairedRuns, rows: list[Effect]) -> list[str]:
    """One line on the effects for which no repeat has all the cells."""
    if not rows:
        return []
    needs = np.flatnonzero((_stacked(rows, design) != 0).any(axis=0)).tolist()
    names = ", ".join(dict.fromkeys(" x ".join(row.factors) for row in rows))
    return [f"Effects: no {design.question.noun} finished in all the configurations that {names} need; "
            f"{left_out(design, needs)}"]  # fmt: skip

"""The figures that every report has, of a sweep or of any table."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from octant.analysis import figures
from octant.analysis.comparison import Comparison
from octant.analysis.comparison.settings import is_number
from octant.analysis.figures import Design, Drawing
from octant.analysis.report.findings import RATE


def tuning_stems(comparison: Comparison) -> dict[str, str]:
    """The figures of the tuned settings that have an axis, as they are numbers: stem and setting."""
    numbers = [
        name for name in comparison.question.tune if name in comparison.rates and is_number(comparison.rates[name])
    ]
    # The name of a setting may have a slash in it.
    return {"learning_rates" if name == RATE else "tuned_" + re.sub(r"[^\w.-]", "_", name): name for name in numbers}


def drawings(
    comparison: Comparison, design: Design, curves: pd.DataFrame, title: str, shared: float | None = None
) -> Iterator[tuple[str, Drawing]]:
    """Stem and drawing, one at a time; `curves` has none where there are none to draw, `shared` is marked among the
    learning rates.
    """
    summary, ranking = comparison.summary, list(comparison.summary["config"])
    if design.factors:
        yield "interaction", figures.interaction_figure(summary, comparison.runs, design)
    for stem, setting in tuning_stems(comparison).items():
        grid, rate = comparison.tuning(setting), shared if setting == RATE else None
        yield stem, figures.tuning_figure(grid, comparison.chosen, setting, design, rate)
    if len(curves):
        yield "accuracy", figures.curves_figure(curves, ranking, design.at_the_end, title)
        yield "curves", figures.panels_figure(curves, ranking, design.at_the_end)
    yield "ranking", figures.ranking_figure(summary, comparison.runs, design)
    if len(comparison.ranks):
        yield "ranks", figures.ranks_figure(comparison.ranks, design)
    if len(comparison.effects):
        yield "effects", figures.effects_figure(comparison.effects, design)

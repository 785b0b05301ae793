"""The interaction plot: what each factor does at each level of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from octant.analysis.figures.canvas import (
    COLUMNS,
    FAINT,
    INK,
    WIDTH,
    Drawing,
    canvas,
    fitted,
    in_house_style,
    left_to_the_table,
    legend_below,
    panels,
    plain,
    width_of,
)
from octant.analysis.figures.design import ENOUGH, Design
from octant.analysis.figures.labels import is_geometric, number_axis
from octant.analysis.palette import Dash, is_numeric

MOST_LEVELS, _MOST_LINES, _MOST_PANELS, _MOST_SAID = 24, 12, 12, 8


@dataclass(frozen=True)
class _Layout:
    """Which factor goes along x, which makes lines ("" for none), of which `drawn` levels are drawn, and which make
    panels; `marks` places x's levels.
    """

    x: str
    lines: str
    drawn: tuple[str, ...]
    panels: tuple[str, ...]
    marks: Mapping[str, float]
    numeric: bool


@in_house_style
def interaction_figure(summary: pd.DataFrame, runs: pd.DataFrame, design: Design) -> Drawing:
    """Means of the endpoint with 95 % intervals: one factor's levels on x, joined lines for a second, panels for the
    rest. Below five repeats each repeat is a point, and there is no interval.

    `summary` has a row per configuration (config, n, mean, low, high), `runs` a row per run (config, outcome, the
    endpoint).
    """
    layout = _layout(summary, design)
    every = design.combinations(layout.panels, summary["config"])  # cells with runs
    cells = [dict(zip(layout.panels, cell, strict=True)) for cell in every[:_MOST_PANELS]]
    figure, grid = _grid(len(cells))
    for axes, cell in zip(grid, cells, strict=True):
        _panel(plain(axes), summary, runs, cell, layout, design)
        axes.set_title(fitted(", ".join(f"{name} = {level}" for name, level in cell.items()),
                              WIDTH / min(len(cells), 4) - 0.4, 9, 2), fontsize=9)  # fmt: skip
    low, high = grid[0].get_ylim()
    if design.question.is_share:
        grid[0].set_ylim(max(low, 0.0), min(high, 100 + 0.02 * (100 - max(low, 0.0))))
    figure.supylabel(design.axis, fontsize=9.5)
    _key(figure, summary, layout, design, len(every) - len(cells))
    return Drawing(figure, _described(summary, layout, design))


def _layout(summary: pd.DataFrame, design: Design) -> _Layout:
    """The second factor goes along x, so that lines keep the first one's colours; but numbers, or a first factor of
    more levels than can be told apart, belong on an axis.
    """
    names = list(design.factors)
    numbers = [name for name in names if len(design.factors[name]) > 2 and is_numeric(design.factors[name])]
    crowded = [name for name in names[:1] if len(design.factors[name]) > 8]
    x = (numbers or crowded or names[1:2] or names)[0]
    lines, *others = [*(name for name in names if name != x), ""]
    numeric, rest = x in numbers, tuple(name for name in others if name)
    count = len(design.combinations(rest, summary["config"]))
    levels = design.factors[x] if numeric else _best(summary, x, MOST_LEVELS // min(count, COLUMNS), design)
    marks = {level: float(level) if numeric else float(i) for i, level in enumerate(levels)}
    drawn = _best(summary, lines, _MOST_LINES // (1 + (count > COLUMNS)), design) if lines else ()
    return _Layout(x, lines, drawn, rest, marks, numeric)


def _best(summary: pd.DataFrame, factor: str, most: int, design: Design) -> tuple[str, ...]:
    """The levels that the best configurations have, in their own order."""
    found = list(dict.fromkeys(design.cells[config][factor] for config in summary["config"]))[:most]
    return tuple(level for level in design.factors[factor] if level in found)


def _grid(count: int) -> tuple[Figure, Sequence[Axes]]:
    if count > 1:
        return panels(count, 2.5 + 0.5 * (count <= 4), sharey=True)
    figure = canvas(3.8)
    return figure, [figure.subplots()]


def _panel(axes: Axes, summary: pd.DataFrame, runs: pd.DataFrame, cell: Mapping[str, str], layout: _Layout,
           design: Design) -> None:  # fmt: skip
    levels = layout.drawn or ("",)
    for i, level in enumerate(levels):
        own = [config for config in summary["config"] if _is_at(design.cells[config], cell, layout, level)]
        line = summary.set_index("config").loc[own]
        at = pd.Series([layout.marks[design.cells[config][layout.x]] for config in own], own, dtype=float).sort_values()
        line, at = line.loc[at.index], _aside(at, i - (len(levels) - 1) / 2, layout)
        if len(line) and (layout.lines or layout.numeric):
            hue, dash = _line(layout, design, level)
            axes.plot(at, line["mean"], linewidth=1.5, zorder=2, color=hue, linestyle=dash)
        for config in line.index:
            colour = _colour(config, layout, design)
            _point(axes, float(at[config]), line.loc[config], runs[runs["config"] == config], colour, design)
    _ticks(axes, layout)


def _aside(at: pd.Series[float], steps: float, layout: _Layout) -> pd.Series[float]:
    """Each line's points a little aside, so that intervals do not hide one another."""
    marks = sorted(layout.marks.values())
    if not layout.numeric:
        return at + 0.07 * steps
    share = 0.012 * steps
    return at * (marks[-1] / marks[0]) ** share if is_geometric(marks) else at + share * (marks[-1] - marks[0])


def _is_at(levels: Mapping[str, str], cell: Mapping[str, str], layout: _Layout, level: str) -> bool:
    return (
        levels[layout.x] in layout.marks
        and all(levels[name] == value for name, value in cell.items())
        and (not layout.lines or levels[layout.lines] == level)
    )


def _line(layout: _Layout, design: Design, level: str) -> tuple[str, Dash]:
    """A line has the colour of its level where lines are the first factor, and the dash where they are the second."""
    names = list(design.factors)
    if not layout.lines:
        return FAINT, "-"
    if layout.lines == names[0]:
        return design.styles.hue(level), "-"
    row = {name: each[0] for name, each in design.factors.items()} | {layout.lines: level}
    return INK, design.styles.of(row).dash


def _colour(config: str, layout: _Layout, design: Design) -> str:
    """The first factor's level, wherever that factor is, so that nothing needs a second key."""
    first = next(iter(design.factors))
    return design.styles.hue(design.cells[config][first]) if first in (layout.x, layout.lines) else INK


def _point(axes: Axes, at: float, row: pd.Series, runs: pd.DataFrame, colour: str, design: Design) -> None:
    if row["n"] >= ENOUGH:
        low, high = design.within(np.array(row["low"]), np.array(row["high"]))
        axes.plot([at, at], [low, high], color=colour, linewidth=2.2, solid_capstyle="butt", zorder=3)
        axes.plot(at, row["mean"], "o", color=colour, markeredgecolor="white", markersize=7.5, zorder=4)
        return
    finished = design.question.scale * runs.loc[runs["outcome"] == "finished", design.question.endpoint]
    axes.plot([at] * len(finished), finished, "o", color=colour, markerfacecolor="none", markersize=4.5, zorder=3)
    axes.plot(at, row["mean"], "_", color=colour, markersize=13, markeredgewidth=2.2, zorder=4)
    if not row["n"]:
        axes.plot(at, 0.02, "x", color=colour, transform=axes.get_xaxis_transform(), markersize=7, zorder=4)


def _ticks(axes: Axes, layout: _Layout) -> None:
    if layout.numeric:
        number_axis(axes, list(layout.marks.values()))
    else:
        room = axes.get_subplotspec().get_gridspec().ncols  # type: ignore[union-attr]
        size, each = 8.5, (WIDTH - 0.8 - 0.25 * room) / room / len(layout.marks)
        upright = max(width_of(fitted(level, 1.4, size), size) for level in layout.marks) > each - 0.05
        texts = [fitted(level, 1.6 if upright else each, size) for level in layout.marks]
        axes.set_xticks(list(layout.marks.values()), texts, fontsize=size)
        for label in axes.get_xticklabels() if upright else ():
            label.set(rotation=60, ha="right", rotation_mode="anchor")
        axes.set_xlim(-0.5, len(layout.marks) - 0.5)
    axes.set_xlabel(fitted(layout.x, 2.5, 9))


def _key(figure: Figure, summary: pd.DataFrame, layout: _Layout, design: Design, without_panel: int) -> None:
    looks = [_line(layout, design, level) for level in layout.drawn]
    handles = [Line2D([], [], linewidth=2, color=colour, linestyle=dash) for colour, dash in looks]
    labels = [f"{layout.lines} = {level}" for level in layout.drawn]
    few = summary["n"].min() < ENOUGH and not design.question.exact
    what = ["bars: 95 % intervals"] * bool(summary["n"].max() >= ENOUGH)
    what += ["rings: single runs, dashes: their mean (fewer than 5: no interval)"] * bool(few)
    rest = left_to_the_table(len(layout.marks), len(design.factors[layout.x]), f"levels of {layout.x}")
    if layout.lines:
        rest += left_to_the_table(len(layout.drawn), len(design.factors[layout.lines]), f"levels of {layout.lines}")
    rest += " " * bool(rest) + f"{without_panel} more panels are left to configurations.csv." if without_panel else ""
    title = "; ".join(what) + (f". {rest}" if rest else "")
    if (summary["n"] == 0).any():
        handles.append(Line2D([], [], color=INK, marker="x", linestyle=""))
        labels.append("no run finished")
    legend_below(figure, handles or [Line2D([], [], linestyle="")], labels or [" "], title)


def _described(summary: pd.DataFrame, layout: _Layout, design: Design) -> str:
    others = [name for name in design.factors if name != layout.x]
    lines: dict[tuple[str, ...], dict[str, float]] = {}
    for config, mean in zip(summary["config"], summary["mean"], strict=True):
        cell = design.cells[config]
        lines.setdefault(tuple(cell[name] for name in others), {})[cell[layout.x]] = mean
    parts = []
    for levels in design.combinations(others, summary["config"])[:_MOST_SAID]:
        means = [(level, lines[levels].get(level, float("nan"))) for level in layout.marks]
        there = [f"{level} {design.number(mean)}" for level, mean in means if mean == mean]
        where = ", ".join(f"{name} {level}" for name, level in zip(others, levels, strict=True))
        parts += [f"{where + ': ' if where else ''}{', '.join(there[:_MOST_SAID])}"] if there else []
    more = f"; and {len(lines) - _MOST_SAID} more lines" if len(lines) > _MOST_SAID else ""
    return f"Interaction plot: mean {design.question.words} for each {layout.x}. {'; '.join(parts)}{more}."

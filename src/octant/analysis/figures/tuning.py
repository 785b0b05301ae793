"""The endpoint against a tuned number, such as the learning rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from octant.analysis.figures.canvas import INK, Drawing, canvas, in_house_style, left_to_the_table, legend_below, plain
from octant.analysis.figures.design import ENOUGH, Design
from octant.analysis.figures.labels import number_axis

MOST_CURVES = 12
_STAR = 0.16  # inches


@in_house_style
def tuning_figure(
    grid: pd.DataFrame, chosen: pd.DataFrame, setting: str, design: Design, shared: float | None = None
) -> Drawing:
    """Each configuration's endpoint against `setting`, near the best and over the whole range; chosen values have a
    star, and `shared`, the value that all are compared at, a line.

    `grid` has a row per configuration and value: config, `setting`, n, mean, low, high, diverged; `chosen` a row per
    configuration: config, `setting`. Configurations beyond the twelve best at their chosen values are left out.
    """
    best = grid.merge(chosen[["config", setting]]).dropna(subset=["mean"])
    best = best.sort_values(["mean", "config"], ascending=[design.question.goal == "min", True])
    every = grid["config"].nunique()
    shown = [*best["config"], *sorted(set(grid["config"]) - set(best["config"]))][:MOST_CURVES]
    grid, best = grid[grid["config"].isin(shown)], best[best["config"].isin(shown)]
    figure = canvas(7.2)
    top, whole = figure.subplots(2, 1, height_ratios=[5, 3])
    for axes in (top, whole):
        _lines(plain(axes), grid, setting, design, shared)
        number_axis(axes, [float(value) for value in grid[setting]])
        axes.set_xlabel(setting.replace("_", " "))
    _near_the_best(top, best, design)
    _stars(top, best, setting, design)
    top.set_title(f"{design.axis}: near the best", fontsize=10)
    whole.set_title("the same, whole range", fontsize=10)
    if design.question.is_share:
        whole.set_ylim(0, 101)
    handles, labels = top.get_legend_handles_labels()
    marks = {f"chosen on {design.question.in_words(design.question.validation)}": ("*", 12)}
    marks |= {"some runs diverged": ("x", 7)} if grid["diverged"].sum() else {}
    handles += [
        Line2D([], [], color=INK, marker=shape, linestyle="", markersize=size) for shape, size in marks.values()
    ]
    few = grid["n"].max() < ENOUGH
    title = "means of fewer than 5 runs: no intervals" if few else "means, band: 95 % interval"
    title += "; stars that would hide one another stand side by side"
    rest = left_to_the_table(len(shown), every, "configurations, the best ones")
    legend_below(figure, handles, [*labels, *marks], f"{title}. {rest}" if rest else title)
    return Drawing(figure, _described(best, every, setting, design))


def _lines(axes: Axes, grid: pd.DataFrame, setting: str, design: Design, shared: float | None) -> None:
    if shared is not None:
        name = f"shared {setting.replace('_', ' ')}, {shared:g}"
        axes.axvline(shared, color=INK, linewidth=1, linestyle=(0, (4, 3)), label=name)
    for config, line in grid.sort_values(setting).groupby("config", sort=True):
        look, at = design.style(str(config)), line[setting]
        axes.plot(at, line["mean"], color=look.colour, linestyle=look.dash, marker=look.marker, markersize=3.5,
                  linewidth=1.6, label=design.label(str(config)))  # fmt: skip
        if line["n"].max() >= ENOUGH:
            low, high = design.within(line["low"], line["high"])
            axes.fill_between(at, low, high, color=look.colour, alpha=0.15, linewidth=0)
        lost = line[line["diverged"] > 0]
        zero = 0.0 if design.question.is_share else np.nan
        axes.plot(lost[setting], lost["mean"].fillna(zero), "x", color=look.colour, markersize=7)


def _near_the_best(axes: Axes, best: pd.DataFrame, design: Design) -> None:
    """Limits about the means at the chosen values, with more room on the worse side."""
    if best.empty:
        return
    low, high = float(best["mean"].min()), float(best["mean"].max())
    span = max(high - low, 1.0) if design.question.is_share else (high - low) or abs(high) * 0.1 or 1.0
    above, below = (0.5, 1.5) if design.question.goal == "max" else (1.5, 0.5)
    if design.question.is_share:
        axes.set_ylim(max(0.0, low - below * span - 2), min(100.3, high + above * span))
    else:
        axes.set_ylim(low - below * span, high + above * span)


def _stars(axes: Axes, best: pd.DataFrame, setting: str, design: Design) -> None:
    """A star for each configuration; those that would hide one another stand side by side, in the ranking's order."""
    for (x, y, config), step in zip(
        best[[setting, "mean", "config"]].itertuples(index=False), _side_steps(axes, best, setting), strict=True
    ):
        axes.annotate(
            "★", (x, y), (72 * _STAR * step, 0), textcoords="offset points", fontsize=15, ha="center", va="center",
            color=design.style(str(config)).colour, zorder=5, annotation_clip=False,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )  # fmt: skip


def _side_steps(axes: Axes, best: pd.DataFrame, setting: str) -> list[float]:
    """How many stars' widths each star is moved sideways: 0 by itself, -1/2 and 1/2 for two that would overlap."""
    low, high = axes.get_ylim()
    tall = _STAR / 3.3 * (high - low)  # the upper axes are about 3.3 inches high
    clusters: dict[tuple[float, int], list[int]] = {}
    for i in np.argsort(best["mean"].to_numpy(), kind="stable"):
        x, y = float(best[setting].iloc[i]), float(best["mean"].iloc[i])
        near = [key for key in clusters if key[0] == x and y - best["mean"].iloc[clusters[key][-1]] < tall]
        clusters.setdefault(near[0] if near else (x, len(clusters)), []).append(int(i))
    steps = [0.0] * len(best)
    for members in clusters.values():
        for place, i in enumerate(sorted(members)):
            steps[i] = place - (len(members) - 1) / 2
    return steps


def _described(best: pd.DataFrame, count: int, setting: str, design: Design) -> str:
    parts = [
        f"{row['config']} at {row[setting]:g} with {design.number(row['mean'])}" for _, row in best.head(8).iterrows()
    ]
    more = f"; {count - len(parts)} more" if count > len(parts) else ""
    chosen_text = "; ".join(parts) or "no configuration has a run that finished"
    return f"Mean {design.question.words} against {setting.replace('_', ' ')}. Chosen, best first: {chosen_text}{more}."

"""What the comparison says: effects, ranking, and accuracy against learning rate."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from octant.analysis.figures.canvas import LEFT_OUT, canvas, defaults, legend_below, plain
from octant.analysis.palette import colour, line_style

INK = "#222222"


@defaults()
def effects_figure(effects: pd.DataFrame) -> Figure:
    """Forest plot: each effect with its 95 % interval, filled where the effect is shown, hollow where it is not."""
    figure = canvas(0.6 + 0.36 * len(effects))
    axes = plain(figure.subplots())
    axes.axvline(0, color=INK, linewidth=1)
    for y, (_, row) in enumerate(effects.iterrows()):
        paint, fill = (INK, INK) if row["shown"] else (LEFT_OUT, "white")
        axes.plot([row["low"], row["high"]], [y, y], color=paint, linewidth=2.2, solid_capstyle="butt")
        axes.plot(row["estimate"], y, "o", color=paint, markerfacecolor=fill, markeredgewidth=1.6, markersize=7)
    mains = effects["plus"] + " less " + effects["minus"]
    axes.set_yticks(range(len(effects)), effects["effect"].where(effects["order"] > 1, mains))
    axes.invert_yaxis()
    axes.margins(y=0.1)
    axes.set_xlabel("effect on test accuracy, percentage points")
    return figure


@defaults()
def ranking_figure(summary: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Each configuration's seeds (faint), mean and 95 % interval, in the ranking's order."""
    figure = canvas(0.7 + 0.36 * len(summary))
    axes = plain(figure.subplots())
    finished = runs[runs["outcome"] == "finished"]
    for y, (_, row) in enumerate(summary.iterrows()):
        seeds = 100 * finished.loc[finished["config"] == row["config"], "test_accuracy"]
        axes.plot(seeds, [y] * len(seeds), "|", color=colour(row["config"]), alpha=0.6, markersize=9)
        axes.plot([row["low"], row["high"]], [y, y], color=colour(row["config"]), linewidth=3, alpha=0.9)
        axes.plot(row["mean"], y, "o", color=colour(row["config"]), markeredgecolor="white", markersize=8)
    axes.set_yticks(range(len(summary)), summary["config"])
    axes.invert_yaxis()
    axes.set_xlabel("test accuracy, %")
    return figure


@defaults()
def rates_figure(rates: pd.DataFrame, chosen: pd.DataFrame, shared_rate: float | None) -> Figure:
    """Accuracy against learning rate, near the top and over the whole range; chosen rates and shared one marked."""
    figure = canvas(7.2)
    top, whole = figure.subplots(2, 1, sharex=True, height_ratios=[5, 3])
    best = rates.merge(chosen[["config", "learning_rate"]])
    for axes in (top, whole):
        _rates(rates, best, plain(axes), shared_rate)
    if best["mean"].notna().any():
        span = max(best["mean"].max() - best["mean"].min(), 1.0)
        top.set_ylim(max(0.0, best["mean"].min() - 1.5 * span - 2), min(100.3, best["mean"].max() + 0.5 * span))
    top.set_title("test accuracy, %: near the top", fontsize=10)
    whole.set_title("the same, whole range", fontsize=10)
    whole.set_ylim(0, 101)
    whole.set_xlabel("learning rate")
    whole.xaxis.set_major_formatter("{x:g}")
    handles, labels = top.get_legend_handles_labels()
    marks = [
        ("*", 12, "chosen on the validation set"),
        *([("x", 7, "some runs diverged")] * bool(rates.diverged.sum())),
    ]
    handles += [Line2D([], [], color=INK, marker=shape, linestyle="", markersize=size) for shape, size, _ in marks]
    legend_below(figure, handles, labels + [words for _, _, words in marks], "mean over seeds, band: 95 % interval")
    return figure


def _rates(rates: pd.DataFrame, best: pd.DataFrame, axes: Axes, shared_rate: float | None) -> None:
    axes.set_xscale("log")
    if shared_rate is not None:
        axes.axvline(shared_rate, color=INK, linewidth=1, linestyle=(0, (4, 3)), label=f"shared rate {shared_rate:g}")
    for name, line in rates.groupby("config", sort=True):
        label, at = str(name), line["learning_rate"]
        axes.plot(at, line["mean"], color=colour(label), linestyle=line_style(label), linewidth=1.6, label=label)
        axes.fill_between(at, line["low"], line["high"], color=colour(label), alpha=0.15, linewidth=0)
        lost = line[line["diverged"] > 0]
        axes.plot(lost["learning_rate"], lost["mean"].fillna(0), "x", color=colour(label), markersize=7)
    for _, row in best.iterrows():
        axes.plot(row["learning_rate"], row["mean"], "*", color=colour(row["config"]), markersize=15,
                  markeredgecolor="white", markeredgewidth=0.8, zorder=5, clip_on=False)  # fmt: skip

"""Figures: (frame, axes) -> axes. They draw what was computed elsewhere and save nothing."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from octant.palette import colour, line_style


def learning_curves(curves: pd.DataFrame, metric: str, axes: Axes) -> Axes:
    """Mean over seeds of `metric` against epoch, a line a configuration, with a band of one SD either side.

    `curves` has a row a run and epoch, with columns config, epoch and `metric`; accuracies are drawn in percent.
    """
    scale = 100.0 if metric.endswith("accuracy") else 1.0
    groups = curves.dropna(subset=[metric]).groupby(["config", "epoch"], sort=True)[metric]
    table = pd.DataFrame({"mean": groups.mean() * scale, "sd": groups.std(ddof=1).fillna(0.0) * scale})
    for name, line in table.groupby(level="config", sort=True):
        at = line.droplevel("config")
        at = at[at.index > 0]
        label, paint = str(name), colour(str(name))
        axes.plot(at.index, at["mean"], color=paint, linestyle=line_style(label), linewidth=1.8, label=label)
        axes.fill_between(at.index, at["mean"] - at["sd"], at["mean"] + at["sd"], color=paint, alpha=0.15, linewidth=0)
    axes.set_xlabel("epoch")
    axes.set_ylabel(metric.replace("_", " ") + (", %" if scale == 100.0 else ""))
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def accuracy_figure(curves: pd.DataFrame, title: str) -> Figure:
    """The lecture's picture for all configurations: train and test accuracy on common axes, one legend."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    learning_curves(curves, "train_accuracy", left)
    learning_curves(curves, "test_accuracy", right)
    right.set_ylabel("test accuracy, %")
    right.tick_params(labelleft=True)
    left.set_ylim(100 * accuracy_floor(curves), 100.4)
    handles, labels = right.get_legend_handles_labels()
    last = curves[curves["epoch"] == curves["epoch"].max()].groupby("config")["test_accuracy"].mean()
    ranked = sorted(zip(handles, labels, strict=True), key=lambda pair: -last.get(pair[1], 0.0))
    figure.legend(
        [handle for handle, _ in ranked],
        [f"{label}  {100 * last.get(label, float('nan')):.1f}" for _, label in ranked],
        title="loss-hidden-output, final test accuracy, %",
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    seeds = curves.groupby("config")["fingerprint"].nunique().max()
    figure.suptitle(f"{title}: mean of {seeds} seeds, band of one standard deviation", fontsize=12)
    return figure


def accuracy_floor(curves: pd.DataFrame) -> float:
    """Lower end of an accuracy axis: a multiple of 0.05 below every mean from the third epoch on."""
    late = curves[curves["epoch"] >= min(3, curves["epoch"].max())]
    means = late.groupby(["config", "epoch"])[["train_accuracy", "test_accuracy"]].mean()
    return float(max(0, 5 * int(20 * means.min().min()) - 5)) / 100

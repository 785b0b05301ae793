"""Accuracy against epoch: all configurations together, and each by itself."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from octant.analysis.figures.canvas import LEFT_OUT, canvas, defaults, legend_below, panels, plain, two_lines
from octant.analysis.palette import colour, line_style


def mean_and_sd(curves: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean and SD over seeds in percent, from the first epoch on: columns config, epoch, mean, sd."""
    groups = curves[curves["epoch"] > 0].dropna(subset=[metric]).groupby(["config", "epoch"], sort=True)[metric]
    return pd.DataFrame({"mean": 100 * groups.mean(), "sd": 100 * groups.std(ddof=1).fillna(0.0)}).reset_index()


def learning_curves(curves: pd.DataFrame, metric: str, axes: Axes) -> Axes:
    """Mean over seeds of `metric`, an accuracy, against epoch, with a band of one SD either side.

    `curves` has a row a run and epoch, with columns config, epoch and `metric`.
    """
    for name, line in mean_and_sd(curves, metric).groupby("config", sort=True):
        label, at, mean, sd = str(name), line["epoch"], line["mean"], line["sd"]
        marker = "o" if len(at) == 1 else None
        axes.plot(at, mean, color=colour(label), linestyle=line_style(label), marker=marker, linewidth=1.7, label=label)
        axes.fill_between(at, mean - sd, mean + sd, color=colour(label), alpha=0.15, linewidth=0)
    axes.set_xlabel("epoch")
    axes.set_title(metric.replace("_", " ") + ", %", fontsize=10)
    return plain(axes)


@defaults()
def accuracy_figure(curves: pd.DataFrame, title: str) -> Figure:
    """The lecture's picture for all configurations: train and test accuracy on common axes, one legend."""
    figure = canvas(4.9)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    learning_curves(curves, "train_accuracy", left)
    learning_curves(curves, "test_accuracy", right)
    right.tick_params(labelleft=True)
    left.set_ylim(100 * accuracy_floor(curves), 100.4)
    handles, labels = right.get_legend_handles_labels()
    last = curves[curves["epoch"] == curves["epoch"].max()].groupby("config")["test_accuracy"].mean()
    ranked = sorted(zip(handles, labels, strict=True), key=lambda pair: -last.get(pair[1], 0.0))
    names = [f"{label}  {100 * last.get(label, float('nan')):.1f}" for _, label in ranked]
    legend_below(figure, [handle for handle, _ in ranked], names, "loss-hidden-output, final test accuracy, %")
    seeds = curves.groupby("config")["fingerprint"].nunique().max()
    figure.suptitle(f"{title}: mean of {seeds} seed{'s' * (int(seeds) > 1)}, band of one SD", fontsize=11)
    return figure


@defaults()
def panels_figure(curves: pd.DataFrame, ranking: Sequence[str]) -> Figure:
    """Each configuration's test (thick) and train (thin) accuracy, the others' test accuracy in grey behind it."""
    test, train = (mean_and_sd(curves, metric) for metric in ("test_accuracy", "train_accuracy"))
    drawn = [config for config in ranking if config in set(test["config"])][:16]
    figure, grid = panels(len(drawn), 1.75, sharex=True, sharey=True)
    for config, axes in zip(drawn, grid, strict=True):
        for _, other in test[test["config"] != config].groupby("config"):
            axes.plot(other["epoch"], other["mean"], color=LEFT_OUT, linewidth=0.5)
        own, trained = test[test["config"] == config], train[train["config"] == config]
        axes.fill_between(own["epoch"], own["mean"] - own["sd"], own["mean"] + own["sd"], color=colour(config),
                          alpha=0.25, linewidth=0)  # fmt: skip
        axes.plot(trained["epoch"], trained["mean"], color=colour(config), linewidth=0.9)
        axes.plot(own["epoch"], own["mean"], color=colour(config), linewidth=2.2)
        axes.set_title(two_lines(config), fontsize=8)
        plain(axes).tick_params(labelsize=8)
    grid[0].set_ylim(100 * accuracy_floor(curves), 100.4)
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("accuracy, %", fontsize=9)
    return figure


def accuracy_floor(curves: pd.DataFrame) -> float:
    """Lower end of an accuracy axis: a multiple of 0.05 below every mean from the fifth epoch on."""
    late = curves[curves["epoch"] >= min(5, curves["epoch"].max())]
    means = late.groupby(["config", "epoch"])[["train_accuracy", "test_accuracy"]].mean()
    lowest = means.min().min()
    return float(max(0, 5 * int(20 * lowest) - 5)) / 100 if pd.notna(lowest) else 0.0

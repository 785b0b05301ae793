"""The figures of experiments/lecture/: the lecture's own, the ladder, and the chaos."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from octant.analysis.figures.canvas import canvas, defaults, legend_below, panels, plain
from octant.analysis.figures.curves import mean_and_sd
from octant.analysis.palette import colour, line_style

TITLES = {
    "lecture": "0 the lecture", "output_step": "1 W2 step not / m", "targets": "2 one-hot targets",
    "hidden_error": "3 error through g'", "order": "4 shuffled", "init": "5 scaled weights",
    "learning_rate": "6 own learning rate",
}  # fmt: skip


@defaults()
def curve_figure(curves: pd.DataFrame) -> Figure:
    """The lecture's figure, a panel a pair: lines self and test of seed 1, the other seeds faint behind them."""
    figure = canvas(5.6)
    grid = figure.subplots(2, 2, sharex=True, sharey=True).ravel()
    lecture = curves[(curves["rung"] == "lecture") & (curves["epoch"] > 0)]
    for axes, (config, runs) in zip(grid, lecture.groupby("config"), strict=True):
        for seed, run in runs.groupby("seed"):
            own = seed == 1
            look = {"color": colour(str(config)), "linewidth": 2.0 if own else 0.7, "alpha": 1.0 if own else 0.35}
            axes.plot(run["epoch"], 100 * run["train_accuracy"], "-", **look)
            axes.plot(run["epoch"], 100 * run["test_accuracy"], "--", **look)
        axes.set_title(config, fontsize=9.5)
        plain(axes)
    for axes in grid[2:]:
        axes.set_xlabel("Number of Epochs")
    figure.supylabel("accuracy, %", fontsize=10)
    lines = [Line2D([], [], color="#222222", linestyle=style, linewidth=2) for style in ("-", "--")]
    title = "thick: seed 1, the lecture's own weights; thin: the other seeds"
    legend_below(figure, lines, ["self (training set)", "test"], title)
    return figure


@defaults()
def ladder_figure(curves: pd.DataFrame) -> Figure:
    """Test accuracy against epoch, a panel a rung: mean over seeds of each pair, with a band of one SD."""
    last = curves.loc[curves["rung"] == "init", "epoch"].max()
    figure, grid = panels(len(TITLES), 2.3, sharex=True, sharey=True)
    for axes, (rung, title) in zip(grid, TITLES.items(), strict=True):
        lines = mean_and_sd(curves[(curves["rung"] == rung) & (curves["epoch"] <= last)], "test_accuracy")
        for config, line in lines.groupby("config"):
            name, at, mean, sd = str(config), line["epoch"], line["mean"], line["sd"]
            axes.plot(at, mean, color=colour(name), linestyle=line_style(name), linewidth=1.7, label=name)
            axes.fill_between(at, mean - sd, mean + sd, color=colour(name), alpha=0.15, linewidth=0)
        axes.set_title(title, fontsize=8.5)
        axes.set_xlabel("epoch", fontsize=8.5)
        plain(axes)
    grid[0].set_ylim(0, 101)
    figure.supylabel("test accuracy, %", fontsize=9)
    legend_below(figure, *grid[0].get_legend_handles_labels(), "mean over seeds, band of one SD")
    return figure


@defaults()
def chaos_figure(chaos: pd.DataFrame) -> Figure:
    """Distance between the weights of a run and its twin against the number of examples, both axes logarithmic."""
    figure = canvas(5.2)
    axes = plain(figure.subplots())
    for (config, twin), line in chaos.groupby(["config", "twin"], sort=False):
        name, seen = str(config), line[line["distance"] > 0]
        thin = twin != "reversed"
        axes.plot(seen["examples"], seen["distance"], color=colour(name), linestyle=":" if thin else line_style(name),
                  linewidth=1.2 if thin else 2.0, label=f"{name}{', float32 pixels' if thin else ''}")  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("number of examples")
    axes.set_ylabel("largest difference of a weight / largest weight")
    axes.axvline(60_000, color="#9a9a9a", linewidth=0.8)
    axes.annotate("one epoch", (60_000, 1e-16), (-3, 0), textcoords="offset points", ha="right", fontsize=8)
    legend_below(figure, *axes.get_legend_handles_labels(), "sums in another order; dotted: pixels rounded to float32")
    return figure

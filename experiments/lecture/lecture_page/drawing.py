"""The figures of experiments/lecture/: the lecture's own, the ladder, and the chaos."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from octant.analysis.figures.canvas import canvas, in_house_style, legend_below, panels, plain
from octant.analysis.figures.curves import learning_curves, mean_and_sd
from octant.analysis.figures.design import Design, design_of
from octant.analysis.question import Question

TITLES = {
    "lecture": "0 the lecture", "output_step": "1 W2 step not / m", "targets": "2 one-hot targets",
    "hidden_error": "3 error through g'", "order": "4 shuffled", "init": "5 scaled weights",
    "learning_rate": "6 own learning rate",
}  # fmt: skip


def design(frame: pd.DataFrame) -> Design:
    """The four pairs of the lecture: how they look in all of its figures."""
    return design_of(frame, Question(("loss", "hidden")))


@in_house_style
def curve_figure(curves: pd.DataFrame) -> Figure:
    """The lecture's figure, a panel a pair: lines self and test of seed 1, the other seeds faint behind them."""
    figure, looks = canvas(5.6), design(curves)
    grid = figure.subplots(2, 2, sharex=True, sharey=True).ravel()
    lecture = curves[(curves["rung"] == "lecture") & (curves["epoch"] > 0)]
    for axes, (config, runs) in zip(grid, lecture.groupby("config"), strict=True):
        for seed, run in runs.groupby("seed"):
            own = seed == 1
            look = {
                "color": looks.style(str(config)).colour,
                "linewidth": 2.0 if own else 0.7,
                "alpha": 1.0 if own else 0.35,
            }
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


@in_house_style
def ladder_figure(curves: pd.DataFrame) -> Figure:
    """Test accuracy against epoch, a panel a rung: mean over seeds of each pair, with a band of one SD."""
    last = curves.loc[curves["rung"] == "init", "epoch"].max()
    figure, grid = panels(len(TITLES), 2.3, sharex=True, sharey=True)
    looks = design(curves)
    for axes, (rung, title) in zip(grid, TITLES.items(), strict=True):
        own = curves[(curves["rung"] == rung) & (curves["epoch"] <= last)]
        learning_curves(mean_and_sd(own, "test_accuracy", 100), axes, looks)
        axes.set_title(title, fontsize=8.5)
        axes.set_xlabel("epoch", fontsize=8.5)
    grid[0].set_ylim(0, 101)
    figure.supylabel("test accuracy, %", fontsize=9)
    legend_below(figure, *grid[0].get_legend_handles_labels(), "mean over seeds, band of one SD")
    return figure


@in_house_style
def chaos_figure(chaos: pd.DataFrame) -> Figure:
    """Distance between the weights of a run and its twin against the number of examples, both axes logarithmic."""
    figure, looks = canvas(5.2), design(chaos)
    axes = plain(figure.subplots())
    for (config, twin), line in chaos.groupby(["config", "twin"], sort=False):
        name, seen = str(config), line[line["distance"] > 0]
        thin, look = twin != "reversed", looks.style(name)
        axes.plot(seen["examples"], seen["distance"], color=look.colour, linestyle=":" if thin else look.dash,
                  linewidth=1.2 if thin else 2.0, label=f"{name}{', float32 pixels' if thin else ''}")  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("number of examples")
    axes.set_ylabel("largest difference of a weight / largest weight")
    axes.axvline(60_000, color="#9a9a9a", linewidth=0.8)
    axes.annotate("one epoch", (60_000, 1e-16), (-3, 0), textcoords="offset points", ha="right", fontsize=8)
    legend_below(figure, *axes.get_legend_handles_labels(), "sums in another order; dotted: pixels rounded to float32")
    return figure

"""The figures of experiments/lecture/: the lecture's own, the ladder, and the chaos."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from octant.analysis.figures.canvas import canvas, fitted, in_house_style, legend_below, plain
from octant.analysis.figures.design import Design, design_of
from octant.analysis.question import Question
from octant.trainer import trainer

TITLES = {
    "lecture": "0 the lecture", "output_step": "1 W2 step not / m", "targets": "2 one-hot targets",
    "hidden_error": "3 error through g'", "order": "4 shuffled", "init": "5 scaled weights",
    "learning_rate": "6 own learning rate",
}  # fmt: skip


def design(frame: pd.DataFrame) -> Design:
    """The four pairs of the lecture: how they look in all of its figures."""
    return design_of(frame, Question(("loss", "hidden")), trainer().labels)


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
        axes.set_title(looks.label(str(config)), fontsize=9.5)
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
    """Test accuracy by rung, a line per pair: the mean over seeds, each seed a tick; near the top, and all of it."""
    last = curves.loc[curves["rung"] == "init", "epoch"].max()
    runs, looks = curves[curves["epoch"] == last], design(curves)
    figure = canvas(6.4)
    near, whole = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1])
    for axes in (near, whole):
        for config, own in runs.groupby("config", sort=True):
            at = own["rung"].map(list(TITLES).index)
            means = 100 * own.groupby(at)["test_accuracy"].mean()
            look = looks.style(str(config))
            axes.plot(at, 100 * own["test_accuracy"], "_", color=look.colour, alpha=0.6, markersize=9)
            axes.plot(means.index, means, color=look.colour, linestyle=look.dash, marker=look.marker, linewidth=1.7,
                      markersize=5, label=looks.label(str(config)))  # fmt: skip
        plain(axes)
    near.set_ylim(90, 98)
    near.set_title("near the top", fontsize=9.5)
    whole.set_ylim(0, 101)
    whole.set_title("all of it", fontsize=9.5)
    whole.set_xticks(range(len(TITLES)), [fitted(title, 0.75, 8.5, 3) for title in TITLES.values()], fontsize=8.5)
    figure.supylabel(f"test accuracy after {last} epochs, %", fontsize=9)
    handles, labels = near.get_legend_handles_labels()
    legend_below(figure, handles, labels, "lines: mean over seeds; ticks: single seeds")
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
                  linewidth=1.2 if thin else 2.0, label=looks.label(name) + ", float32 pixels" * thin)  # fmt: skip
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

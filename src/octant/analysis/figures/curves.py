"""The endpoint against epoch: all configurations together, and each by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from octant.analysis.figures.canvas import (
    INK,
    MOST_PANELS,
    WIDTH,
    Drawing,
    fitted,
    in_house_style,
    left_to_the_table,
    note_below,
    panels,
    plain,
    width_of,
)
from octant.analysis.figures.design import ENOUGH, Design
from octant.analysis.figures.labels import KEY_ROW, LINE, SIZE, End, Entry, draw_key, key_rows, label_ends

MOST_CURVES = 12
_MOST_BEHIND, BEHIND = 100, "#d0d0d0"
_LABEL = 1.85  # inches: wider labels take a second line
_LEFT, _RIGHT, _GAP = 0.55, 0.08, 0.16


def _mean_and_sd(curves: pd.DataFrame, metric: str, scale: float = 1.0, first: float = 1) -> pd.DataFrame:
    """Mean and SD over runs, from the `first` epoch on: columns config, epoch, mean, sd, n."""
    groups = curves[curves["epoch"] >= first].dropna(subset=[metric]).groupby(["config", "epoch"], sort=True)[metric]
    spread = (scale * groups.std(ddof=1)).fillna(0.0)
    return pd.DataFrame({"mean": scale * groups.mean(), "sd": spread, "n": groups.size()}).reset_index()


def metrics_of(curves: pd.DataFrame, endpoint: str) -> list[str]:
    """The endpoint's fellow on the training data, where the curves have it, and the endpoint."""
    fellow = "train_" + re.sub("^(test|validation|val|eval)_", "", endpoint)
    return [fellow, endpoint] if fellow in curves and fellow != endpoint else [endpoint]


def value_range(curves: pd.DataFrame, design: Design) -> tuple[float, float]:
    """The ends of the endpoint's axis: they hold every mean from the fifth epoch on, and its band for a share.

    A share's axis ends at 100 and begins at a multiple of 5. Early epochs may lie outside and are marked.
    """
    scale, share = design.question.scale, design.question.is_share
    late = curves[curves["epoch"] >= min(5, curves["epoch"].max())]
    columns = metrics_of(curves, design.question.endpoint)
    means = (scale * late.groupby(["config", "epoch"])[columns].mean()).to_numpy(dtype=float).ravel()
    means = means[np.isfinite(means)]
    if not len(means):
        return (0.0, 100.0) if share else (0.0, 1.0)
    if share:
        return max(0.0, 5.0 * int(means.min() / 5 + 1e-9) - 5), 100.0
    low, high = float(means.min()), float(means.max())
    edge = 0.08 * (high - low) or abs(high) * 0.1 or 1.0
    return low - edge, high + edge


def to_the_end(curves: pd.DataFrame) -> pd.DataFrame:
    """The curves of the runs that went as far as any of their configuration: a mean that loses runs would jump."""
    last = curves.groupby("fingerprint")["epoch"].transform("max")
    return curves[last == last.groupby(curves["config"]).transform("max")]


@in_house_style
def curves_figure(curves: pd.DataFrame, ranking: Sequence[str], design: Design, title: str) -> Drawing:
    """Training metric and endpoint against epoch on common axes, each curve labelled at its end; the first twelve of
    `ranking`, the others in grey behind them.

    `curves` has a row per run and epoch: fingerprint, config, epoch, and the metrics.
    """
    whole, names = to_the_end(curves), metrics_of(curves, design.question.endpoint)
    there = set(whole["config"])
    known = [config for config in ranking if config in there]
    shown = known[:MOST_CURVES]
    lines = {name: _mean_and_sd(whole, name, design.question.scale, design.first_step) for name in names}
    limits = value_range(whole[whole["config"].isin(shown)], design)
    ends = _ends(lines[names[-1]], shown, design)
    rows = [*key_rows(design, shown), *_remarks(lines, shown, len(known), limits)]
    count = int(whole[whole["config"].isin(shown)].groupby("config")["fingerprint"].nunique().max())
    spread = "band of one SD" if count >= ENOUGH else "thin: single runs" if count > 1 else "nothing says how it varies"
    about = f": {f'mean of {design.repeats(count)}' if count > 1 else design.repeats(1)}, {spread}"
    heading = title if design.question.exact else title + about
    figure, grid, height = _frame(ends, rows, names, fitted(heading, WIDTH - 0.2, 11, 3), design.step)
    for axes, name in zip(grid, names, strict=True):
        axes.set_ylim(limits[0], limits[1] + 0.012 * (limits[1] - limits[0]))
        _behind(axes, lines[name], known[MOST_CURVES:])
        runs = whole.dropna(subset=[name])
        for config in reversed(shown):
            _curve(axes, lines[name][lines[name]["config"] == config], runs[runs["config"] == config], name, design)
        axes.set_title(name.replace("_", " ") + (", %" if design.question.is_share else ""), fontsize=10)
    label_ends(grid[-1], ends, height)
    return Drawing(figure, _described(lines[names[-1]], shown, len(known), design))


def _curve(axes: Axes, line: pd.DataFrame, runs: pd.DataFrame, metric: str, design: Design) -> None:
    if line.empty:
        return
    look = design.style(str(line["config"].iloc[0]))
    axes.plot(line["epoch"], line["mean"], color=look.colour, linestyle=look.dash, linewidth=1.7)
    axes.plot(line["epoch"].iloc[-1:], line["mean"].iloc[-1:], color=look.colour, marker=look.marker, markersize=4.5)
    if line["n"].max() >= ENOUGH:
        low, high = design.within(line["mean"] - line["sd"], line["mean"] + line["sd"])
        axes.fill_between(line["epoch"], low, high, color=look.colour, alpha=0.15, linewidth=0)
    else:
        for _, run in runs[runs["epoch"] >= design.first_step].groupby("fingerprint"):
            axes.plot(run["epoch"], design.question.scale * run[metric], color=look.colour, linewidth=0.6, alpha=0.5)
    _mark_exits(axes, line["epoch"].to_numpy(float), line["mean"].to_numpy(float), look.colour)


def _behind(axes: Axes, lines: pd.DataFrame, configs: Sequence[str]) -> None:
    drawn = lines[lines["config"].isin(list(configs[:_MOST_BEHIND]))]
    for _, line in drawn.groupby("config", sort=True):
        axes.plot(line["epoch"], line["mean"], color=BEHIND, linewidth=0.6, zorder=1)


def _mark_exits(axes: Axes, at: np.ndarray, values: np.ndarray, colour: str) -> None:
    """A triangle on the axis where a curve crosses it, or at the last of a curve that is all outside."""
    for edge, outside, marker in zip(axes.get_ylim(), (np.less, np.greater), ("v", "^"), strict=True):
        out = outside(values, edge)
        turns = np.flatnonzero(out[1:] != out[:-1])
        steps = np.diff(values)
        places = [at[i] + (edge - values[i]) / steps[i] * (at[i + 1] - at[i]) for i in turns]
        places += [at[-1]] if out.all() else []
        for place in places:  # not one empty line: it would take its room in the layout at the figure's corner
            axes.plot(place, edge, marker, color=colour, markersize=5, clip_on=False, zorder=6,
                      markeredgecolor="white", markeredgewidth=0.5)  # fmt: skip


def _ends(lines: pd.DataFrame, shown: Sequence[str], design: Design) -> list[End]:
    last = lines["epoch"].max()
    ends: list[End] = []
    for config in shown:
        line = lines[lines["config"] == config]
        if line.empty:
            continue
        x, y = float(line["epoch"].iloc[-1]), float(line["mean"].iloc[-1])
        value = f"{y:.1f}" if design.question.is_share else f"{y:.3g}"
        tail = f"  {value}" if x == last else f"  ended at {design.step} {x:.0f}"
        room = _LABEL - width_of(tail, SIZE) - 0.05
        ends.append(End(x, y, fitted(design.label(config), room, SIZE, 2) + tail, design.style(config).colour))
    return ends


def _remarks(
    lines: Mapping[str, pd.DataFrame], shown: Sequence[str], count: int, limits: tuple[float, float]
) -> list[list[Entry]]:
    """What the key has to add: the triangles, and what is not shown."""
    rows: list[list[Entry]] = []
    means = pd.concat([line.loc[line["config"].isin(shown), "mean"] for line in lines.values()])
    if (~means.between(*limits)).any():
        triangle = Line2D([], [], color=INK, marker="v", markersize=5, linestyle="")
        rows.append([(triangle, "here a curve leaves the axis")])
    if count > len(shown):
        others = left_to_the_table(len(shown), count, "configurations")
        rows.append([(Line2D([], [], color=BEHIND, linewidth=1.5), f"the others. {others}")])
    return rows


def _frame(
    ends: Sequence[End], rows: Sequence[Sequence[Entry]], names: Sequence[str], heading: str, step: str
) -> tuple[Figure, list[Axes], float]:
    """Axes side by side with room for the labels at the right, the key at the foot and the title: all in inches."""
    label = max((width_of(part, SIZE) for *_, text, _ in ends for part in text.split("\n")), default=0.0)
    height = max(2.9, sum(LINE * (text.count("\n") + 1) for *_, text, _ in ends))
    top = 0.35 + 0.19 * (heading.count("\n") + 1)
    foot = 0.55 + KEY_ROW * len(rows)
    total = top + height + foot
    figure = Figure(figsize=(WIDTH, total))
    room = WIDTH - _LEFT - _RIGHT - label
    wide = (room - _GAP * (len(names) - 1)) / (len(names) + 0.07)  # the labels begin 7 % right of the last axes
    grid: list[Axes] = []
    for i in range(len(names)):
        place = ((_LEFT + i * (wide + _GAP)) / WIDTH, foot / total, wide / WIDTH, height / total)
        axes = plain(figure.add_axes(place, sharey=grid[0] if grid else None))
        axes.tick_params(labelleft=not i)
        axes.set_xlabel(step)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        grid.append(axes)
    figure.text(0.5, 1 - 0.08 / total, heading, ha="center", va="top", fontsize=11)
    draw_key(figure, rows)
    return figure, grid, height


def _described(lines: pd.DataFrame, shown: Sequence[str], count: int, design: Design) -> str:
    first, last, parts = lines["epoch"].min(), lines["epoch"].max(), []
    for config in shown[:8]:
        line = lines[lines["config"] == config].set_index("epoch")["mean"]
        if len(line):
            parts.append(f"{config} from {design.number(line.iloc[0])} to {design.number(line.iloc[-1])}")
    more = f"; {count - len(parts)} more" if count > len(parts) else ""
    span = f"from {design.step} {first} to {last}"
    return f"Learning curves: mean {design.question.words} {span}, best first: {'; '.join(parts)}{more}."


@in_house_style
def panels_figure(curves: pd.DataFrame, ranking: Sequence[str], design: Design) -> Drawing:
    """Each configuration's endpoint (thick) and training metric (thin), the others' endpoint in grey behind it."""
    whole, names = to_the_end(curves), metrics_of(curves, design.question.endpoint)
    lines = {name: _mean_and_sd(whole, name, design.question.scale, design.first_step) for name in names}
    own = lines[names[-1]]
    there = set(own["config"])
    known = [config for config in ranking if config in there]
    shown = known[:MOST_PANELS]
    figure, grid = panels(len(shown), 1.9 if len(shown) > 4 else 2.4, sharex=True, sharey=True)
    low, high = value_range(whole[whole["config"].isin(shown)], design)
    grid[0].set_ylim(low, high + 0.012 * (high - low))
    for config, axes in zip(shown, grid, strict=True):
        _behind(axes, own, [other for other in known if other != config])
        _panel(axes, {name: line[line["config"] == config] for name, line in lines.items()}, design)
        axes.set_title(fitted(design.label(config), WIDTH / min(4, len(shown)) - 0.45, 8, 3), fontsize=8)
    words = f"Thick: {design.question.words}" + (f"; thin: {names[0].replace('_', ' ')}" if len(names) > 1 else "")
    others = "; grey: the other configurations." if len(known) > 1 else "."
    rest = left_to_the_table(len(shown), len(known), "configurations")
    note_below(figure, design.step, f"{words}{others}", rest)
    figure.supylabel(design.axis, fontsize=9)
    return Drawing(figure, "A panel for each configuration. " + _described(own, shown, len(known), design))


def _panel(axes: Axes, lines: Mapping[str, pd.DataFrame], design: Design) -> None:
    *trained, own = lines.values()
    colour = design.style(str(own["config"].iloc[0])).colour
    if own["n"].max() >= ENOUGH:
        low, high = design.within(own["mean"] - own["sd"], own["mean"] + own["sd"])
        axes.fill_between(own["epoch"], low, high, color=colour, alpha=0.25, linewidth=0)
    for line in trained:
        axes.plot(line["epoch"], line["mean"], color=colour, linewidth=0.9)
    axes.plot(own["epoch"], own["mean"], color=colour, linewidth=2.2, marker="o" if len(own) == 1 else None)
    _mark_exits(axes, own["epoch"].to_numpy(float), own["mean"].to_numpy(float), colour)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    plain(axes).tick_params(labelsize=8)

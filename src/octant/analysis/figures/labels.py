"""Words beside lines: labels that do not overlap, the key of colours, dashes and markers, an axis of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from octant.analysis.figures.canvas import INK, WIDTH, fitted, width_of
from octant.analysis.figures.design import Design

SIZE = 8.5
LINE = 0.145  # inches from one line of text to the next
KEY_ROW = 0.19
_HANDLE = 0.5
_MOST_LEVELS = 12

Entry = tuple[Line2D, str]


class End(NamedTuple):
    """Where a curve ends, and its label there."""

    x: float
    y: float
    text: str
    colour: str


def _spread(wanted: Sequence[float], heights: Sequence[float], top: float) -> list[float]:
    """Centres of labels as near to those `wanted` as they can be without overlap, all between 0 and `top`.

    Labels that would overlap form a block about the mean of where its labels want to be. They keep their order.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    blocks: list[tuple[float, float, list[int]]] = []  # lower end, height, labels
    for i in order:
        block = _block([i], wanted, heights, top)
        while blocks and blocks[-1][0] + blocks[-1][1] > block[0]:
            block = _block([*blocks.pop()[2], *block[2]], wanted, heights, top)
        blocks.append(block)
    centres = [0.0] * len(wanted)
    for low, _, labels in blocks:
        for i in labels:
            centres[i], low = low + heights[i] / 2, low + heights[i]
    return centres


def _block(
    labels: list[int], wanted: Sequence[float], heights: Sequence[float], top: float
) -> tuple[float, float, list[int]]:
    below, lows = 0.0, []
    for i in labels:
        lows.append(wanted[i] - heights[i] / 2 - below)
        below += heights[i]
    return max(0.0, min(sum(lows) / len(lows), top - below)), below, labels


def label_ends(axes: Axes, ends: Sequence[End], height: float) -> None:
    """A label right of the axes for each curve, tied to its end by a thin line.

    `height` is that of the axes in inches.
    """
    low, high = axes.get_ylim()
    tall = [LINE * (text.count("\n") + 1) for *_, text, _ in ends]
    wanted = [(min(max(y, low), high) - low) / (high - low) * height for _, y, _, _ in ends]
    for (x, y, text, colour), centre in zip(ends, _spread(wanted, tall, height), strict=True):
        at = (1.07, centre / height)
        axes.annotate(
            text, (x, min(max(y, low), high)), at, xycoords="data", textcoords="axes fraction", fontsize=SIZE,
            color=INK, va="center", annotation_clip=False, linespacing=1.1,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.9, "shrinkA": 1, "shrinkB": 2,
                        "relpos": (0, 0.5)},
        )  # fmt: skip


def key_rows(design: Design, configs: Sequence[str], fewest: int = 2) -> list[list[Entry]]:
    """What colour, dash and marker stand for, in rows that fit the page, the first of each begins with `colour: loss`.

    Only levels of `configs` are listed. Empty for fewer than `fewest` factors: a curve with a name needs no key.
    """
    names, rows = list(design.factors), list[list[Entry]]()
    for factors, how in ((names[:1], "colour"), (names[1:2], "dash"), (names[2:], "marker at the end")):
        every = design.combinations(factors, configs)
        entries = [(_sample(design, dict(zip(factors, each, strict=True)), how), ", ".join(each)) for each in every]
        if factors and len(names) >= fewest:
            rows += _rows(f"{how}: {', '.join(factors)}", entries[:_MOST_LEVELS])
    return rows


def _sample(design: Design, levels: Mapping[str, str], how: str) -> Line2D:
    look = design.styles.of({name: known[0] for name, known in design.factors.items()} | dict(levels))
    if how == "colour":
        return Line2D([], [], color=look.colour, linewidth=5, solid_capstyle="butt")
    if how == "dash":
        return Line2D([], [], color=INK, linestyle=look.dash, linewidth=1.7)
    return Line2D([], [], color=INK, marker=look.marker, linestyle="")


def _rows(name: str, entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    blank = Line2D([], [], linestyle="")
    start = (blank, fitted(name + ":" * bool(entries), WIDTH - 1, SIZE))
    row, used = [start], width_of(start[1], SIZE) + _HANDLE
    for line, level in entries:
        text = fitted(level, 2.4, SIZE)
        need = width_of(text, SIZE) + _HANDLE + 0.15
        if used + need > WIDTH - 0.3 and len(row) > 1:
            yield row
            row, used = [(blank, " ")], _HANDLE
        row, used = [*row, (line, text)], used + need
    yield row


def draw_key(figure: Figure, rows: Sequence[Sequence[Entry]]) -> None:
    """The rows at the foot of the figure, the last one lowest: KEY_ROW inches each."""
    height = figure.get_figheight()
    for i, row in enumerate(reversed(rows)):
        starts_blank = row[0][0].get_linestyle() == row[0][0].get_marker() == "None"
        place = (-0.02 if starts_blank else 0.045, (0.03 + i * KEY_ROW) / height)
        legend = figure.legend(
            [line for line, _ in row], [text for _, text in row], loc="lower left", ncols=len(row), frameon=False,
            bbox_to_anchor=place, borderaxespad=0, borderpad=0, fontsize=SIZE, columnspacing=1.0, handlelength=2.4,
            handletextpad=0.5,
        )  # fmt: skip
        legend.set_in_layout(False)


def number_axis(axes: Axes, values: Sequence[float]) -> None:
    """An x axis for a number's values, each of them named where there is room: logarithmic where they grow by
    factors rather than by steps.
    """
    at = sorted(set(values))
    room = WIDTH / axes.get_subplotspec().get_gridspec().ncols - 0.8  # type: ignore[union-attr]
    if is_geometric(at):
        axes.set_xscale("log")
        shares = np.log(at)
    else:
        shares = np.array(at)
    places = (shares - shares[0]) / ((shares[-1] - shares[0]) or 1.0) * room
    end = -1.0
    named: list[float] = []
    for value, place in zip(at, places, strict=True):
        half = width_of(f"{value:g}", 8.5) / 2 + 0.05
        if place - half >= end:
            named, end = [*named, value], place + half
    axes.set_xticks(named, [f"{value:g}" for value in named], fontsize=8.5)
    axes.set_xticks([value for value in at if value not in named], [], minor=True)
    axes.margins(x=0.06)


def is_geometric(values: Sequence[float]) -> bool:
    """Whether sorted values are nearer to equal ratios than to equal steps; two values: a ratio of 4 or more."""
    if len(values) < 2 or values[0] <= 0:
        return False
    if len(values) == 2:
        return values[1] / values[0] >= 4
    steps, ratios = np.diff(values), np.diff(np.log(values))
    return bool(ratios.std() / ratios.mean() < steps.std() / steps.mean() - 1e-9)

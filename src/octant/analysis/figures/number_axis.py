"""An x axis for the values of a setting that is a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from octant.analysis.figures.canvas import WIDTH, width_of


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

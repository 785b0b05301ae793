"""What all figures share: one width, one look, one legend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib import rc_context, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 6.2  # inches
COLUMNS = 4  # of a grid of panels
LEFT_OUT = "#9a9a9a"


@contextmanager
def defaults(changed: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Give matplotlib its own defaults, whatever a user's matplotlibrc or style says; a context and a decorator.

    So the same frame gives the same bytes on every machine. `changed` are exceptions to the defaults.
    """
    own: dict[Any, Any] = {name: value for name, value in rcParamsDefault.items() if not name.startswith("backend")}
    with rc_context(own | dict(changed or {})):
        yield


def canvas(height: float) -> Figure:
    """An empty figure of the common width."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def plain(axes: Axes) -> Axes:
    """Light grid, no frame above and to the right."""
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def panels(count: int, row_height: float, **shared: Any) -> tuple[Figure, Sequence[Axes]]:
    """A figure with `count` axes in rows of four; what is left over of the last row stays empty."""
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    figure = canvas(rows * row_height)
    grid = np.ravel(figure.subplots(rows, columns, squeeze=False, **shared))
    for axes in grid[count:]:
        axes.set_axis_off()
    for axes in grid[max(count - columns, 0) : count]:
        axes.tick_params(labelbottom=True)
    return figure, list(grid[:count])


def two_lines(configuration: str) -> str:
    """A configuration's name broken after the loss, for a narrow title."""
    loss, _, rest = configuration.partition("-")
    return f"{loss}\n{rest}".replace(" ", "\n")


def legend_below(figure: Figure, handles: Sequence[Any], labels: Sequence[str], title: str | None = None) -> None:
    """One legend under the axes, in two columns; the first 16 entries where there are more."""
    shown = list(labels[:16])
    if len(labels) > len(shown):
        shown[-1] = f"{shown[-1]}  and {len(labels) - len(shown)} more"
    figure.legend(
        handles[: len(shown)], shown, title=title, loc="outside lower center", ncols=2, frameon=False, fontsize=8.5,
        title_fontsize=9,
    )  # fmt: skip

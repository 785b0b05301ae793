"""Decision boundaries of a classifier of points in the plane, by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from octant.analysis.figures.canvas import Drawing, in_house_style, legend_below, panels, plain

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")  # Okabe and Ito
MARKERS = "osD^vP*"
GRID = 150


def grid_of(X: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[float, float, float, float]]:
    """Points (GRID^2, 2), row by row from below, that cover X (n, 2), and their limits (left, right, low, high)."""
    (left, low), (right, high) = X.min(axis=0), X.max(axis=0)
    dx, dy = 0.08 * (right - left), 0.08 * (high - low)
    extent = (float(left - dx), float(right + dx), float(low - dy), float(high + dy))
    x, y = np.meshgrid(np.linspace(*extent[:2], GRID), np.linspace(*extent[2:], GRID))
    return np.stack([x.ravel(), y.ravel()], 1), extent


@in_house_style
def boundary_figure(
    predicted: Mapping[int, NDArray[np.intp]], X: NDArray[np.float64], labels: NDArray[np.intp], names: Sequence[str]
) -> Drawing:
    """A panel for each epoch: the classes that it gives to the points of `grid_of(X)`, and the examples X (n, 2)."""
    _, extent = grid_of(X)
    figure, grid = panels(len(predicted), 2.0 if len(predicted) > 4 else 2.4, sharex=True, sharey=True)
    colours = [COLOURS[label % len(COLOURS)] for label in range(len(names))]
    for (epoch, classes), axes in zip(predicted.items(), grid, strict=True):
        area = classes.reshape(GRID, GRID)
        axes.imshow(area, origin="lower", extent=extent, cmap=ListedColormap(colours), vmin=0, vmax=len(names) - 1,
                    alpha=0.3, aspect="auto", interpolation="nearest")  # fmt: skip
        for label, colour in enumerate(colours):
            own = X[labels == label]
            axes.plot(own[:, 0], own[:, 1], MARKERS[label % len(MARKERS)], color=colour, markersize=2, linestyle="")
        axes.set_title(f"epoch {epoch}" if epoch else "before training", fontsize=9)
        plain(axes).grid(visible=False)
    marks = [Line2D([], [], color=c, marker=MARKERS[i % 7], linestyle="") for i, c in enumerate(colours)]
    legend_below(figure, marks, [f"class {name}" for name in names])
    epochs = ", ".join(map(str, predicted))
    text = f"Areas given to each of {len(names)} classes after epochs {epochs}, with the test examples."
    return Drawing(figure, text)

"""Classifiers looked into: confusion matrices, hard test examples, weights, decision boundaries in the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from octant.analysis.figures.canvas import (
    MOST_PANELS,
    WIDTH,
    Drawing,
    canvas,
    fitted,
    in_house_style,
    legend_below,
    panels,
    plain,
)

_ACROSS = 6  # pictures in a row
_LONGEST = 12  # characters of a class's name beside an axis
_MOST_UNITS = 100
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")  # Okabe and Ito
_MARKERS = "osD^vP*"
_GRID = 150


@in_house_style
def confusion_figure(confusion: Mapping[str, NDArray[np.float64]], names: Sequence[str]) -> Drawing:
    """For each configuration the share of a class (row) taken for another (column), in percent; diagonal left blank.

    `names` are the classes', in the order of rows and columns; long ones are cut.
    """
    drawn = dict(list(confusion.items())[:MOST_PANELS])
    figure, grid = panels(len(drawn), 2.0, sharex=True, sharey=True)
    words = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..." for name in names]
    upright = max(map(len, words)) > 3
    highest = max(max(_off_diagonal(matrix).max() for matrix in drawn.values()), 1e-9)
    for (config, matrix), axes in zip(drawn.items(), grid, strict=True):
        image = axes.imshow(_off_diagonal(matrix), cmap="Blues", vmin=0, vmax=highest)
        axes.set_facecolor("#d9d9d9")  # the diagonal
        axes.set_title(fitted(config, WIDTH / min(4, len(drawn)) - 0.45, 8, 3), fontsize=8)
        axes.tick_params(labelsize=6.5)
        axes.tick_params("x", labelrotation=90 if upright else 0)
    ticks = range(0, len(names), max(1, len(names) // 10))
    grid[0].set_xticks(ticks, [words[tick] for tick in ticks])  # of all panels: they share their axes
    grid[0].set_yticks(ticks, [words[tick] for tick in ticks])
    bar = figure.colorbar(image, ax=list(grid), location="bottom", shrink=0.6, aspect=40)
    few = len(drawn) < len(confusion)
    rest = f"\nShown: the first {len(drawn)} of {len(confusion)} configurations." if few else ""
    bar.set_label(f"% of a class's test examples (down: class, across: what they are taken for){rest}", fontsize=9)
    return Drawing(figure, _confusions_described(confusion, names))


def _confusions_described(confusion: Mapping[str, NDArray[np.float64]], names: Sequence[str]) -> str:
    parts = []
    for config, matrix in list(confusion.items())[:8]:
        label, taken_for = divmod(int(_off_diagonal(matrix).filled(-1).argmax()), len(matrix))
        share, own, other = matrix[label, taken_for], names[label], names[taken_for]
        parts.append(f"{config} takes {share:.1f} % of class {own} for {other}")
    more = f"; {len(confusion) - 8} more" if len(confusion) > 8 else ""
    return f"Confusion matrices. The most frequent mistake of each: {'; '.join(parts)}{more}."


def hardest_figure(hardest: pd.DataFrame, images: NDArray[np.floating]) -> Drawing:
    """Test examples as pictures, hardest first: class, the most frequent wrong answer, share of runs that err.

    `images` is (examples x rows x columns).
    """
    words = list(zip(hardest["class"], hardest["predicted"], hardest["wrong_percent"], strict=True))
    captions = [f"{label} read as {other}\n{share:.0f} % of runs" for label, other, share in words]
    listed = "; ".join(
        f"a {label} that {share:.0f} % of runs misread, mostly as {other}" for label, other, share in words
    )
    return Drawing(pictures_figure(images, captions).figure, f"The {len(words)} hardest test examples: {listed}.")


@in_house_style
def pictures_figure(images: NDArray[np.floating], captions: Sequence[str]) -> Drawing:
    """Pictures (n x rows x columns), each under its caption, six in a row.

    One pair of axes for all: a pair for each would take ten times as long.
    """
    rows, cell = -(-len(images) // _ACROSS), np.array([1.25, 1.55])
    figure = canvas(WIDTH / _ACROSS * rows * cell[1] / cell[0])
    axes = figure.subplots()
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = cell * (i % _ACROSS, i // _ACROSS)
        axes.imshow(image, cmap="gray_r", interpolation="nearest", extent=(x, x + 1, y + 1, y))
        axes.text(x + 0.5, y - 0.03, caption, fontsize=7.5, ha="center", va="bottom")
    axes.set_xlim(-0.1, _ACROSS * cell[0] - 0.15)
    axes.set_ylim(rows * cell[1] - 0.45, -0.4)
    axes.set_axis_off()
    return Drawing(
        figure, f"{len(images)} pictures: {'; '.join(caption.replace(chr(10), ', ') for caption in captions)}."
    )


@in_house_style
def weights_figure(W: NDArray[np.float64], shape: tuple[int, int], name: str = "hidden units") -> Drawing:
    """The incoming weights of a layer's first units as pictures: W (d, h), d = rows x columns of `shape`.

    Red raises a unit's pre-activation, blue lowers it; one scale for all. One image for all, as in pictures_figure.
    """
    units = W[:, :_MOST_UNITS].T.reshape(-1, *shape)
    across = min(len(units), 10)
    down, (rows, columns) = -(-len(units) // across), shape
    mosaic = np.full((down * (rows + 1) - 1, across * (columns + 1) - 1), np.nan)
    for i, unit in enumerate(units):
        top, left = i // across * (rows + 1), i % across * (columns + 1)
        mosaic[top : top + rows, left : left + columns] = unit
    figure = canvas(WIDTH * mosaic.shape[0] / mosaic.shape[1] + 0.7)
    axes, limit = figure.subplots(), float(np.abs(units).max()) or 1.0
    image = axes.imshow(mosaic, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_axis_off()
    bar = figure.colorbar(image, ax=axes, location="bottom", shrink=0.6, aspect=40)
    bar.set_label(f"weight (the first {len(units)} of {W.shape[1]} {name})", fontsize=9)
    return Drawing(figure, f"Incoming weights of {len(units)} {name} as pictures, from {-limit:.2f} to {limit:.2f}.")


def _off_diagonal(matrix: NDArray[np.float64]) -> np.ma.MaskedArray[tuple[int, ...], np.dtype[np.float64]]:
    return np.ma.array(matrix, mask=np.eye(len(matrix), dtype=bool))


def grid_of(X: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[float, float, float, float]]:
    """Points (_GRID^2, 2), row by row from below, that cover X (n, 2), and their limits (left, right, low, high)."""
    (left, low), (right, high) = X.min(axis=0), X.max(axis=0)
    dx, dy = 0.08 * (right - left), 0.08 * (high - low)
    extent = (float(left - dx), float(right + dx), float(low - dy), float(high + dy))
    x, y = np.meshgrid(np.linspace(*extent[:2], _GRID), np.linspace(*extent[2:], _GRID))
    return np.stack([x.ravel(), y.ravel()], 1), extent


@in_house_style
def boundary_figure(
    predicted: Mapping[int, NDArray[np.intp]], X: NDArray[np.float64], labels: NDArray[np.intp], names: Sequence[str]
) -> Drawing:
    """A panel for each epoch: the classes that it gives to the points of `grid_of(X)`, and the examples X (n, 2)."""
    _, extent = grid_of(X)
    figure, grid = panels(len(predicted), 2.0 if len(predicted) > 4 else 2.4, sharex=True, sharey=True)
    colours = [_COLOURS[label % len(_COLOURS)] for label in range(len(names))]
    for (epoch, classes), axes in zip(predicted.items(), grid, strict=True):
        area = classes.reshape(_GRID, _GRID)
        axes.imshow(area, origin="lower", extent=extent, cmap=ListedColormap(colours), vmin=0, vmax=len(names) - 1,
                    alpha=0.3, aspect="auto", interpolation="nearest")  # fmt: skip
        for label, colour in enumerate(colours):
            own = X[labels == label]
            axes.plot(own[:, 0], own[:, 1], _MARKERS[label % len(_MARKERS)], color=colour, markersize=2, linestyle="")
        axes.set_title(f"epoch {epoch}" if epoch else "before training", fontsize=9)
        plain(axes).grid(visible=False)
    marks = [Line2D([], [], color=c, marker=_MARKERS[i % 7], linestyle="") for i, c in enumerate(colours)]
    legend_below(figure, marks, [f"class {name}" for name in names])
    epochs = ", ".join(map(str, predicted))
    text = f"Areas given to each of {len(names)} classes after epochs {epochs}, with the test examples."
    return Drawing(figure, text)

"""Where the networks err: confusion matrices, and the test examples that most runs get wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from octant.analysis.figures.canvas import WIDTH, canvas, defaults, panels, two_lines

_ACROSS = 6  # pictures in a row
_LONGEST = 12  # characters of a class's name beside an axis


@defaults()
def confusion_figure(confusion: Mapping[str, NDArray[np.float64]], names: Sequence[str]) -> Figure:
    """For each configuration the share of a class (row) taken for another (column), in percent; diagonal left blank.

    `names` are the classes', in the order of rows and columns; long ones are cut.
    """
    drawn = dict(list(confusion.items())[:16])
    figure, grid = panels(len(drawn), 2.0, sharex=True, sharey=True)
    words = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..." for name in names]
    words = [word.replace("$", r"\$") for word in words]  # else it would begin a formula
    upright = max(map(len, words)) > 3
    highest = max(max(_off_diagonal(matrix).max() for matrix in drawn.values()), 1e-9)
    for (config, matrix), axes in zip(drawn.items(), grid, strict=True):
        image = axes.imshow(_off_diagonal(matrix), cmap="Blues", vmin=0, vmax=highest)
        axes.set_facecolor("#d9d9d9")  # the diagonal
        axes.set_title(two_lines(config), fontsize=8)
        ticks = range(0, len(matrix), max(1, len(matrix) // 10))
        axes.set_xticks(ticks, [words[tick] for tick in ticks], fontsize=6.5, rotation=90 if upright else 0)
        axes.set_yticks(ticks, [words[tick] for tick in ticks], fontsize=6.5)
    bar = figure.colorbar(image, ax=list(grid), location="bottom", shrink=0.6, aspect=40)
    bar.set_label("% of a class's test examples (down: class, across: what they are taken for)", fontsize=9)
    return figure


@defaults()
def hardest_figure(hardest: pd.DataFrame, images: NDArray[np.float64]) -> Figure:
    """Test examples as pictures, hardest first: class, the most frequent wrong answer, share of runs that err.

    `images` is (examples x rows x columns).
    """
    words = zip(hardest["class"], hardest["said"], hardest["wrong_percent"], strict=True)
    return pictures_figure(images, [f"{label} read as {said}\n{share:.0f} % of runs" for label, said, share in words])


@defaults()
def pictures_figure(images: NDArray[np.float64], captions: Sequence[str]) -> Figure:
    """Pictures (n x rows x columns), each under its caption, six in a row.

    One pair of axes for all: a pair for each would take ten times as long.
    """
    rows, cell = -(-len(images) // _ACROSS), np.array([1.25, 1.55])
    figure = canvas(WIDTH / _ACROSS * rows * cell[1] / cell[0])
    axes = figure.subplots()
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = cell * (i % _ACROSS, i // _ACROSS)
        axes.imshow(image, cmap="gray_r", interpolation="nearest", extent=(x, x + 1, y + 1, y))
        axes.text(x + 0.5, y - 0.03, caption.replace("$", r"\$"), fontsize=7.5, ha="center", va="bottom")
    axes.set_xlim(-0.1, _ACROSS * cell[0] - 0.15)
    axes.set_ylim(rows * cell[1] - 0.45, -0.4)
    axes.set_axis_off()
    return figure


@defaults()
def weights_figure(W1: NDArray[np.float64], shape: tuple[int, int], most: int = 100) -> Figure:
    """The incoming weights of the first hidden units as pictures: W1 (d, h), d = rows x columns of `shape`.

    Red raises a unit's pre-activation, blue lowers it; one scale for all. One image for all, as in pictures_figure.
    """
    units = W1[:, :most].T.reshape(-1, *shape)
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
    bar.set_label(f"weight (the first {len(units)} of {W1.shape[1]} hidden units)", fontsize=9)
    return figure


def _off_diagonal(matrix: NDArray[np.float64]) -> np.ma.MaskedArray[tuple[int, ...], np.dtype[np.float64]]:
    return np.ma.array(matrix, mask=np.eye(len(matrix), dtype=bool))

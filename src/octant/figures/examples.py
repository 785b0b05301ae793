"""Where the networks err: confusion matrices, and the test examples that most runs get wrong."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from octant.figures.canvas import WIDTH, canvas, panels, two_lines

_ACROSS = 6  # pictures in a row


def confusion_figure(confusion: Mapping[str, NDArray[np.float64]]) -> Figure:
    """For each configuration the share of a class (row) taken for another (column), in percent; diagonal left blank."""
    drawn = dict(list(confusion.items())[:16])
    figure, grid = panels(len(drawn), 2.0, sharex=True, sharey=True)
    highest = max(max(_off_diagonal(matrix).max() for matrix in drawn.values()), 1e-9)
    for (config, matrix), axes in zip(drawn.items(), grid, strict=True):
        image = axes.imshow(_off_diagonal(matrix), cmap="Blues", vmin=0, vmax=highest)
        axes.set_facecolor("#d9d9d9")  # the diagonal
        axes.set_title(two_lines(config), fontsize=8)
        ticks = range(0, len(matrix), max(1, len(matrix) // 10))
        axes.set_xticks(ticks, [str(tick) for tick in ticks], fontsize=6.5)
        axes.set_yticks(ticks, [str(tick) for tick in ticks], fontsize=6.5)
    bar = figure.colorbar(image, ax=list(grid), location="bottom", shrink=0.6, aspect=40)
    bar.set_label("% of a class's test examples (down: class, across: what they are taken for)", fontsize=9)
    return figure


def hardest_figure(hardest: pd.DataFrame, images: NDArray[np.float64]) -> Figure:
    """Test examples as pictures, hardest first: class, the most frequent wrong answer, share of runs that err.

    `images` is (examples x rows x columns). One pair of axes for all: a pair for each would take ten times as long.
    """
    rows, cell = -(-len(hardest) // _ACROSS), np.array([1.25, 1.55])
    figure = canvas(WIDTH / _ACROSS * rows * cell[1] / cell[0])
    axes = figure.subplots()
    words = zip(hardest["class"], hardest["said"], hardest["wrong_percent"], strict=True)
    for i, (image, (label, said, share)) in enumerate(zip(images, words, strict=True)):
        x, y = cell * (i % _ACROSS, i // _ACROSS)
        axes.imshow(image, cmap="gray_r", interpolation="nearest", extent=(x, x + 1, y + 1, y))
        said_so = f"{label} read as {said}\n{share:.0f} % of runs"
        axes.text(x + 0.5, y - 0.03, said_so, fontsize=7.5, ha="center", va="bottom")
    axes.set_xlim(-0.1, _ACROSS * cell[0] - 0.15)
    axes.set_ylim(rows * cell[1] - 0.45, -0.4)
    axes.set_axis_off()
    return figure


def _off_diagonal(matrix: NDArray[np.float64]) -> np.ma.MaskedArray[tuple[int, ...], np.dtype[np.float64]]:
    return np.ma.array(matrix, mask=np.eye(len(matrix), dtype=bool))

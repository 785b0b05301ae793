"""Figures: frames in, a figure and its description out. They draw what was computed elsewhere and save nothing.

One width for all, with text that can still be read on a phone. They know a `Question` and no word of any trainer.
"""

from octant.analysis.figures.canvas import Drawing, as_pdf, as_png, rendered
from octant.analysis.figures.curves import curves_figure, panels_figure, value_range
from octant.analysis.figures.design import ENOUGH, Design, design_of
from octant.analysis.figures.examples import (
    boundary_figure,
    confusion_figure,
    grid_of,
    hardest_figure,
    pictures_figure,
    weights_figure,
)
from octant.analysis.figures.interaction import interaction_figure
from octant.analysis.figures.statistics import effects_figure, ranking_figure, ranks_figure
from octant.analysis.figures.tuning import tuning_figure
from octant.analysis.figures.why import why_figure

__all__ = [
    "ENOUGH", "Design", "Drawing", "as_pdf", "as_png", "boundary_figure", "confusion_figure", "curves_figure",
    "design_of", "effects_figure", "grid_of", "hardest_figure", "interaction_figure", "panels_figure",
    "pictures_figure", "ranking_figure", "ranks_figure", "rendered", "tuning_figure", "value_range", "weights_figure",
    "why_figure",
]  # fmt: skip

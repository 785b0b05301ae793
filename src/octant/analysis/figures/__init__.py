"""Figures: frames in, a figure out. They draw what was computed elsewhere and save nothing.

One width for all, with text that can still be read on a phone.
"""

from octant.analysis.figures.curves import accuracy_figure, accuracy_floor, panels_figure
from octant.analysis.figures.examples import confusion_figure, hardest_figure, pictures_figure, weights_figure
from octant.analysis.figures.statistics import effects_figure, ranking_figure, rates_figure

__all__ = [
    "accuracy_figure",
    "accuracy_floor",
    "confusion_figure",
    "effects_figure",
    "hardest_figure",
    "panels_figure",
    "pictures_figure",
    "ranking_figure",
    "rates_figure",
    "weights_figure",
]

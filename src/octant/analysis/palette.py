"""One fixed colour a configuration, in every figure, page and in MLflow.

Dark is hidden sigmoid, light is hidden tanh, and loss and output share a family. The eight stay apart (CIELAB
distance above 30) for normal sight and for simulated protanopia, deuteranopia and tritanopia (Machado, Oliveira
and Fernandes, 2009): a test holds that. Figures add a line style for the hidden activation, so nothing is told
by colour alone.
"""

from __future__ import annotations

COLOURS: dict[str, str] = {
    "cross_entropy-sigmoid-sigmoid": "#004b60",
    "cross_entropy-tanh-sigmoid": "#22bd8d",
    "cross_entropy-sigmoid-softmax": "#4f0088",
    "cross_entropy-tanh-softmax": "#9061ff",
    "mse-sigmoid-sigmoid": "#521a0f",
    "mse-tanh-sigmoid": "#e4a1fd",
    "mse-sigmoid-softmax": "#bb3907",
    "mse-tanh-softmax": "#ff990a",
}
OTHER = "#7f7f7f"  # configurations beyond the cube, such as those with relu

LINE_STYLES: dict[str, str] = {"sigmoid": "--", "tanh": "-", "relu": ":"}


def colour(configuration: str) -> str:
    """The configuration's colour as #rrggbb; grey beyond the cube."""
    return COLOURS.get(configuration, OTHER)


def line_style(configuration: str) -> str:
    """Matplotlib line style of the configuration's hidden activation."""
    return LINE_STYLES.get(configuration.split("-")[1], "-.")

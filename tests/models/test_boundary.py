"""Decision boundaries among a run's figures, for points in the plane."""

from __future__ import annotations

import numpy as np

from octant.analysis.figures import boundary_figure, grid_of
from octant.models.portraits import _portraits_of
from octant.network.data import load
from octant.network.training import train
from support.settings import parse_settings


def test_run_in_plane_has_boundaries() -> None:
    plane = {"name": "moons", "examples": 60, "noise": 0.1, "test_fraction": 0.2}
    settings = parse_settings({"dataset": plane, "engine": "numpy", "hidden_units": 4, "epochs": 3})
    dataset = load(settings.dataset)
    *_, last = train(settings, dataset)
    drawn = dict(_portraits_of(settings, dataset, last.parameters))
    assert set(drawn) == {"confusion", "boundary"}
    assert "after epochs 0, 1, 2, 3" in drawn["boundary"].alt
    titles = [axes.get_title() for axes in drawn["boundary"].figure.axes]
    assert titles == ["before training", "epoch 1", "epoch 2", "epoch 3"]


def test_area_is_drawn_where_it_lies() -> None:
    """The class right of x = 0 fills the image's right half, whatever the rows' order."""
    X = np.array([[-1.0, -2.0], [1.0, 2.0], [0.5, -1.0]])
    points, extent = grid_of(X)
    drawing = boundary_figure({7: (points[:, 0] > 0).astype(int)}, X, np.array([0, 1, 1]), ("left", "right"))
    (image,) = drawing.figure.axes[0].images
    area = np.asarray(image.get_array())
    assert area[:, :70].max() == 0
    assert area[:, 80:].min() == 1
    assert tuple(image.get_extent()) == extent
    assert extent[0] < -1 < 1 < extent[1]
    assert extent[2] < -2 < 2 < extent[3]

"""The test examples as images, for reports."""

from __future__ import annotations

from collections.abc import Mapping

from octant import home
from octant.network.data import load
from octant.network.settings import DataSettings
from octant.seal import Json
from octant.trainer import Pictures


def pictures(source: Mapping[str, Json], dtype: str) -> Pictures | None:
    """The test part of the data set with these settings; None where it is not at hand, or where it is no images."""
    try:
        dataset = load(DataSettings(**source), dtype, home.state() / "cache")
    except (OSError, ValueError, TypeError):
        return None
    shape = dataset.image_shape
    return Pictures(dataset.digest, dataset.test.X.reshape(-1, *shape)) if shape else None

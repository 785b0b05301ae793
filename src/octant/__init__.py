"""octant: which of these choices is better, by how much, and is it real?

octant.main(train, Settings)          your training loop, in one file, from the command line
octant.Settings, octant.Epoch         what such a loop takes and yields
octant.train(loss="mse", epochs=5)    one run of the network that ships, as a DataFrame
octant.compare(frame, ...)            the comparison of any table of runs
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from octant.analysis.tables import compare
    from octant.cli.trainer import main
    from octant.runs.inprocess import train
    from octant.trainer import Data, Epoch, Settings

__all__ = ["Data", "Epoch", "Settings", "compare", "main", "train"]
__version__ = "0.1.0"

# Loaded when they are first asked for: pandas takes half a second, and a worker needs no command line.
_DOORS = {
    "compare": "octant.analysis.tables",
    "main": "octant.cli.trainer",
    "train": "octant.runs.inprocess",
    "Data": "octant.trainer",
    "Epoch": "octant.trainer",
    "Settings": "octant.trainer",
}


def __getattr__(name: str) -> object:
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_DOORS[name]), name)

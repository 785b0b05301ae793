"""From runs to a conclusion: comparison (frames in, frames out), figures (frames to axes), report (words, pages).

`compare` answers a question from any tidy frame. It is loaded when it is first asked for: pandas takes
half a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from octant.analysis.comparison import Comparison
    from octant.analysis.tables import compare, compare_file

__all__ = ["Comparison", "compare", "compare_file"]


def __getattr__(name: str) -> object:
    """The doors of this room, each from its own module."""
    if name in __all__:
        from octant.analysis import comparison, tables

        return getattr(comparison if name == "Comparison" else tables, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""octant: which loss, hidden activation and output activation make a small classifier learn better?"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from octant.analysis.tables import compare

__all__ = ["compare"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`compare`, loaded when it is first asked for: pandas and statsmodels take half a second."""
    if name == "compare":
        from octant.analysis.tables import compare

        return compare
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

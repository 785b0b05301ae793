"""How far two trainings of one run are apart, and what still counts as the same numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

_Name = TypeVar("_Name")
TOLERANCE = 1e-5  # of a number's size: what the rounding of 32-bit numbers leaves after some steps
WITHIN = f"equal within a tolerance of {TOLERANCE:g}"


def apart(then: Mapping[_Name, float], now: Mapping[_Name, float]) -> float:
    """The largest relative difference of numbers by name; infinite where one has a number that the other lacks.

    0 means equal to the last bit; it is infinite, too, where one of two numbers is not finite and the other differs.
    """
    if then.keys() != now.keys():
        return math.inf
    return max((_relative(value, now[key]) for key, value in then.items()), default=0.0)


def _relative(a: float, b: float) -> float:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    return abs(a - b) / max(abs(a), abs(b)) if math.isfinite(a) and math.isfinite(b) else math.inf

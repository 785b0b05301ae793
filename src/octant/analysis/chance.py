"""What a classifier that has learnt nothing scores."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt


def at_chance(accuracy: float, examples: Sequence[int]) -> float | None:
    """The share of the most frequent class if `accuracy` is no better, up to two standard errors; else None.

    `examples` counts the test examples of each class; of a single class nothing can be taken for another.
    """
    total = sum(examples)
    if total == max(examples, default=0):
        return None
    share = max(examples) / total
    return share if accuracy <= share + 2 * sqrt(share * (1 - share) / total) else None

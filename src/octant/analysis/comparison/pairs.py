"""Every configuration against every other, paired by seed, and which of them may be the best."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from octant.analysis.comparison.intervals import holm, shown, student
from octant.analysis.comparison.sweep import Sweep, left_out

_STUDENT = ("sd", "low", "high", "p")
_TRIALS = ("difference", "low", "high", "p_holm", "difference_diverged_as_zero")
COLUMNS = ("first", "second", "n", "difference", *_STUDENT, "p_holm", _TRIALS[-1], "shown", "note")


def pairwise(sweep: Sweep, ranking: list[str]) -> pd.DataFrame:
    """One row a pair, 28 for eight configurations; `ranking` (best first) puts the better one first.

    `difference` is first less second in percentage points, the mean over the n seeds with which both finished; `low`
    and `high` bound its 95 % interval, each pair's for itself. `p` is the paired t test's, `p_holm` adjusted over all
    the pairs. It is t and not sign flips because flips cannot go below 2 / 2^n: adjusted over 28 pairs, ten seeds
    could show no difference however large. No seed in common, or one: NaN and a note.
    """
    table = pd.DataFrame([_row(sweep, *pair) for pair in combinations(ranking, 2)], columns=list(COLUMNS))
    table["p_holm"] = holm(table["p"].to_numpy(dtype=np.float64))
    table["shown"] = shown(*(table[name].to_numpy(dtype=np.float64) for name in _TRIALS))
    return table


def not_told_apart(pairs: pd.DataFrame, ranking: list[str]) -> tuple[str, ...]:
    """The first of `ranking` and every configuration whose difference in its favour is not shown.

    The best was picked from the same numbers, so the p-values stay adjusted over all pairs and not over those with
    the best alone: that covers whichever turned out best.
    """
    if not ranking:
        return ()
    ahead = pairs[(pairs["first"] == ranking[0]) & pairs["shown"] & (pairs["difference"] > 0)]
    beaten = set(ahead["second"])
    return tuple(config for config in ranking if config not in beaten)


def _row(sweep: Sweep, first: str, second: str) -> dict[str, Any]:
    gaps = (sweep.accuracy[first] - sweep.accuracy[second]).dropna()
    as_zero = (sweep.as_zero[first] - sweep.as_zero[second]).mean()
    t = student(gaps.to_numpy())
    few = {0: "no seed in common: no comparison", 1: "one seed in common: no interval"}.get(len(gaps), "")
    gone = left_out(sweep, (first, second))
    return {
        **{"first": first, "second": second, "n": len(gaps), "difference": float(t.mean)},
        **{name: float(getattr(t, name)) for name in _STUDENT},
        "difference_diverged_as_zero": as_zero,
        "note": "; ".join(part for part in (few, gone) if part),
    }

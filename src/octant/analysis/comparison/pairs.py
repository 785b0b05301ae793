"""Configurations against one another, paired by repeat."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from octant.analysis.comparison.design import PairedRuns, left_out
from octant.analysis.comparison.intervals import holm, shown, student_rows
from octant.analysis.comparison.sources import ALONE, Sources, between, widened

MOST = 60  # configurations of which every pair is compared: 1,770 pairs


def pairwise(design: PairedRuns, ranking: list[str], sources: Sources = ALONE) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """One row per pair, 28 for eight configurations, and notes; `ranking` (best first) puts the better one first.

    `difference` is first minus second, in percentage points for shares: the mean over the n repeats with which both
    finished; `low` and `high` bound its 95 % interval, each pair's for itself. `p` is the paired t test's, `p_holm`
    adjusted over all the pairs; all hold under repeated looks. It is t and not sign flips because flips cannot go below
    2 / 2^n: adjusted over 28 pairs, ten seeds could show no difference however large. No repeat in common, or one: NaN
    and a note. With more than 60 configurations only the best one is compared with each of the others. `sources` widen
    all of these, and add a column each with the standard error that comes of them.
    """
    places = {config: at for at, config in enumerate(design.configs)}
    all_pairs = len(ranking) <= MOST
    pairs = list(combinations(ranking, 2)) if all_pairs else [(ranking[0], other) for other in ranking[1:]]
    columns = [(places[first], places[second]) for first, second in pairs]
    table = pd.DataFrame(pairs, columns=["first", "second"])
    left, right = np.array(columns, dtype=np.int64).reshape(-1, 2).T
    each = (design.values[:, left] - design.values[:, right]).T
    table["n"], t = student_rows(each, design.unit, design.step, design.level, design.overlap)
    wide = widened(t, np.isfinite(each), between(left, right, len(design.configs)), sources, design.level)
    t, p = wide.t, design.looks.adjusted(wide.t.p)
    table = table.assign(difference=t.mean, sd=t.sd, low=t.low, high=t.high, p=p, p_holm=holm(p))
    _, charged = student_rows((design.charged[:, left] - design.charged[:, right]).T, design.unit)
    table[f"difference_diverged_as_{design.question.diverged_as}"] = charged.mean
    table["shown"] = shown(t.mean, t.low, t.high, table["p_holm"].to_numpy(), charged.mean, design.rounding,
                           design.alpha)  # fmt: skip
    table = table.assign(**wide.errors)
    table["note"] = [_note(design, n, pair) for n, pair in zip(table["n"], columns, strict=True)]
    few = f"{len(ranking)} configurations: each is compared with the best one alone, not all pairs"
    return table, () if all_pairs else (few,)


def _note(design: PairedRuns, n: int, pair: tuple[int, int]) -> str:
    noun = design.question.noun
    few = {
        0: f"no {noun} in common: no comparison",
        1: f"one {noun} in common: no interval" * (not design.question.exact),
    }.get(n, "")
    return "; ".join(part for part in (few, left_out(design, pair)) if part)

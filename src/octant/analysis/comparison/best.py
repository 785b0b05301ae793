"""Which configuration may be the best: comparisons with the best, and what is true of the one that was picked.

Picking the best from the same numbers that describe it flatters it. So each configuration is compared with all others
at the level of claims over these comparisons (Hsu 1996, by Bonferroni's inequality), and the intervals here cover
whichever is picked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from octant.analysis.comparison.bootstrap import DRAWS, SEED, counts, draws
from octant.analysis.comparison.design import PairedRuns
from octant.analysis.comparison.intervals import ROUNDING, Array, student_rows
from octant.analysis.comparison.repeated import FIXED, Looks
from octant.analysis.comparison.sources import ALONE, Sources, between, widened
from octant.analysis.question import Question


def behind(pairs: pd.DataFrame, question: Question, count: int, alpha: float) -> frozenset[str]:
    """The configurations of the table of pairs that another one is ahead of; `count` is how many there are.

    Shown in the table (adjusted over all pairs), or by comparison with the best: a p that is below `alpha` when
    multiplied by the number of the others. Both ask that diverged runs do not turn the sign.
    """
    charged = pairs[f"difference_diverged_as_{question.diverged_as}"]
    same = np.sign(pairs["difference"]) == np.sign(charged)
    ahead = pairs[(pairs["shown"] | (pairs["p"] * (count - 1) < alpha)) & same]
    gain = question.sign * ahead["difference"]
    return frozenset(ahead["second"].where(gain > 0, ahead["first"]))


def not_told_apart(pairs: pd.DataFrame, question: Question, ranking: Sequence[str], alpha: float) -> tuple[str, ...]:
    """The configurations of `ranking`, best first, that may be the best; the first one where all are behind another."""
    out = behind(pairs, question, len(ranking), alpha)
    return tuple(name for name in ranking if name not in out) or tuple(ranking[:1])


def of_the_best(
    design: PairedRuns, ranking: Sequence[str], may_be: Sequence[str], sources: Sources = ALONE
) -> pd.DataFrame:
    """One row a configuration of `ranking` that finished: whether it may be the best, and how surely it is.

    `probability` of being best: the share of 2,000 bootstraps over the repeats (their seed is fixed) in which its mean
    is; the `sources` are drawn again in each, too. `low` and `high` bound its mean and cover for all configurations at
    once, so also for the one that was picked. `lead` is its difference to the best of the others, as a gain; its ends
    cover for all pairs at once.
    """
    columns = [design.column(name) for name in ranking]
    values, k = design.values[:, columns], len(ranking)
    n, t = student_rows(values.T, design.unit, design.step, overlap=design.overlap)
    wide = widened(t, np.isfinite(values.T), np.eye(len(design.configs))[columns], sources)
    low, high = wide.interval(n, design.skewness, 1 - design.looks.nominal(k))
    gains, own = design.question.sign * values, sources.of(columns)
    lead = [_lead(gains, at, design.step, design.looks, own, design.overlap, design.unit) for at in range(k)]
    lead_of = np.array(lead).reshape(k, 3)
    return pd.DataFrame(
        {"config": list(ranking), "may_be_best": [name in may_be for name in ranking],
         "probability": _probability(design.question.sign * design.charged[:, columns],
                                     design.question.sign * _drawn_again(own), design.unit), "mean": t.mean,
         "low": low, "high": high, "lead": lead_of[:, 0], "lead_low": lead_of[:, 1],
         "lead_high": lead_of[:, 2]}
    )  # fmt: skip


def _lead(
    gains: Array,
    at: int,
    step: float = 0.0,
    looks: Looks = FIXED,
    sources: Sources = ALONE,
    overlap: float = 0.0,
    unit: float = 1.0,
) -> tuple[float, float, float]:
    """Of one column over the best of the others, paired; the ends from the intervals of all pairs at once."""
    k = gains.shape[1]
    if k < 2:
        return np.nan, np.nan, np.nan
    others = np.delete(np.arange(k), at)
    each = (gains[:, [at]] - gains[:, others]).T
    _, t = student_rows(each, unit, step, overlap=overlap)
    wide = widened(t, np.isfinite(each), between(np.full(k - 1, at), others, k), sources)
    half = -special.stdtrit(wide.df, looks.nominal(k * (k - 1) // 2) / 2) * wide.error
    ends = t.mean, t.mean - half, t.mean + half
    return tuple(float(np.nanmin(each)) if np.isfinite(each).any() else np.nan for each in ends)  # type: ignore[return-value]


def _drawn_again(sources: Sources) -> Array:
    """What drawing the sources again does to each mean (draws x configurations, or nothing)."""
    chosen = sources.choice.again if sources.choice else np.zeros((DRAWS, 1))
    return chosen + sources.examples.resampled(DRAWS, SEED) if sources.examples else chosen


def _probability(gains: Array, more: Array | float = 0.0, unit: float = 1.0) -> Array:
    """Of each column, to have the largest mean of the rows drawn with replacement, and `more`; ties are shared."""
    if not gains.size:
        return np.zeros(gains.shape[1])
    drawn, known = counts(draws(len(gains)), len(gains)), np.isfinite(gains)
    number = drawn @ known
    means = np.where(number > 0, drawn @ np.where(known, gains, 0.0) / np.maximum(number, 1) + more, -np.inf)
    best = np.isclose(means, means.max(axis=1, keepdims=True), rtol=0, atol=ROUNDING * unit)
    return np.asarray((best / best.sum(axis=1, keepdims=True)).mean(axis=0))

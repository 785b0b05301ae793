"""Which configuration may be the best: comparisons with the best, and what is true of the one that was picked.

Picking the best from the same numbers that describe it flatters it. So each configuration is compared with all others
at 5 % over these comparisons (Hsu 1996, by Bonferroni's inequality), and the intervals here cover whichever is picked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from octant.analysis.comparison.design import PairedRuns
from octant.analysis.comparison.intervals import ALPHA, Array, Student, student_rows
from octant.analysis.comparison.repeated import FIXED, Looks
from octant.analysis.question import Question

DRAWS = 2_000
SEED = 20_052


def behind(pairs: pd.DataFrame, question: Question, count: int) -> frozenset[str]:
    """The configurations of the table of pairs that another one is ahead of; `count` is how many there are.

    Shown in the table (adjusted over all pairs), or by comparison with the best: a p that is below 0.05 when multiplied
    by the number of the others. Both ask that diverged runs do not turn the sign.
    """
    charged = pairs[f"difference_diverged_as_{question.diverged_as}"]
    same = np.sign(pairs["difference"]) == np.sign(charged)
    ahead = pairs[(pairs["shown"] | (pairs["p"] * (count - 1) < ALPHA)) & same]
    gain = question.sign * ahead["difference"]
    return frozenset(ahead["second"].where(gain > 0, ahead["first"]))


def not_told_apart(pairs: pd.DataFrame, question: Question, ranking: Sequence[str]) -> tuple[str, ...]:
    """The configurations of `ranking`, best first, that may be the best; the first one where all are behind another."""
    out = behind(pairs, question, len(ranking))
    return tuple(name for name in ranking if name not in out) or tuple(ranking[:1])


def of_the_best(design: PairedRuns, ranking: Sequence[str], may_be: Sequence[str]) -> pd.DataFrame:
    """One row a configuration of `ranking` that finished: whether it may be the best, and how surely it is.

    `probability` of being best: the share of 2,000 bootstraps over the repeats (their seed is fixed) in which its mean
    is. `low` and `high` bound its mean and cover for all configurations at once, so also for the one that was picked.
    `lead` is its difference to the best of the others, as a gain; its ends cover for all pairs at once.
    """
    columns = [design.column(name) for name in ranking]
    values, k = design.values[:, columns], len(ranking)
    n, t = student_rows(values.T, design.unit, design.step)
    half, gains = _widened(n, t, design.looks.nominal(k)), design.question.sign * values
    lead = np.array([_lead(gains, at, design.step, design.looks) for at in range(k)]).reshape(k, 3)
    return pd.DataFrame(
        {"config": list(ranking), "may_be_best": [name in may_be for name in ranking],
         "probability": _probability(design.question.sign * design.charged[:, columns]), "mean": t.mean,
         "low": t.mean - half, "high": t.mean + half, "lead": lead[:, 0], "lead_low": lead[:, 1],
         "lead_high": lead[:, 2]}
    )  # fmt: skip


def _widened(n: NDArray[np.int64], t: Student, alpha: float) -> Array:
    """Half the width of a 95 % interval made as wide as one of the level 1 - `alpha`."""
    one, all_of_them = (-special.stdtrit(np.where(n > 1, n - 1, np.nan), each / 2) for each in (ALPHA, alpha))
    return np.asarray((t.high - t.low) / 2 * all_of_them / one)


def _lead(gains: Array, at: int, step: float = 0.0, looks: Looks = FIXED) -> tuple[float, float, float]:
    """Of one column over the best of the others, paired; the ends from the intervals of all pairs at once."""
    k = gains.shape[1]
    if k < 2:
        return np.nan, np.nan, np.nan
    n, t = student_rows((gains[:, [at]] - np.delete(gains, at, axis=1)).T, step=step)
    half = _widened(n, t, looks.nominal(k * (k - 1) // 2))
    ends = t.mean, t.mean - half, t.mean + half
    return tuple(float(np.nanmin(each)) if np.isfinite(each).any() else np.nan for each in ends)  # type: ignore[return-value]


def _probability(gains: Array) -> Array:
    """Of each column, to have the largest mean of the rows drawn with replacement; ties are shared."""
    if not gains.size:
        return np.zeros(gains.shape[1])
    rows = np.random.default_rng(SEED).integers(len(gains), size=(DRAWS, len(gains)))
    drawn = np.stack([(rows == at).sum(axis=1) for at in range(len(gains))], axis=1).astype(float)
    known = np.isfinite(gains)
    counts = drawn @ known
    means = np.where(counts > 0, drawn @ np.where(known, gains, 0.0) / np.maximum(counts, 1), -np.inf)
    best = np.isclose(means, means.max(axis=1, keepdims=True), rtol=0, atol=1e-9)
    return np.asarray((best / best.sum(axis=1, keepdims=True)).mean(axis=0))

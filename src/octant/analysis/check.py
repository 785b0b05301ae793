"""Did a change of the trainer's code help? The same runs by two codes, paired by configuration and repeat.

The code is one more factor, with the levels `base` and `head`; what is decided is its effect on average over the
configurations. Every attempt against one BASE spends a part of one level, so that many attempts are not many chances.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import pi

import numpy as np
import pandas as pd

from octant.analysis.comparison.design import PairedRuns, charge, lay_out
from octant.analysis.comparison.intervals import ROUNDING, Array, student
from octant.analysis.comparison.runs import with_config
from octant.analysis.comparison.settings import config_names
from octant.analysis.comparison.tuning import choose, runs_at
from octant.analysis.decide import decided, decided_exactly
from octant.analysis.question import Question
from octant.analysis.verdict import Decision, Difference
from octant.errors import InputError

CODE = "code"  # the factor
SIDES = ("base", "head")
TOTAL = 0.05  # the level of all attempts together


@dataclass(frozen=True)
class Change:
    """What a change of code comes to.

    `average` is head less base over all configurations, at the level `alpha`; `each` the same of each configuration,
    at `alpha` over all of them together. `means` are base's and head's, in the tables' unit; `diverged` counts runs,
    which are charged as `Question.diverged_as`. `same` says whether all numbers are those of base.
    """

    question: Question
    alpha: float
    average: Difference
    each: Mapping[str, Difference]
    means: Mapping[str, tuple[float, float]]
    runs: int
    diverged: tuple[int, int]
    same: bool

    @property
    def decision(self) -> Decision:
        """EQUAL where no number has changed; else that of the average."""
        return Decision.EQUAL if self.same else self.average.decision


def alpha_of(attempt: int) -> float:
    """The level of the k-th attempt, counted from 1: 0.05 x 6 / (pi k)^2.

    All of them, without end, add up to 0.05: by Bonferroni's inequality no more than 5 % of all sequences of attempts
    hold a false alarm, however the attempts depend on one another (alpha spending: Foster & Stine, JRSS B 70, 2008).
    """
    return TOTAL * 6 / (pi * attempt) ** 2


def change_of(
    base: pd.DataFrame, head: pd.DataFrame, question: Question, alpha: float, settings: tuple[str, ...]
) -> Change:
    """Compare two frames of runs, one row per run; `settings` are the columns that the sweeps vary.

    Raises InputError where the two have other configurations, and as lay_out does.
    """
    frames = dict(zip(SIDES, (base, head), strict=True))
    both = _charged(pd.concat([each.assign(**{CODE: side}) for side, each in frames.items()]), question)
    asked = replace(question, compare=(CODE, *question.compare))
    if question.tune:
        both = runs_at(both, choose(both, asked), asked)
    design = lay_out(both, asked, (CODE, *settings))
    names, old, new = _pairs(design, question)
    gains = question.sign * (design.values[:, new] - design.values[:, old])
    each = {
        name: difference(gains[:, at], question, alpha / len(names), design.unit, design.step, design.overlap)
        for at, name in enumerate(names)
    }
    means = np.nanmean(design.values, axis=0)
    return Change(
        question,
        alpha,
        difference(gains.mean(axis=1), question, alpha, design.unit, design.step, design.overlap),
        each,
        {name: (means[old[at]], means[new[at]]) for at, name in enumerate(names)},
        len(head),
        (int((base["outcome"] != "finished").sum()), int((head["outcome"] != "finished").sum())),
        _same(base, head, question),
    )


def difference(
    gains: Array, question: Question, alpha: float, unit: float = 1.0, step: float = 0.0, overlap: float = 0.0
) -> Difference:
    """Head less base from the gain of each repeat (NaN: not paired), with its interval at the level 1 - `alpha`."""
    base, head = SIDES
    gains = gains[np.isfinite(gains)]
    n, t = len(gains), student(gains, unit, step, 1 - alpha, overlap)
    gain, sd, low, high, p = (float(each) for each in (t.mean, t.sd, t.low, t.high, t.p))
    if question.exact:
        decision = decided_exactly(gain, sd, n, abs(gain) > ROUNDING * unit, question.margin)
        return Difference(head, base, n, gain, sd, gain, gain, p, decision)
    is_shown = p < alpha and (low > 0 or high < 0)
    decision = decided(gain, low, high, n, is_shown, question.margin)
    return Difference(head, base, n, gain, sd, low, high, p, decision)


def _charged(runs: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Diverged runs as finished ones with what they are charged: code that makes runs diverge is worse code."""
    metrics = [question.endpoint, *([question.validation] if question.tune else [])]
    counted = {name: charge(runs, question, name)[1] / question.scale for name in metrics}
    return runs.assign(outcome="finished", **counted).reset_index(drop=True)


def _pairs(design: PairedRuns, question: Question) -> tuple[list[str], list[int], list[int]]:
    """The configurations' names, and the columns of base and of head that they have."""
    own = [tuple(row[1:]) for row in design.codes.tolist()]
    old, new = ({own[at]: at for at, is_one in enumerate(design.codes[:, 0] == side) if is_one} for side in (0, 1))
    if old.keys() != new.keys() or not old:
        raise InputError("check: the two revisions' experiment has not the same configurations; name settings that "
                         "both have, such as loss=mse,cross_entropy")  # fmt: skip
    firsts = design.runs.drop_duplicates("config").set_index("config")
    names = config_names(firsts, question.compare)
    return [str(names[design.configs[old[key]]]) for key in old], list(old.values()), [new[key] for key in old]


def _same(base: pd.DataFrame, head: pd.DataFrame, question: Question) -> bool:
    """Whether the code is the same, or all that the runs measured is, up to the time it took."""
    if set(base["fingerprint"]) == set(head["fingerprint"]):
        return True
    numbers = [name for name in base.select_dtypes(float) if name in head and name != "seconds_per_epoch"]
    first, second = (with_config(each, question)[numbers] for each in (base, head))
    return bool(numbers) and first.equals(second)

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

from octant.analysis.comparison.choice import choice_of
from octant.analysis.comparison.design import PairedRuns, charge, lay_out
from octant.analysis.comparison.examples import Correctness, examples_of
from octant.analysis.comparison.intervals import ROUNDING, Array, student_rows
from octant.analysis.comparison.runs import with_config
from octant.analysis.comparison.scope import Scope, scope_of
from octant.analysis.comparison.settings import config_names
from octant.analysis.comparison.sources import ALONE, Sources, between, widened
from octant.analysis.comparison.tuning import choose, runs_at
from octant.analysis.decide import decided, decided_exactly
from octant.analysis.question import Question
from octant.analysis.verdict import Decision, Difference
from octant.errors import InputError
from octant.seal import Json

CODE = "code"  # the factor
SIDES = ("base", "head")
TOTAL = 0.05  # the level of all attempts together


@dataclass(frozen=True)
class Change:
    """What a change of code comes to.

    `average` is head less base over all configurations, at the level `alpha`; `each` the same of each configuration,
    at `alpha` over all of them together. `means` are base's and head's, in the tables' unit; `diverged` counts runs,
    which are charged as `Question.diverged_as`. `same` says whether all numbers are those of base, `scope` over what
    the answer holds.
    """

    question: Question
    alpha: float
    average: Difference
    each: Mapping[str, Difference]
    means: Mapping[str, tuple[float, float]]
    runs: int
    diverged: tuple[int, int]
    same: bool
    scope: Scope

    @property
    def repeats(self) -> int:
        """Those that both sides have."""
        return self.average.n

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
    base: pd.DataFrame,
    head: pd.DataFrame,
    question: Question,
    alpha: float,
    settings: tuple[str, ...],
    errors: Mapping[str, Mapping[str, Json]] | None = None,
) -> Change:
    """Compare two frames of runs, one row per run; `settings` are the columns that the sweeps vary.

    The intervals are over what the question asks for: `errors` has what each run got wrong on the test set, by
    fingerprint, for one over new examples. Raises InputError where the two have other configurations, and as lay_out
    does.
    """
    frames = dict(zip(SIDES, (base, head), strict=True))
    both = _charged(pd.concat([each.assign(**{CODE: side}) for side, each in frames.items()]), question)
    asked = replace(question, compare=(CODE, *question.compare))
    grid = both
    if question.tune:
        both = runs_at(both, choose(both, asked), asked)
    design = lay_out(both, asked, (CODE, *settings))
    names, old, new = _pairs(design, question)
    gains = question.sign * (design.values[:, new] - design.values[:, old])
    weights = between(np.array(new), np.array(old), len(design.configs))
    examples = examples_of(design, errors or {}) if question.over == "examples" else ""
    sources = Sources(
        choice_of(grid, asked, design) if question.tune and len(design.repeats) > 1 else None,
        examples if isinstance(examples, Correctness) else None,
    )

    def decide(gains: Array, alpha: float, weights: Array) -> Difference:
        return difference(gains, question, alpha, design.unit, design.step, design.overlap, weights, sources)

    unchanged = _unchanged(base, head, question)
    nothing = Difference(*SIDES[::-1], len(design.repeats), 0.0, 0.0, 0.0, 0.0, 1.0, Decision.EQUAL)
    known = (sources.examples.count, "") if sources.examples else (0, str(examples))
    means = np.nanmean(design.values, axis=0)
    return Change(
        question,
        alpha,
        decide(gains.mean(axis=1), alpha, weights.mean(axis=0)),
        {
            name: nothing if name in unchanged else decide(gains[:, at], alpha / len(names), weights[at])
            for at, name in enumerate(names)
        },
        {name: (means[old[at]], means[new[at]]) for at, name in enumerate(names)},
        len(head),
        (int((base["outcome"] != "finished").sum()), int((head["outcome"] != "finished").sum())),
        unchanged == {*names},
        scope_of(design.runs, question, *known),
    )


def difference(
    gains: Array,
    question: Question,
    alpha: float,
    unit: float = 1.0,
    step: float = 0.0,
    overlap: float = 0.0,
    weights: Array | None = None,
    sources: Sources = ALONE,
) -> Difference:
    """Head less base from the gain of each repeat (NaN: not paired), with its interval at the level 1 - `alpha`.

    `weights` are those of the configurations in the gain, for what the `sources` add to its variance.
    """
    base, head = SIDES
    each = gains[None]
    counts, t = student_rows(each, unit, step, 1 - alpha, overlap)
    n = int(counts[0])
    wide = widened(t, np.isfinite(each), np.zeros((1, 0)) if weights is None else weights[None], sources, 1 - alpha)
    gain, sd, low, high, p = (float(getattr(wide.t, name)[0]) for name in ("mean", "sd", "low", "high", "p"))
    choice, examples = (float(wide.errors.get(name, [0.0])[0]) for name in ("choice_error", "examples_error"))
    gain = gain if abs(gain) > ROUNDING * unit else 0.0
    if question.exact:
        decision = decided_exactly(gain, sd, n, gain != 0, question.margin)
        return Difference(head, base, n, gain, sd, gain, gain, p, decision)
    is_shown = p < alpha and (low > 0 or high < 0)
    sd = float(np.hypot(sd * np.sqrt(1 + n * overlap), choice * np.sqrt(n)))
    decision = decided(gain, low, high, n, is_shown, question.margin)
    return Difference(head, base, n, gain, sd, low, high, p, decision, examples**2)


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


def _unchanged(base: pd.DataFrame, head: pd.DataFrame, question: Question) -> set[str]:
    """The configurations of which the runs are the same, or all that they measured is, up to the time it took."""
    numbers = [name for name in base.select_dtypes(float) if name in head and name != "seconds_per_epoch"]
    first, second = (dict(list(with_config(each, question).groupby("config"))) for each in (base, head))
    return {
        str(name)
        for name, runs in first.items()
        if name in second
        and (
            [*runs["fingerprint"]] == [*second[name]["fingerprint"]]
            or (numbers and runs[numbers].reset_index(drop=True).equals(second[name][numbers].reset_index(drop=True)))
        )
    }

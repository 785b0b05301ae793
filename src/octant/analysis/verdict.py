"""What a comparison comes to: better, worse, equal within the margin, or undecided. Numbers in, typed verdicts out.

Nothing is decided with fewer than five repeats. A difference is one where the comparison's tables show it; where it
depends on other factors, it is looked at within their levels, and never averaged across them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import combinations, product

import numpy as np
import pandas as pd

from octant.analysis.comparison import Comparison, Design, Question, lay_out
from octant.analysis.comparison.effects import per_repeat
from octant.analysis.comparison.intervals import ALPHA, Array, holm, shown, student_rows
from octant.analysis.comparison.settings import word
from octant.analysis.power import ENOUGH, equality_p, repeats_needed

MOST_CELLS = 12  # of the factors that another one depends on; beyond these only configurations are spoken of


class Decision(StrEnum):
    """What two things come to; `better` is the first one's."""

    BETTER = "better"
    WORSE = "worse"
    EQUAL = "equal"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Difference:
    """The first less the second, paired by repeat, as a gain: above 0 the first is better, whatever the goal.

    `low` and `high` bound its 95 % interval, `sd` is that of the `n` paired differences; all in the tables' unit.
    `p` is adjusted for all comparisons of its table.
    """

    first: str
    second: str
    n: int
    gain: float
    sd: float
    low: float
    high: float
    p: float
    decision: Decision

    @property
    def turned(self) -> Difference:
        """The same difference seen from the other side."""
        swapped = {Decision.BETTER: Decision.WORSE, Decision.WORSE: Decision.BETTER}
        return Difference(self.second, self.first, self.n, -self.gain, self.sd, -self.high, -self.low, self.p,
                          swapped.get(self.decision, self.decision))  # fmt: skip

    def needed(self, margin: float | None, family: int) -> int | None:
        """How many repeats would decide it; see `repeats_needed`."""
        return repeats_needed(self.gain, self.sd, self.n, margin, family)


@dataclass(frozen=True)
class Ranking:
    """Configurations, or the levels of a factor, best first, and how the first stands to each of the others.

    `against` has a difference for each other name, in their order.
    """

    names: tuple[str, ...]
    against: tuple[Difference, ...]

    @cached_property
    def leaders(self) -> tuple[str, ...]:
        """The first, and whatever is not shown to be behind it: each of them may be the best."""
        return self.names[:1] + tuple(each.second for each in self.against if each.decision is not Decision.BETTER)

    @cached_property
    def decision(self) -> Decision:
        """BETTER: there is one best. EQUAL: all are within the margin of the first one. Else UNDECIDED."""
        kinds = {each.decision for each in self.against}
        return kinds.pop() if len(kinds) == 1 and kinds <= {Decision.BETTER, Decision.EQUAL} else Decision.UNDECIDED

    @cached_property
    def lead(self) -> Difference:
        """The first over the nearest of the others: the smallest gain."""
        return min(self.against, key=lambda each: each.gain)


@dataclass(frozen=True)
class Cell:
    """A factor's levels compared at these levels of the factors that it interacts with; on average where none."""

    where: tuple[tuple[str, str], ...]
    ranking: Ranking


@dataclass(frozen=True)
class Factor:
    """What one factor does: on average over the others, or in each cell of those that it is shown to depend on."""

    name: str
    cells: tuple[Cell, ...]

    @property
    def partners(self) -> tuple[str, ...]:
        """The factors that it interacts with."""
        return tuple(name for name, _ in self.cells[0].where)

    @property
    def decision(self) -> Decision:
        """The one decision of all cells, with the same winner; UNDECIDED where they differ."""
        kinds = {(each.ranking.decision, each.ranking.names[0]) for each in self.cells}
        same = len(kinds) == 1 or {kind for kind, _ in kinds} == {Decision.EQUAL}
        return self.cells[0].ranking.decision if same else Decision.UNDECIDED


@dataclass(frozen=True)
class Verdict:
    """All that the first screen says, as numbers. `cells` has the varied levels of each configuration, as words.

    `best` ranks the configurations with a finished run; it has no names where there is none. `repeats` is the most
    that any configuration has, `open` the pairs of configurations between which no difference is shown.
    """

    question: Question
    best: Ranking
    factors: tuple[Factor, ...]
    means: Mapping[str, float]
    cells: Mapping[str, Mapping[str, str]]
    repeats: int
    runs: int
    diverged: int
    open: int


def verdict_of(comparison: Comparison) -> Verdict:
    """What the comparison comes to."""
    question, summary = comparison.question, comparison.summary
    finished = summary[summary["n"] > 0]
    varied = [name for name in question.compare if summary[name].map(word).nunique() > 1]
    cells = {row["config"]: {name: word(row[name]) for name in varied} for _, row in summary.iterrows()}
    names = list(finished["config"])
    pairs = comparison.pairs
    found = {(a.first, a.second): a for a in differences(pairs.rename(columns={"difference": "estimate"}), question)}
    best = Ranking(tuple(names), tuple(found[names[0], other] for other in names[1:])) if names else Ranking((), ())
    return Verdict(
        question,
        best,
        tuple(_factors(comparison)) if len(varied) > 1 and names else (),
        dict(zip(names, finished["mean"], strict=True)),
        cells,
        int(summary["n"].max()),
        len(comparison.runs),
        int(summary["diverged"].sum()),
        int((~pairs["shown"].astype(bool)).sum()),
    )


def differences(table: pd.DataFrame, question: Question) -> Iterable[Difference]:
    """The rows of a table with first, second, n, estimate, sd, low, high and shown, decided."""
    for row in table.to_dict("records"):
        sign = question.sign
        low, high = sorted((sign * row["low"], sign * row["high"])) if row["n"] > 1 else (np.nan, np.nan)
        gain = sign * row["estimate"]
        decided = _decided(gain, row["sd"], int(row["n"]), bool(row["shown"]), question.margin)
        yield Difference(row["first"], row["second"], int(row["n"]), gain, row["sd"], low, high, row["p_holm"], decided)


def _decided(gain: float, sd: float, n: int, is_shown: bool, margin: float | None) -> Decision:
    if n < ENOUGH:
        return Decision.UNDECIDED
    if margin is not None and equality_p(gain, sd, n, margin) < ALPHA:
        return Decision.EQUAL
    return (Decision.BETTER if gain > 0 else Decision.WORSE) if is_shown else Decision.UNDECIDED


def _factors(comparison: Comparison) -> Iterable[Factor]:
    """Each factor that has effects: on average where it interacts with none, else within the others' levels."""
    effects, question = comparison.effects, comparison.question
    interacting = [set(name.split(" x ")) for name in effects.loc[(effects["order"] > 1) & effects["shown"], "effect"]]
    mains = effects[effects["order"] == 1]
    for name in dict.fromkeys(mains["effect"]):
        partners = set().union(*(each for each in interacting if name in each)) - {name}
        if not partners:
            rows = mains[mains["effect"] == name].rename(columns={"plus": "first", "minus": "second"})
            yield Factor(name, (Cell((), _ranked(list(differences(rows, question)))),))
            continue
        design = lay_out(comparison.runs, question, ())
        if cells := _within(design, name, [each for each in question.compare if each in partners]):
            yield Factor(name, cells)


def _ranked(found: Sequence[Difference]) -> Ranking:
    """A ranking of all that the differences name, which are of every pair."""
    both = {(each.first, each.second): each for one in found for each in (one, one.turned)}
    names = dict.fromkeys(name for each in found for name in (each.second, each.first))
    ahead = {name: sum(each.gain for (first, _), each in both.items() if first == name) for name in names}
    first, *others = sorted(names, key=lambda name: -ahead[name])
    return Ranking((first, *others), tuple(both[first, other] for other in others))


def _within(design: Design, factor: str, partners: Sequence[str]) -> tuple[Cell, ...]:
    """The factor's levels compared in each cell of its partners, one Holm family in all; none where cells lack."""
    at = {name: [word(level) for level in levels] for name, levels in design.levels.items()}
    places = list(product(*(range(len(at[name])) for name in partners)))
    pairs = list(combinations(range(len(at[factor])), 2))
    if len(places) > MOST_CELLS:
        return ()
    weights = [_weights(design, factor, pair, dict(zip(partners, place, strict=True)))
               for place in places for pair in pairs]  # fmt: skip
    if any(each is None for each in weights):
        return ()
    table = _paired(design, np.array(weights))
    # The later level first, as in the table of effects.
    table["first"] = [at[factor][b] for _ in places for _, b in pairs]
    table["second"] = [at[factor][a] for _ in places for a, _ in pairs]
    found, step = list(differences(table, design.question)), len(pairs)
    rankings = [_ranked(found[i * step : (i + 1) * step]) for i in range(len(places))]
    where = [tuple((name, at[name][p]) for name, p in zip(partners, place, strict=True)) for place in places]
    return tuple(Cell(*each) for each in zip(where, rankings, strict=True))


def _weights(design: Design, factor: str, pair: tuple[int, int], place: Mapping[str, int]) -> Array | None:
    """Weights of the second level's mean less the first one's, at a place of the partners; None without runs.

    Each combination of the other factors that has both levels counts the same.
    """
    names = list(design.levels)
    here = np.all([design.codes[:, names.index(name)] == at for name, at in place.items()], axis=0)
    own = design.codes[:, names.index(factor)]
    others = [tuple(row) for row in np.delete(design.codes, names.index(factor), axis=1).tolist()]
    there = np.isfinite(design.values).any(axis=0) & here
    sides = [{others[i]: i for i in np.flatnonzero(there & (own == at))} for at in pair]
    both = sorted(set(sides[0]) & set(sides[1]))
    if not both:
        return None
    weights = np.zeros(len(own))
    for sign, side in zip((-1, 1), sides, strict=True):
        weights[[side[each] for each in both]] = sign / len(both)
    return weights


def _paired(design: Design, weights: Array) -> pd.DataFrame:
    """The contrasts paired by repeat, as the table of pairs has them: t, Holm over all of them."""
    n, t = student_rows(_each(design.values, weights), design.unit)
    charged = student_rows(_each(design.charged, weights), design.unit)[1].mean
    adjusted = holm(t.p)
    decided = shown(t.mean, t.low, t.high, adjusted, charged)
    numbers = {"n": n, "estimate": t.mean, "sd": t.sd, "low": t.low, "high": t.high, "p_holm": adjusted}
    return pd.DataFrame(numbers | {"shown": decided})


def _each(values: Array, weights: Array) -> Array:
    """Each contrast of each repeat, NaN where the repeat lacks a cell that it needs."""
    lacking = (weights != 0).astype(float) @ np.isnan(values).T.astype(float) > 0
    return np.where(lacking, np.nan, per_repeat(np.nan_to_num(values), weights))

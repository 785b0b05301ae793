"""What a comparison comes to: better, worse, equal within the margin, or undecided. Numbers in, typed verdicts out.

Nothing is decided with fewer than five repeats. A difference is one where the comparison's tables show it; where it
depends on other factors, it is looked at within their levels, and never averaged across them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

import pandas as pd

from octant.analysis.comparison.intervals import ALPHA
from octant.analysis.comparison.repeated import FIXED, Looks
from octant.analysis.comparison.scope import Scope
from octant.analysis.power import ENOUGH, flips_needed, repeats_needed
from octant.analysis.question import Question

CONFIGURATION = "configuration"  # what a difference is about where no factor is
NEW_EXAMPLES = (("test examples", "new"),)  # where intervals are over test examples, too
_COLUMNS = ("about", "where", "first", "second", "n", "difference", "low", "high", "p_holm", "decision",
            "repeats_needed")  # fmt: skip


class Decision(StrEnum):
    """What two things come to; `better` is the first one's."""

    BETTER = "better"
    WORSE = "worse"
    EQUAL = "equal"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Difference:
    """The first less the second, paired by repeat, as a gain: above 0 the first is better, whatever the goal.

    `low` and `high` bound its 95 % interval, `sd` is that of the `n` paired differences, with what the choice of tuned
    values adds; all in the tables' unit. `p` is adjusted for all comparisons of its table. `floor` is the part of the
    gain's variance that comes of the test examples: more repeats do not lessen it. It is `about` a factor's levels, at
    these levels of others (`where`), or about configurations.
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
    floor: float = 0.0
    about: str = CONFIGURATION
    where: tuple[tuple[str, str], ...] = ()

    @property
    def turned(self) -> Difference:
        """The same difference seen from the other side."""
        swapped = {Decision.BETTER: Decision.WORSE, Decision.WORSE: Decision.BETTER}
        return replace(self, first=self.second, second=self.first, gain=-self.gain, low=-self.high, high=-self.low,
                       decision=swapped.get(self.decision, self.decision))  # fmt: skip

    def needed(self, margin: float | None, family: int, alpha: float = ALPHA) -> int | None:
        """How many repeats would decide it; see `repeats_needed`."""
        return repeats_needed(self.gain, self.sd, self.n, margin, family, alpha=alpha, floor=self.floor)


@dataclass(frozen=True)
class Ranking:
    """Configurations, or the levels of a factor, best first, and how the first stands to each of the others.

    `against` has a difference for each other name, in their order; `behind` are those that some other one is ahead of.
    """

    names: tuple[str, ...]
    against: tuple[Difference, ...]
    behind: frozenset[str] = frozenset()

    @cached_property
    def leaders(self) -> tuple[str, ...]:
        """The first, and whatever is not shown to be behind it: each of them may be the best."""
        out = [each for each in self.against if each.decision is Decision.BETTER or (
            each.decision is Decision.UNDECIDED and each.second in self.behind)]  # fmt: skip
        return self.names[:1] + tuple(each.second for each in self.against if each not in out)

    @cached_property
    def decision(self) -> Decision:
        """BETTER: there is one best. EQUAL: all are within the margin of the first one. Else UNDECIDED."""
        if self.against and len(self.leaders) == 1 and all(each.low > 0 for each in self.against):
            return Decision.BETTER
        return Decision.EQUAL if {each.decision for each in self.against} == {Decision.EQUAL} else Decision.UNDECIDED

    @property
    def is_settled(self) -> bool:
        """Whether each of the others is decided against the first, or shown to be behind some other one."""
        return all(each.decision is not Decision.UNDECIDED or each.second in self.behind for each in self.against)

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
    that any configuration has, `open` counts the comparisons that are still to be decided: of pairs, or with the best.
    `effects` are the contrasts of factors that were tested together by flipping signs, `scope` says over what it holds;
    `scales` has the factors and interactions that are shown on one scale only: in points (True), or log-odds (False).
    `looks` are those at a sweep that grew until it was decided. Where intervals hold on these test examples alone,
    `elsewhere` is a lead of the best on new ones as well, if known. `unreached`: no run has the endpoint's level.
    `alpha` is the level of claims that rest on t tests, `alpha_of_effects` that of claims about effects.
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
    effects: int
    scope: Scope = field(default_factory=lambda: Scope({}))
    scales: Mapping[tuple[str, ...], bool] = field(default_factory=dict)
    looks: Looks = FIXED
    elsewhere: Difference | None = None
    unreached: bool = False
    alpha: float = ALPHA
    alpha_of_effects: float = ALPHA

    @property
    def enough(self) -> bool:
        """Whether there are repeats enough to decide; exact differences need none."""
        return self.question.exact or self.repeats >= ENOUGH

    @property
    def _rankings(self) -> tuple[Ranking, ...]:
        """The configurations, and each factor's levels where they are compared."""
        return (self.best, *(cell.ranking for factor in self.factors for cell in factor.cells))

    @property
    def is_decided(self) -> bool:
        """Whether all configurations are settled against the best, and each factor's levels where they are compared."""
        return all(each.is_settled for each in self._rankings)

    def needed(self, one: Difference) -> int | None:
        """How many repeats would decide it, beside what else is open of those tested with it.

        Of a factor on average all effects count, and signs must be flipped often enough to show any of them.
        """
        margin = self.question.margin
        if one.about == CONFIGURATION:
            return one.needed(margin, self.open, self.alpha)
        if one.where:
            levels = (each for ranking in self._rankings[1:] for each in ranking.against)
            alike = [each for each in levels if each.about == one.about and each.decision is Decision.UNDECIDED]
            return one.needed(margin, len(alike), self.alpha)
        found = one.needed(margin, self.effects, self.alpha_of_effects)
        return max(found, flips_needed(self.effects)) if found and self.effects else found

    @property
    def open_lead(self) -> Difference:
        """The first over the best that may still be better: what more repeats are for."""
        may_be = (each for each in self.best.against if each.second not in self.best.behind)
        return next((each for each in may_be if each.decision is Decision.UNDECIDED), self.best.against[0])

    @property
    def table(self) -> pd.DataFrame:
        """The differences that it is made of, each of the best against another one: verdict.csv.

        Columns: about (`configuration`, or a factor), where (levels of other factors; empty: on average), first,
        second, n, difference (the first less the second), low, high, p_holm, decision (the first one's) and
        repeats_needed, which is empty where it is decided or nothing can be planned. Of the lead on new test examples,
        which `elsewhere` is, nothing is claimed.
        """
        rows = [self._row(each) for ranking in self._rankings for each in ranking.against]
        if self.elsewhere:
            rows.append(self._row(self.elsewhere) | {"p_holm": float("nan"), "decision": "", "repeats_needed": None})
        return pd.DataFrame(rows, columns=_COLUMNS).astype({"repeats_needed": "Int64"})

    def _row(self, one: Difference) -> dict[str, object]:
        low, high = sorted(self.question.sign * end for end in (one.low, one.high))
        where, is_open = ", ".join(map("=".join, one.where)), one.decision is Decision.UNDECIDED
        needed = self.needed(one) if is_open and not self.scope.overlap else None
        each = (one.about, where, one.first, one.second, one.n, self.question.sign * one.gain, low, high, one.p,
                one.decision, needed)  # fmt: skip
        return dict(zip(_COLUMNS, each, strict=True))

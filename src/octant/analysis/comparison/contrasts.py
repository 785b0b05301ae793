"""The contrasts of a design: the cells and weights of each main effect and interaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from math import comb, prod

import numpy as np
from numpy.typing import NDArray

from octant.analysis.comparison.intervals import Array
from octant.analysis.comparison.settings import NONE, as_word, first_few

MOST_LEVELS = 60  # of a factor; more are compared in pairs alone
MOST_ROWS = 2_000
Names = tuple[str, ...]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Effect:
    """One effect: the difference (of differences ...) of marginal means between a pair of levels of each factor.

    `weights` has one number a cell. `used` of `possible` combinations of the other factors have every cell that the
    effect needs; it is the mean over those, each with the same weight.
    """

    factors: Names
    plus: Names
    minus: Names
    weights: Array
    used: int
    possible: int

    @property
    def name(self) -> tuple[Names, Names, Names]:
        """What tells it from the other contrasts of a design."""
        return self.factors, self.plus, self.minus


@dataclass(frozen=True)
class _Contrasts:
    """The effects that can be estimated, interactions first, and a line on each kind that cannot."""

    rows: list[Effect]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cells:
    """The cells of a design: `codes` (cells x factors) are places in `levels`, `there` says which cells have runs."""

    levels: dict[str, list[object]]
    codes: Codes
    there: NDArray[np.bool_]

    def code(self, factors: Iterable[str]) -> Codes:
        """The codes of some factors (cells x factors)."""
        names = list(self.levels)
        return self.codes[:, [names.index(name) for name in factors]]

    def places(self, factor: str) -> list[int]:
        """The levels of a factor that have runs, in order."""
        return sorted(set(self.code([factor])[self.there, 0].tolist()))


def every_effect(cells: Cells) -> _Contrasts:
    """Every set of up to three factors, each choice of a pair of levels in each: three-way interactions first.

    Scaled so that a main effect is a difference of means, a two-way interaction half the difference between two such
    differences, a three-way one half the difference between two of those (Box, Hunter & Hunter, Statistics for
    Experimenters, 2nd ed. 2005, ch. 5): the sum of +-mean divided by 2^(order - 1).
    """
    notes: list[str] = []
    if not any(cells.there):
        return _Contrasts([], ["Effects: no run finished"])
    factors = _free(cells, notes)
    parents = _parents(cells, factors, notes)
    notes += _empty(cells, factors, parents)
    rows: list[Effect] = []
    for order in _orders(cells, factors, parents, notes):
        missing: dict[str, int] = {}
        for names in _sets(factors, order, parents):
            for pairs in product(*(combinations(_usable(cells, name, parents), 2) for name in names)):
                row = _contrast(cells, names, pairs, [f for f in factors if f not in names], parents)
                if row is None:
                    missing[" x ".join(names)] = missing.get(" x ".join(names), 0) + 1
                else:
                    rows.append(row)
        notes += [f"Effects: {what}: {count} cannot be estimated, no combination of the other factors has all their "
                  "levels" for what, count in missing.items()]  # fmt: skip
    return _Contrasts(rows, notes)


def _contrast(
    cells: Cells, names: Names, pairs: Sequence[tuple[int, int]], others: Sequence[str], parents: dict[str, str]
) -> Effect | None:
    """The contrast of `names` at `pairs` (minus, plus) of their levels; None if no combination has every cell.

    A factor that exists only at some levels of another is averaged over within each cell of the others.
    """
    crossed = [name for name in others if name not in parents]
    own, within = cells.code(names), _numbered(cells.code(crossed))
    masks = [(own == side).all(axis=1) & cells.there for side in product(*pairs)]
    counts = np.array([np.bincount(within[mask], minlength=within.max() + 1) for mask in masks])
    used = counts.min(axis=0) > 0
    if not used.any():
        return None
    weights = np.zeros(len(own))
    for mask, count, sides in zip(masks, counts, product((-1.0, 1.0), repeat=len(names)), strict=True):
        cell = mask & used[within]
        weights[cell] = np.prod(sides) / (2 ** (len(names) - 1) * used.sum() * count[within[cell]])
    minus, plus = (
        tuple(as_word(cells.levels[n][p[side]]) for n, p in zip(names, pairs, strict=True)) for side in (0, 1)
    )
    possible = prod(len(cells.levels[name]) for name in crossed)
    return Effect(names, plus, minus, weights, int(used.sum()), possible)


def _numbered(codes: Codes) -> Codes:
    """A number for each different row."""
    if not codes.shape[1]:
        return np.zeros(len(codes), dtype=np.int64)
    return np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1)


def _free(cells: Cells, notes: list[str]) -> list[str]:
    """The factors with several levels, of those that move together the first."""
    free: list[str] = []
    for name in cells.levels:
        places = cells.places(name)
        if len(places) < 2:
            notes.append(
                f"Effects: {name} has one level ({as_word(cells.levels[name][places[0]])}): nothing to compare"
            )
            continue
        twin = next((other for other in free if _follow(cells, name, other) and _follow(cells, other, name)), None)
        if twin:
            notes.append(f"Effects: {name} moves together with {twin}: the rows of {twin} are the effect of both")
        elif len(places) > MOST_LEVELS:
            notes.append(f"Effects: {name} has {len(places)} levels, too many for a table of effects: see the pairs")
        else:
            free.append(name)
    return free


def _follow(cells: Cells, name: str, other: str) -> bool:
    """Whether the level of `name` is given by that of `other`."""
    both = cells.code([name, other])[cells.there]
    return len(np.unique(both, axis=0)) == len(np.unique(both[:, 1]))


def _parents(cells: Cells, factors: Sequence[str], notes: list[str]) -> dict[str, str]:
    """Factor -> the factor at whose levels alone it exists, for those that are absent at the other levels."""
    parents: dict[str, str] = {}
    for name in factors:
        absent = [at for at in cells.places(name) if as_word(cells.levels[name][at]) == NONE]
        lacks = np.isin(cells.code([name])[:, 0], absent)
        for parent in (other for other in factors if other != name and other not in parents and absent):
            at, own = cells.code([parent])[:, 0], cells.there
            without, having = set(at[own & lacks].tolist()), set(at[own & ~lacks].tolist())
            if not without & having and having:
                parents[name] = parent
                where = first_few((cells.levels[parent][level] for level in sorted(having)), separator=" or ")
                notes.append(f"Effects: {name} exists only with {parent} {where}; other effects average over it")
                break
    return parents


def _usable(cells: Cells, name: str, parents: dict[str, str]) -> list[int]:
    places = cells.places(name)
    return [at for at in places if as_word(cells.levels[name][at]) != NONE] if name in parents else places


def _sets(factors: Sequence[str], order: int, parents: dict[str, str]) -> Iterator[Names]:
    """The sets of factors that can interact: one that exists only at a level of another does not with that other."""
    for names in combinations(factors, order):
        if not any(parents.get(name) in names for name in names):
            yield names


def _orders(cells: Cells, factors: Sequence[str], parents: dict[str, str], notes: list[str]) -> list[int]:
    """The orders of effects that the table holds, the highest first: as many as leave it readable."""
    orders: list[int] = []
    total = 0
    for order in (1, 2, 3):
        sizes = (
            prod(comb(len(_usable(cells, n, parents)), 2) for n in names) for names in _sets(factors, order, parents)
        )
        total += (count := sum(sizes))
        if total > MOST_ROWS and count:
            notes.append(f"Effects: {count:,} of {order} factors would make the table unreadable: left out")
            break
        orders.insert(0, order)
    return orders


def _empty(cells: Cells, factors: Sequence[str], parents: dict[str, str]) -> list[str]:
    """A line on the cells of the full design that have no finished run."""
    crossed = [name for name in factors if name not in parents]
    have = set(map(tuple, cells.code(crossed)[cells.there].tolist()))
    full = prod(len(cells.places(name)) for name in crossed)
    if len(have) >= full:
        return []
    lacking = (c for c in product(*(cells.places(name) for name in crossed)) if c not in have)
    names = [", ".join(as_word(cells.levels[n][at]) for n, at in zip(crossed, cell, strict=True))
             for cell, _ in zip(lacking, range(5), strict=False)]  # fmt: skip
    more = f"; and {full - len(have) - len(names)} more" if full - len(have) > len(names) else ""
    return [f"Effects: {full - len(have)} of {full} combinations of {first_few(crossed)} have no finished run "
            f"({'; '.join(names)}{more}): each effect is over the combinations that have all its levels"]  # fmt: skip

"""Repeated looks at growing numbers of repeats: p-values and levels that hold however often one has looked.

A sweep that stops as soon as it is decided has looked several times, and each look is another chance of a false
alarm. How much of the level each look may spend is fixed beforehand by a spending function (Lan and DeMets, Biometrika
70, 1983), here the one that comes near Pocock's limits: it spends early, so that large differences stop early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import e

import numpy as np
import pandas as pd
from scipy import special

from octant.analysis.comparison.intervals import MISSES, Array
from octant.analysis.question import Question

_LEVELS = tuple(np.geomspace(1e-10, 0.5, 60).tolist())  # between these, limits are interpolated


@dataclass(frozen=True)
class Looks:
    """The looks at a sweep: after how many repeats they were `planned`, and how many repeats there are now.

    None planned: the number of repeats was fixed, and p-values and levels are what they are.
    """

    planned: tuple[int, ...]
    repeats: int

    @property
    def made(self) -> tuple[int, ...]:
        """After how many repeats one has looked."""
        return tuple(each for each in self.planned if each <= self.repeats)

    @property
    def _at(self) -> int:
        """Which look it is, from 0; before the first one as if it were that."""
        return max(len(self.made) - 1, 0)

    def adjusted(self, p: Array) -> Array:
        """Two-sided p-values of this look as p-values over all looks (m,): the least level that would claim them now.

        So they stand in the place of p-values of a fixed number of repeats (Liu and Anderson, Journal of the American
        Statistical Association 103, 2008): Holm's method and the level of claims hold as ever.
        """
        if not self.planned:
            return p
        with np.errstate(divide="ignore"):
            log, limit = np.log(p), np.log(_tabled(self.planned)[self._at])
        below = np.minimum(log - limit[0], 0.0)  # the smallest level, in proportion
        return np.asarray(np.exp(np.interp(log, limit, np.log([*_LEVELS, 1.0])) + below))

    def nominal(self, family: int = 1) -> float:
        """How often an interval of this look may miss, so that 95 % of `family` and all looks at once hold.

        So it holds at whichever look one stops (repeated confidence intervals: Jennison and Turnbull, Journal of the
        Royal Statistical Society B 51, 1989).
        """
        alpha = MISSES / max(family, 1)
        return limits(self.planned, alpha)[self._at] if self.planned else alpha


FIXED = Looks((), 0)


def looks_at(runs: pd.DataFrame, question: Question) -> Looks:
    """The looks at these runs, by how many repeats they have."""
    return Looks(question.looks, len(runs[list(question.repeat)].drop_duplicates()) if question.looks else 0)


@cache
def limits(planned: Sequence[int], alpha: float) -> tuple[float, ...]:
    """The two-sided p-value that each look has to be below: without a difference, any of them is with chance `alpha`.

    Half of `alpha` is spent on each side. Sums of repeats are those of normal numbers (Armitage, McPherson and Rowe,
    Journal of the Royal Statistical Society A 132, 1969); the p-values of t tests and sign flips are held against
    their limits (Jennison and Turnbull, Group Sequential Methods, 2000, section 11.4; docs/intervals.md simulates it).
    """
    from scipy import optimize  # a tenth of a second, for sweeps that are looked at alone

    spent = alpha * np.log1p((e - 1) * np.array(planned) / planned[-1])
    edges = [float(-special.ndtri(spent[0] / 2) * np.sqrt(planned[0]))]
    sums, weights = _nodes(edges[0])
    mass = weights * _normal(sums, np.sqrt(planned[0]))  # of the sums that have crossed no limit yet
    for before, now, part in zip(planned, planned[1:], np.diff(spent), strict=False):
        scale = np.sqrt(now - before)
        edges.append(optimize.brentq(_too_often, 0.0, 12 * np.sqrt(now), (part, sums, mass, scale), xtol=1e-9))
        after, weights = _nodes(edges[-1])
        sums, mass = after, weights * (_normal(after[:, None] - sums, scale) @ mass)
    return tuple(float(2 * special.ndtr(-edge / np.sqrt(n))) for edge, n in zip(edges, planned, strict=True))


def _too_often(edge: float, part: float, sums: Array, mass: Array, scale: float) -> float:
    """How much more often than `part` the next sum lies beyond `edge`."""
    return float(mass @ (special.ndtr((sums - edge) / scale) + special.ndtr((-edge - sums) / scale))) - part


def _normal(x: Array, scale: float) -> Array:
    return np.asarray(np.exp(-((x / scale) ** 2) / 2) / (np.sqrt(2 * np.pi) * scale))


def _nodes(edge: float) -> tuple[Array, Array]:
    nodes, weights = _legendre()
    return edge * nodes, edge * weights


@cache
def _legendre() -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(80)


@cache
def _tabled(planned: tuple[int, ...]) -> Array:
    """The limits of each look (down) at each level of _LEVELS (across), and p = 1 at level 1."""
    return np.array([*(limits(planned, alpha) for alpha in _LEVELS), [1.0] * len(planned)]).T

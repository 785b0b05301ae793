"""What moves a mean besides the repeats: the test examples, and the choice of tuned values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from octant.analysis.comparison.choice import Choice
from octant.analysis.comparison.examples import Correctness
from octant.analysis.comparison.intervals import CONFIDENCE, Array, Student, alike
from octant.analysis.comparison.skewness import LEAST, longer


@dataclass(frozen=True)
class Sources:
    """What intervals and tests take into account besides the repeats; nothing where both are None."""

    choice: Choice | None = None
    examples: Correctness | None = None

    def of(self, columns: Sequence[int]) -> Sources:
        """Of some of the configurations, in this order."""
        columns, examples = list(columns), self.examples
        return Sources(self.choice and self.choice.of(columns), examples and Correctness(examples.right[:, columns]))

    def variances(self, weights: Array, complete: NDArray[np.bool_]) -> dict[str, Array]:
        """Of each contrast (contrasts x configurations), what each source adds to the variance of its mean over the
        `complete` repeats (contrasts x repeats): by the name of the column that holds its root. `alone` is what the
        variance would be by the examples alone.
        """
        found = {}
        if self.choice:
            found["choice_error"] = self.choice.variance(weights)
        if self.examples:
            found["examples_error"], found["alone"] = np.full((2, len(weights)), np.nan)
            for rows, repeats in alike(complete):
                both = self.examples.variance(weights[rows], repeats)
                found["examples_error"][rows], found["alone"][rows] = both
        return {name: _steady(each) for name, each in found.items()}


def _steady(variances: Array) -> Array:
    """Rounded to 40 bits of the largest: the rest depends on the BLAS."""
    largest = float(np.nanmax(variances, initial=0.0))
    unit = 2.0 ** (np.ceil(np.log2(largest)) - 40) if largest > 0 else 1.0
    return np.asarray(np.round(variances / unit) * unit)


ALONE = Sources()  # the repeats alone


def between(first: NDArray[np.int64], second: NDArray[np.int64], count: int) -> Array:
    """The weights of the differences between columns, of so many (differences x count)."""
    return np.asarray(np.eye(count)[first] - np.eye(count)[second])


@dataclass(frozen=True)
class Widened:
    """Student's t with all sources in it, its degrees of freedom and standard error, `own` of it from the repeats, and
    the standard errors that the sources add.
    """

    t: Student
    df: Array
    error: Array
    own: Array
    errors: dict[str, Array]

    def interval(self, n: NDArray[np.int64], skewness: float, level: float) -> tuple[Array, Array]:
        """Of each mean of `n` repeats, Student's t, longer where their skewness says so; the sources add none to it.

        With fewer than five it is Student's t: the expansion holds for no such quantiles.
        """
        edge: Array = np.asarray(-special.stdtrit(self.df, (1 - level) / 2), dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            tail = np.nan_to_num(longer(edge, skewness, n) * (self.own / self.error) ** 3) * (n >= LEAST)
        low, high = (self.t.mean + side * (edge + tail * (side * skewness > 0)) * self.error for side in (-1, 1))
        return low, high


def widened(
    t: Student, complete: NDArray[np.bool_], weights: Array, sources: Sources, level: float = CONFIDENCE
) -> Widened:
    """Add the sources' variance to that of contrasts (contrasts x configurations) over their `complete` repeats.

    A choice is made from the repeats, so it shares their degrees of freedom; the examples have their own, and the sum
    has Satterthwaite's (Biometrics Bulletin 2, 1946), by the mean squares of both. What nothing moves has the numbers
    that it had. `level` is that of the intervals.
    """
    n = complete.sum(axis=1)
    free = np.where(n > 1, n - 1.0, np.nan)
    parts, nothing = sources.variances(weights, complete), np.zeros(len(weights))
    repeats = (t.high - t.low) / 2 / -special.stdtrit(free, (1 - level) / 2)
    if not parts:
        return Widened(t, free, repeats, repeats, {})
    choice, examples, alone = (parts.pop(name, nothing) for name in ("choice_error", "examples_error", "alone"))
    moved = choice + examples > 0
    variance = np.where(moved, repeats**2 + choice + examples, 1.0)
    # Where repeats differ by no more than their luck with the examples, what they add is 0, and needs no freedom.
    own = np.where(variance - choice - alone > 1e-9 * variance, repeats**2, 0.0) + choice
    count = sources.examples.count if sources.examples else 2
    df = np.where(moved, variance**2 / np.where(moved, own**2 / free + alone**2 / (count - 1), 1.0), free)
    half = -special.stdtrit(df, (1 - level) / 2) * np.sqrt(variance)
    p = 2 * special.stdtr(df, -np.abs(t.mean) / np.sqrt(variance))
    p = np.where(t.sd == 0, np.maximum(p, np.minimum(1.0, 2.0 ** (1 - n))), p)
    p = p if sources.examples else np.maximum(p, t.p)  # flipped signs, too, know nothing of the choice
    low, high, p = (
        np.where(moved, new, old) for new, old in ((t.mean - half, t.low), (t.mean + half, t.high), (p, t.p))
    )
    added = {"choice_error": choice} if sources.choice else {}
    added |= {"examples_error": examples} if sources.examples else {}
    error = np.where(moved, np.sqrt(variance), repeats)
    errors = {name: np.sqrt(part) for name, part in added.items()}
    return Widened(Student(t.mean, t.sd, low, high, p), df, error, repeats, errors)

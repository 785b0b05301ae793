"""Coverage after picking the best of eight, and over splits; `benchmarks/intervals.py` puts the tables on its page.

    python benchmarks/best_of_many.py

prints both in about a minute. Fixed seeds: the same versions print the same numbers.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from scipy import stats

from intervals import ERRORS, SWEEPS, Array, Draw, false_positives, levels, markdown, seed_accuracies
from octant.analysis.comparison.intervals import ALPHA, MISSES, student
from octant.analysis.comparison.skewness import LEAST, longer, skewness

REPEATS = (3, 5, 10, 20)
EXAMPLES = 359  # of the digits' test set
SPLIT, SEED = 0.22, 0.25  # SDs of an effect in points: between splits, and of one seed (30 other splits of the digits)
PAIRS = np.array(list(combinations(range(8), 2))).T


def normal(spread: float = 1.0, common: float = 0.0, step: float = 0.0) -> Draw:
    """Normal errors: the largest SD `spread` times the smallest, a part in common to all eight, rounded to steps."""

    def draw(rng: np.random.Generator, sweeps: int, n: int, cells: int = 8) -> Array:
        own = rng.normal(size=(sweeps, n, cells)) * np.geomspace(1 / spread, 1, cells)
        values = own + common * rng.normal(size=(sweeps, n, 1))
        return np.round(values / step) * step if step else values

    return draw


def measured(rng: np.random.Generator, sweeps: int, n: int, cells: int = 8) -> Array:
    """As in intervals.py, with the steps of one test example, which seed_accuracies.csv has rounded away: ties stay."""
    table = np.round(seed_accuracies().to_numpy() / 100 * EXAMPLES) * 100 / EXAMPLES
    chosen = rng.integers(0, len(table), (sweeps, n, cells))
    return np.take_along_axis(table - table.mean(axis=0), chosen.reshape(-1, cells), axis=0).reshape(chosen.shape)


LAWS: dict[str, Draw] = {
    "normal, equal SDs": normal(),
    "normal, SDs 1:18": normal(spread=18),
    "normal, paired": normal(common=np.sqrt(0.85 / 0.15)),
    "normal, in steps of 1 SD": normal(step=1.0),
    "measured": measured,
    "gamma, skewness -1": ERRORS["gamma, skewness -1"],
    "lognormal, skewness -1.75": ERRORS["lognormal, skewness -1.75"],
    "exponential, skewness -2": ERRORS["exponential, skewness -2"],
}


STEPS = {"normal, in steps of 1 SD": 1.0, "measured": 100 / EXAMPLES}


def reach(n: int, family: int) -> float:
    """In standard errors."""
    return float(stats.t.isf(MISSES / 2 / family, n - 1))


def picked(law: str, n: int, sweeps: int = 10 * SWEEPS) -> list[float]:
    """Percent of sweeps of eight equal configurations; see the head of the table."""
    values = LAWS[law](np.random.default_rng([list(LAWS).index(law), n]), sweeps, n)
    t = student(np.moveaxis(values[:, :, PAIRS[0]] - values[:, :, PAIRS[1]], 1, 2), step=STEPS.get(law, 0.0))
    gain, error = np.zeros((2, sweeps, 8, 8))
    p = np.ones((sweeps, 8, 8))
    for at, (a, b) in enumerate(PAIRS.T):
        gain[:, a, b], gain[:, b, a] = t.mean[:, at], -t.mean[:, at]
        error[:, a, b] = error[:, b, a] = (t.high - t.low)[:, at] / 2 / reach(n, 1)
        p[:, a, b] = p[:, b, a] = t.p[:, at]
    level = levels(values) if n >= LEAST else np.full(sweeps, ALPHA)
    out = ((p * 7 < level[:, None, None]) & (gain > 0)).any(axis=1)  # some a is ahead of b
    one = values.mean(axis=1).argmax(axis=1)
    row, own = np.arange(sweeps), student(np.moveaxis(values, 1, 2), step=STEPS.get(law, 0.0))
    mean, half = own.mean[row, one], (own.high - own.low)[row, one] / 2
    skew = skewness(np.moveaxis(values, 1, 2).reshape(-1, n)).reshape(-1, 8).mean(axis=1) if n >= LEAST else 0.0
    others = np.arange(8) != one[:, None]
    low, high = (gain[row, one] + sign * reach(n, 28) * error[row, one] for sign in (-1, 1))
    lead = (np.where(others, low, np.inf).min(axis=1) <= 0) & (np.where(others, high, np.inf).min(axis=1) >= 0)
    shares = (
        np.mean((t.low <= 0) & (t.high >= 0)),
        false_positives(t.p, 28, level) / 100,
        out.mean(),
        out.mean(axis=0).max(),
        out.any(axis=1).mean(),
        *(np.mean(within(mean, half / reach(n, 1), skew, n, family)) for family in (1, 8)),
        lead.mean(),
    )
    return [100 * float(each) for each in shares]


def within(mean: Array, error: Array, skew: Array | float, n: int, family: int) -> Array:
    """Whether the intervals of means hold 0."""
    edge = np.array(reach(n, family))
    more = longer(edge, skew, np.array(n))
    return np.asarray((mean <= (edge + more * (np.asarray(skew) < 0)) * error)
                      & (mean >= -(edge + more * (np.asarray(skew) > 0)) * error))  # fmt: skip


def best_table() -> list[list[str]]:
    """A row a law and number of repeats."""
    head = ["errors", "repeats", "differences", "a false difference", "the best left out", "at most", "any",
            "the picked one's own interval", "`low` to `high`", "`lead_low` to `lead_high`"]  # fmt: skip
    cells = [[law, str(n), *(f"{each:.1f}" for each in picked(law, n))] for law, n in product(LAWS, REPEATS)]
    return [head, *cells]


def splits_table(sweeps: int = 20_000) -> list[list[str]]:
    """Of the intervals from 10 runs a configuration: percent that contain the mean over all splits."""
    rng, rows = np.random.default_rng(7), [["10 runs a configuration", "repeats", "coverage"]]
    for name, splits, seeds, unit in (
        ("10 seeds on one split", 1, 10, "seeds"), ("a split with each of 10 seeds", 10, 1, "both"),
        ("5 splits x 2 seeds, all as repeats", 5, 2, "seeds"), ("5 splits x 2 seeds, means of seeds", 5, 2, "splits"),
    ):  # fmt: skip
        each = SPLIT * rng.normal(size=(sweeps, splits, 1)) + SEED * rng.normal(size=(sweeps, splits, seeds))
        each = each.mean(axis=2) if unit == "splits" else each.reshape(sweeps, -1)
        t = student(each)
        rows.append([name, str(each.shape[1]), f"{100 * np.mean((t.low <= 0) & (t.high >= 0)):.1f}"])
    return rows


if __name__ == "__main__":
    print(markdown(best_table()), markdown(splits_table()), sep="\n\n")

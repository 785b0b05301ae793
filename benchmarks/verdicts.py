"""What verdicts come to on data that mislead; `benchmarks/intervals.template.md` has the tables.

    python benchmarks/verdicts.py

Equality at the margin, runs that are lacking or collapse, a best that is announced, and effects of the scale alone.
About a minute; fixed seeds. Monte Carlo errors stand in brackets.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import optimize

from best_of_many import EXAMPLES, PAIRS, measured, normal, reach
from intervals import CUBE, ERRORS, Array, Draw, effects, levels, markdown
from octant.analysis.check import alpha_of
from octant.analysis.comparison.effects import _log_odds
from octant.analysis.comparison.intervals import ALPHA, sign_flip_p, student, student_rows
from octant.analysis.comparison.skewness import claim_level
from octant.analysis.power import POWER, RESERVE, equality_power, repeats_needed

SWEEPS = 2_000
LAWS: dict[str, Draw] = {
    "normal": normal(),
    "measured": measured,
    "gamma, skewness -1": ERRORS["gamma, skewness -1"],
    "lognormal, skewness -1.75": ERRORS["lognormal, skewness -1.75"],
}


def share(of: Array) -> str:
    """In percent, with its Monte Carlo error: `of` is true or false, a row a sweep."""
    each = np.asarray(of, dtype=float).reshape(len(of), -1).mean(axis=1)
    return f"{100 * each.mean():.1f} ({100 * each.std() / np.sqrt(len(each)):.1f})"


def gains(law: str, n: int, sweeps: int = SWEEPS) -> Array:
    """Differences of all 28 pairs of configurations (sweeps x 28 x n), each with mean 0 and SD 1."""
    rng = np.random.default_rng([3, list(LAWS).index(law), n])
    d, many = (np.moveaxis(each[:, :, PAIRS[0]] - each[:, :, PAIRS[1]], 1, 2)
               for each in (LAWS[law](rng, size, n, 8) for size in (sweeps, 40_000 // n)))  # fmt: skip
    return np.asarray(d / many.std(axis=(0, 2))[:, None])


def equality_table(sweeps: int = SWEEPS) -> list[list[str]]:
    """Called equal: with a difference of the margin on either side, and with none; n is planned for a power of 80 %."""
    least = 1 - RESERVE * (1 - POWER)
    rows = [["errors", "repeats", "margin, in SDs", "difference = margin", "= -margin", "none"]]
    for law, n in product(LAWS, (5, 10, 20)):
        margin = optimize.brentq(lambda each, n=n: equality_power(0.0, 1.0, n, each) - least, 0.1, 9)
        assert repeats_needed(0.0, 1.0, 0, margin + 1e-6) == n
        cells = []
        for planted in (margin, -margin, 0.0):
            t = student(gains(law, n, sweeps) + planted)
            cells.append(share((t.low > -margin) & (t.high < margin)))
        rows.append([law, str(n), f"{margin:.2f}", *cells])
    return rows


def lacking_table() -> list[list[str]]:
    """Of the intervals of 28 differences that hold 0, and sweeps with a false difference; runs lack or collapse."""
    rows = [["runs", "repeats", "differences", "a false difference"]]
    kinds: list[tuple[str, Draw, float]] = [
        ("normal, a fifth lacks", normal(), 0.2), ("measured, a fifth lacks", measured, 0.2),
        ("gamma, a fifth lacks", ERRORS["gamma, skewness -1"], 0.2), ("1 in 20 collapsed", collapsing, 0.0),
    ]  # fmt: skip
    for (name, draw, lost), n in product(kinds, (5, 10, 20)):
        rng = np.random.default_rng([5, n, len(name)])
        values = draw(rng, SWEEPS, n, 8)
        values = np.where(rng.random(values.shape) < lost, np.nan, values)
        each = np.moveaxis(values[:, :, PAIRS[0]] - values[:, :, PAIRS[1]], 1, 2).reshape(-1, n)
        count, t = student_rows(each, step=100 / EXAMPLES if draw is measured else 0.0)
        held = np.where(count > 1, (t.low <= 0) & (t.high >= 0), True).reshape(SWEEPS, -1)
        p = np.where(count >= 5, t.p, 1.0).reshape(SWEEPS, -1)  # with fewer than five nothing is decided
        members = (count > 1).reshape(SWEEPS, -1).sum(axis=1)
        rows.append(
            [
                name,
                str(n),
                share(held),
                share(p.min(axis=1) * members < np.array([claim_level(each) for each in values])),
            ]
        )
    return rows


def collapsing(rng: np.random.Generator, sweeps: int, n: int, cells: int = 8) -> Array:
    """About 97 %, or in 1 of 20 runs at chance, 9.8 %."""
    values = rng.normal(97, 0.6, (sweeps, n, cells))
    return np.where(rng.random(values.shape) < 0.05, 9.8, values)


def announced_table(sweeps: int = 20_000) -> list[list[str]]:
    """Ten repeats, SD 1: the first leads the second, all others are 2 behind. How often a single best is announced."""
    rows = [["true lead, in SDs", "one best announced", "not the best", "its lead's 95 % interval holds",
             "`lead_low` to `lead_high` holds", "may be best, all pairs", "comparisons with the best"]]  # fmt: skip
    for lead in (0.0, 0.2, 0.5):
        true = np.array([0.0, -lead, *[-2.0] * 6])
        values = normal()(np.random.default_rng([9, int(10 * lead)]), sweeps, 10, 8) + true
        t = student(np.moveaxis(values[:, :, PAIRS[0]] - values[:, :, PAIRS[1]], 1, 2))
        mean, half, p = np.zeros((2, sweeps, 8, 8)), np.zeros((sweeps, 8, 8)), np.ones((sweeps, 8, 8))
        for at, (a, b) in enumerate(PAIRS.T):
            mean[0, :, a, b], mean[0, :, b, a] = t.mean[:, at], -t.mean[:, at]
            half[:, a, b] = half[:, b, a] = (t.high - t.low)[:, at] / 2
            p[:, a, b] = p[:, b, a] = t.p[:, at]
        gain, sets = mean[0], []
        for family in (28, 7):
            sets.append(~((p * family < levels(values)[:, None, None]) & (gain > 0)).any(axis=1))
        alone, one = sets[1].sum(axis=1) == 1, values.mean(axis=1).argmax(axis=1)
        row = np.arange(sweeps)
        others = np.where(np.arange(8) != one[:, None], gain[row, one], np.inf)
        second = others.argmin(axis=1)
        truth = true[one] - np.where(np.arange(8) != one[:, None], true, -np.inf).max(axis=1)
        off = np.abs(others.min(axis=1) - (true[one] - true[second])) <= half[row, one, second]
        wide = half[row, one] * reach(10, 28) / reach(10, 1)
        held = ((others - wide).min(axis=1) <= truth) & ((others + wide).min(axis=1) >= truth)
        wrong = true[one] < true.max()
        rows.append([f"{lead}", share(alone), share(alone & wrong), share(off[alone]), share(held[alone]),
                     *(f"{each.sum(axis=1).mean():.2f}" for each in sets)])  # fmt: skip
    return rows


def attempts_table(sweeps: int = 4_000, attempts: int = 50) -> list[list[str]]:
    """Of `octant check`: sequences of attempts against one BASE, none of which changes anything, with a false alarm."""
    levels_of = [alpha_of(number) for number in range(1, attempts + 1)]
    rows = [["errors", "repeats", "eight configurations", "one"]]
    for law, n in product(ERRORS, (5, 10)):
        cells = []
        for count in (8, 1):  # the one with the largest SD
            rng = np.random.default_rng([13, list(ERRORS).index(law), n])
            base, alarm = ERRORS[law](rng, sweeps, n, 8)[:, :, -count:].mean(axis=2), np.zeros(sweeps, dtype=bool)
            for level in levels_of:
                head = ERRORS[law](rng, sweeps, n, 8)[:, :, -count:].mean(axis=2)
                alarm |= student(head - base).p < level
            cells.append(share(alarm))
        rows.append([law, str(n), *cells])
    return rows


def scale_table(sweeps: int = SWEEPS) -> list[list[str]]:
    """Three factors that add up in log-odds, near 100 % on 10,000 test examples: sweeps with an interaction shown."""
    rng, cells = np.random.default_rng(11), np.array([[level == "b" for level in cell] for cell in CUBE])
    odds = 2.5 + cells @ np.array([1.5, 1.0, 0.7]) + 0.1 * rng.normal(size=(sweeps, 10, 8))
    percent = rng.binomial(10_000, 1 / (1 + np.exp(-odds))) / 100
    rows = [["scale", "a false interaction"]]
    for name, values in (("points", percent), ("log-odds", _log_odds(percent, 0.01))):
        p = sign_flip_p(effects(values, CUBE)).reshape(sweeps, 7)[:, :4]  # interactions are first
        rows.append([name, share(p.min(axis=1) * 7 < ALPHA)])
    return rows


if __name__ == "__main__":
    for table in (equality_table, lacking_table, announced_table, attempts_table, scale_table):
        print(markdown(table()), end="\n\n", flush=True)

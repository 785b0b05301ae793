"""Sweeps that add repeats until they are decided; `benchmarks/intervals.py` puts the tables on its page.

    python benchmarks/repeated_looks.py

prints them in a few minutes. Fixed seeds: the same versions print the same numbers.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from best_of_many import LAWS, PAIRS, STEPS
from intervals import CUBE, SWEEPS, Array, effects, levels, markdown
from octant.analysis.comparison.intervals import ALPHA, sign_flip_p, student
from octant.analysis.comparison.repeated import Looks
from octant.analysis.comparison.skewness import level_of, skewness
from octant.analysis.decide import decided
from octant.analysis.verdict import Decision

PLANS = {limit: tuple(range(5, limit + 1, 5)) for limit in (20, 40)}
FIXED = 20
GAPS = (0, 0.25, 0.5, 0.75, 1, 1.5, 2)  # planted differences, in SDs of the paired differences
MARGIN = 0.5  # in the same unit
TWO = ("normal, equal SDs", "measured", "gamma, skewness -1")


def drawn(law: str, salt: int) -> Array:
    """Errors (sweeps x repeats x configurations), as many repeats as the highest limit."""
    rng = np.random.default_rng([list(LAWS).index(law), max(PLANS), salt])
    return LAWS[law](rng, SWEEPS, max(PLANS), 8)


def false_alarms(law: str) -> list[float]:
    """Percent of sweeps of eight equal configurations; see the head of the table."""
    values, plan, step = drawn(law, 0), PLANS[40], STEPS.get(law, 0.0)
    pairs = np.moveaxis(values[:, :, PAIRS[0]] - values[:, :, PAIRS[1]], 1, 2)
    cube = effects(values, CUBE)
    naive, shown, effect = (np.zeros(SWEEPS, dtype=bool) for _ in range(3))
    single, left, kept = np.zeros((3, SWEEPS, len(PAIRS.T)), dtype=bool)
    for n in plan:
        looks = Looks(plan, n)
        t = student(pairs[:, :, :n], step=step, level=1 - looks.nominal())
        covers = (t.low <= 0) & (t.high >= 0)
        # Each pair stops at the first interval that leaves out 0, or at the limit.
        kept = np.where(left, kept, covers)
        left |= ~covers
        p, level = looks.adjusted(t.p), levels(values[:, :n])
        single |= p < level[:, None]
        naive |= t.p.min(axis=1) * 28 < ALPHA
        shown |= p.min(axis=1) * 28 < level
        effect |= looks.adjusted(sign_flip_p(cube[:, :n])).reshape(SWEEPS, -1).min(axis=1) * 7 < ALPHA
    return [100 * float(each.mean()) for each in (naive, shown, single, effect, kept)]


def alarms_table() -> list[list[str]]:
    """A row a law."""
    head = ["errors, to 40 repeats", "limits of one look", "a false difference", "of one pair", "a false effect",
            "the interval at the end"]  # fmt: skip
    return [head, *([law, *(f"{each:.1f}" for each in false_alarms(law))] for law in LAWS)]


def standardised(law: str) -> Array:
    """Paired differences (sweeps x repeats) of two of the eight, drawn anew for each sweep, with mean 0 and SD 1."""
    values, two = drawn(law, 1), PAIRS[:, np.random.default_rng(0).integers(PAIRS.shape[1], size=SWEEPS)]
    rows = np.arange(SWEEPS)
    each = values[rows, :, two[0]] - values[rows, :, two[1]]
    spreads = np.array([(values[:, :, a] - values[:, :, b]).std() for a, b in PAIRS.T])
    place = {tuple(pair): at for at, pair in enumerate(PAIRS.T.tolist())}
    return np.asarray(each / spreads[[place[tuple(pair)] for pair in two.T.tolist()]][:, None])


def grown(values: Array, limit: int) -> tuple[float, float, float]:
    """Two configurations: percent that are shown to differ, percent with the wrong sign, mean number of repeats."""
    repeats, sign = np.full(len(values), limit), np.zeros(len(values))
    for n in PLANS[limit]:
        t = student(values[:, :n])
        now = (sign == 0) & (Looks(PLANS[limit], n).adjusted(t.p) < alone(values[:, :n]))
        repeats[now], sign[now] = n, np.sign(t.mean[now])
    return 100 * float(np.mean(sign != 0)), 100 * float(np.mean(sign < 0)), float(repeats.mean())


def alone(values: Array) -> Array:
    """The level of claims about one pair, from its differences (sweeps x repeats)."""
    return level_of(skewness(values)[:, None] ** 2, values.shape[1])


def savings_table() -> list[list[str]]:
    """A row a law and planted difference: 20 fixed repeats against two limits."""
    rows = [["errors", "difference, SDs", "20 fixed: shown", "limit 20: shown", "repeats", "limit 40: shown", "repeats",
             "wrong sign"]]  # fmt: skip
    for law, gap in product(TWO, GAPS):
        values = standardised(law) + gap
        fixed = 100 * float(np.mean(student(values[:, :FIXED]).p < alone(values[:, :FIXED])))
        (some, _, few), (most, wrong, many) = (grown(values, limit) for limit in (20, 40))
        numbers = (fixed, some, few, most, many, wrong)
        rows.append([law, f"{gap:g}", *(f"{each:.1f}" for each in numbers)])
    return rows


def equality(values: Array, limit: int, *, fixed: bool = False) -> tuple[float, float]:
    """Two configurations with a margin: percent that are called equal within it, and mean number of repeats."""
    plan, equal, repeats = PLANS[limit], 0, 0
    for row in values:
        for n in (limit,) if fixed else plan:
            part, looks = row[:n], Looks(() if fixed else plan, n)
            t = student(part, level=1 - looks.nominal())
            is_shown = bool(looks.adjusted(t.p[None])[0] < alone(part[None])[0])
            decision = decided(float(t.mean), float(t.low), float(t.high), n, is_shown, MARGIN)
            if decision is not Decision.UNDECIDED or n == limit:
                equal, repeats = equal + (decision is Decision.EQUAL), repeats + n
                break
    return 100 * equal / len(values), repeats / len(values)


def equality_table() -> list[list[str]]:
    """A row a law and planted difference: none, and exactly the margin."""
    rows = [["errors", "difference, SDs", "40 fixed: equal", "limit 40: equal", "repeats"]]
    for law, gap in product(TWO, (0, MARGIN)):
        values = standardised(law) + gap
        fixed, (grew, repeats) = equality(values, 40, fixed=True)[0], equality(values, 40)
        rows.append([law, f"{gap:g}", f"{fixed:.1f}", f"{grew:.1f}", f"{repeats:.1f}"])
    return rows


if __name__ == "__main__":
    print(*map(markdown, (savings_table(), equality_table(), alarms_table())), sep="\n\n")

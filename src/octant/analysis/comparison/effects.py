"""The seven effects of the 2 x 2 x 2 factorial, paired by seed."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd

from octant.analysis.comparison.intervals import ALPHA, Array, holm, shown, sign_flip_p, student
from octant.analysis.comparison.sweep import FACTORS, Sweep, left_out
from octant.errors import InputError

# Interactions first: a main effect means little where its factor interacts.
EFFECTS = tuple(names for order in (3, 2, 1) for names in combinations(FACTORS, order))
# (7 effects x 8 cells): +-1/4, the cells in the order of product(-1, +1) over loss, hidden, output.
_CODES = np.array(list(product((-1.0, 1.0), repeat=3)))
CONTRASTS = np.array([_CODES[:, [FACTORS.index(f) for f in names]].prod(axis=1) for names in EFFECTS]) / 4
# The level coded -1; the other word of the factor is +1. Without this word among the two, the first by alphabet.
MINUS = {"loss": "mse", "hidden": "sigmoid", "output": "sigmoid"}
_WORDS = ("effect", "order", "plus", "minus")
_NUMBERS = ("n", "estimate", "sd", "low", "high", "p", "p_holm", "estimate_diverged_as_zero")
COLUMNS = (*_WORDS, *_NUMBERS, "shown", "note")


def factorial_effects(sweep: Sweep) -> pd.DataFrame:
    """Seven rows, interactions first, in percentage points of test accuracy, over the seeds that finished in all
    eight configurations.

    With the levels coded +1 and -1, each effect of a seed is the sum over its eight accuracies of accuracy times the
    product of the codes, divided by 4. So a main effect is the mean at + less the mean at -; a two-way interaction is
    half the difference between one factor's effect at the other's + and at its -; the three-way one is half the
    difference between a two-way interaction at the third factor's + and at its - (Box, Hunter & Hunter, Statistics
    for Experimenters, 2nd ed. 2005, ch. 5). In a regression on the codes the coefficients are half of these.

    `estimate` is the mean over seeds, `low` and `high` its 95 % interval, `p` the sign-flip test's, `p_holm` adjusted
    over the seven. Raises InputError where the runs are no 2 x 2 x 2 factorial, or no seed is complete.
    """
    words = _levels(sweep)
    cells = _cells(sweep, words)
    per_seed = _contrasts(sweep.accuracy[cells])
    if not per_seed.shape[1]:
        raise InputError("effects: no seed finished in all eight configurations; " + left_out(sweep, cells))
    t, p = student(per_seed), sign_flip_p(per_seed)
    as_zero = _contrasts(sweep.as_zero[cells]).mean(axis=1)
    adjusted = holm(p)
    table = pd.DataFrame(
        {
            "effect": [" x ".join(names) for names in EFFECTS],
            "order": [len(names) for names in EFFECTS],
            "plus": [", ".join(words[name][1] for name in names) for names in EFFECTS],
            "minus": [", ".join(words[name][0] for name in names) for names in EFFECTS],
            "n": per_seed.shape[1],
            "estimate": t.mean,
            **{"sd": t.sd, "low": t.low, "high": t.high, "p": p, "p_holm": adjusted},
            "estimate_diverged_as_zero": as_zero,
            "shown": shown(t.mean, t.low, t.high, adjusted, as_zero),
        }
    )
    return table.assign(note=_note(per_seed.shape[1], left_out(sweep, cells)))[list(COLUMNS)]


def _levels(sweep: Sweep) -> dict[str, tuple[str, str]]:
    """The two words of each factor, the one coded -1 first."""
    levels = {}
    for factor in FACTORS:
        words = sorted(set(sweep.runs[factor]))
        if len(words) != 2:
            have = ", ".join(words)
            raise InputError(f"effects: two words each of loss, hidden and output are needed; {factor} has {have}")
        minus = MINUS[factor] if MINUS[factor] in words else words[0]
        levels[factor] = (minus, next(word for word in words if word != minus))
    return levels


def _cells(sweep: Sweep, words: dict[str, tuple[str, str]]) -> list[str]:
    """The eight configurations in the order of CONTRASTS."""
    named = sweep.runs.drop_duplicates("config").set_index(list(FACTORS))["config"]
    corners = list(product(*(words[factor] for factor in FACTORS)))
    if named.index.has_duplicates:
        raise InputError("effects: several configurations have the same loss, hidden and output")
    if missing := ["-".join(corner) for corner in corners if corner not in named.index]:
        raise InputError(f"effects: all eight configurations are needed; no run of {', '.join(missing)}")
    return [str(named[corner]) for corner in corners]


def _contrasts(accuracy: pd.DataFrame) -> Array:
    """The effects of each complete seed (7 x seeds) from accuracies (seeds x 8 cells)."""
    return CONTRASTS @ accuracy.dropna().to_numpy(dtype=np.float64).T


def _note(n: int, gone: str) -> str:
    smallest = min(1.0, len(EFFECTS) * 2.0 ** (1 - n))
    few = f"with {n} seeds no adjusted p can be below {smallest:.3g}: too few to show an effect"
    notes = ["one seed: no interval"] if n == 1 else [few] if smallest >= ALPHA else []
    return "; ".join([*notes, gone] if gone else notes)

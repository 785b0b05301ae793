"""Runs of which it is known which test examples they got right, drawn or counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from octant.analysis.comparison import Comparison, answer
from octant.analysis.comparison.settings import config_names
from octant.analysis.question import Question

OVER = Question(("loss",), over="examples")
Right = np.ndarray[Any, np.dtype[np.bool_]]


def drawn(n: int, m: int, key: int, gap: float = 0.0, configs: int = 2) -> Right:
    """Which examples are right (repeats x configurations x examples): each has a difficulty, each seed its luck."""
    rng = np.random.default_rng(key)
    hard = 6 - 3.5 * rng.normal(size=m) + rng.normal(size=(configs, m))
    logits = hard + 0.3 * rng.normal(size=(n, configs, 1)) + gap * np.arange(configs)[:, None]
    return rng.random((n, configs, m)) < special.expit(logits)


def points(gap: float) -> float:
    """What the gap comes to over all seeds and examples, in points of accuracy."""
    x, weight = np.polynomial.hermite_e.hermegauss(120)
    sd = np.sqrt(3.5**2 + 1 + 0.3**2)
    means = [(weight * special.expit(6 + shift + sd * x)).sum() / weight.sum() for shift in (0.0, gap)]
    return 100 * float(means[1] - means[0])


def asked(right: Right, question: Question = OVER, lost: str = "") -> Comparison:
    """The comparison of these runs, with what each got wrong; `lost` is a run that kept nothing."""
    n, k, m = right.shape
    rows = [{"loss": "abcdefgh"[at], "seed": seed, "outcome": "finished", "test_accuracy": right[seed, at].mean(),
             "fingerprint": f"{seed}{at}", "n_test": m} for seed in range(n) for at in range(k)]  # fmt: skip
    errors = {f"{seed}{at}": {"examples": [m], "wrong": [[int(e), 0, 1] for e in np.flatnonzero(~right[seed, at])]}
              for seed in range(n) for at in range(k) if f"{seed}{at}" != lost}  # fmt: skip
    runs = pd.DataFrame(rows).assign(config=lambda frame: config_names(frame, ["loss"]))
    return answer(runs, question, errors=errors)


def two_way(each: np.ndarray) -> tuple[float, float]:
    """Standard error and degrees of freedom of the mean of repeats x examples, from its mean squares."""
    n, m = each.shape
    mean, rows, columns = each.mean(), each.mean(axis=1), each.mean(axis=0)
    seeds, other = rows.var(ddof=1) / n, columns.var(ddof=1) / m
    rest = ((each - rows[:, None] - columns + mean) ** 2).sum() / (n - 1) / (m - 1)
    if seeds <= rest / n / m:
        return np.sqrt(other), m - 1
    total = seeds + max(other - rest / n / m, 0)
    return np.sqrt(total), total**2 / (seeds**2 / (n - 1) + other**2 / (m - 1))

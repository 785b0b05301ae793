"""Coverage over new test examples, and with tuned values; `benchmarks/intervals.py` puts the tables on its page.

    python benchmarks/wider_intervals.py

prints both in about two minutes. Fixed seeds: the same versions print the same numbers.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

from intervals import Array, markdown
from octant.analysis.comparison.choice import choose_again
from octant.analysis.comparison.examples import Correctness
from octant.analysis.comparison.intervals import student
from octant.analysis.comparison.sources import Sources, widened
from octant.analysis.question import Question

SWEEPS = 2_000
REPEATS = (3, 5, 10, 20)
DIFFERENCE = np.array([[1.0, -1.0]])
TUNED = Path(__file__).parents[1] / "experiments" / "tuned" / "results.csv"
QUESTION = Question(("loss",), tune=("learning_rate",))
# Mean logit of an example, SDs: of difficulties that both share, of each one's own, of seeds; the second one's gain.
LOGITS = {"95 % right": (7, 3.5, 1, 0.3, 0), "95 % right, 1.8 points apart": (7, 3.5, 1, 0.3, 1),
          "seeds alike": (7, 3.5, 1, 0.0, 0), "seeds differ": (7, 3.5, 1, 1.0, 0),
          "the same difficulties": (7, 3.5, 0, 0.3, 0), "99.8 % right": (12, 3.5, 1, 0.3, 0)}  # fmt: skip
# Of the digits' best four rates of two configurations: how far the second best of the first one is behind on
# validation and on test, both in points; None: as measured.
GAPS = {"as measured": None, "a tie, the same on test": (0.0, 0.0), "a tie, 0.25 points on test": (0.0, 0.25),
        "a tie, 0.5 points on test": (0.0, 0.5), "0.05 points, better on test": (0.05, -0.5)}  # fmt: skip


def covered(each: Array, sources: Sources, truth: float) -> list[bool]:
    """Whether the interval of the first less the second, of repeats alone and with the sources, has the truth."""
    difference = (each[:, :1] - each[:, 1:]).T
    t = student(difference)
    wide = widened(t, np.isfinite(difference), DIFFERENCE, sources).t
    return [bool(of.low[0] <= truth <= of.high[0]) for of in (t, wide)]


def examples_covered(kind: str, n: int, m: int = 359, sweeps: int = SWEEPS) -> list[float]:
    """Percent of the intervals of a difference that contain its mean over all seeds and examples."""
    logit, common, own, luck, gain = LOGITS[kind]
    rng = np.random.default_rng([list(LOGITS).index(kind), n])
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    sd = np.sqrt(common**2 + own**2 + luck**2)
    first, second = (weights @ special.expit(logit + more + sd * nodes) / weights.sum() for more in (gain, 0))
    found = []
    for _ in range(sweeps):
        hard = logit + common * rng.normal(size=m) + own * rng.normal(size=(2, m)) + np.array([[gain], [0]])
        right = rng.random((n, 2, m)) < special.expit(hard + luck * rng.normal(size=(n, 2, 1)))
        found.append(
            covered(100 * right.mean(axis=2), Sources(examples=Correctness(right)), 100 * float(first - second))
        )
    return [100 * float(each) for each in np.mean(found, axis=0)]


def tuned(kind: str) -> tuple[Array, Array]:
    """Means and deviations of validation and test accuracy: (2 configurations x 4 rates x 2), (seeds x the same)."""
    runs = pd.read_csv(TUNED)
    parts = []
    for config in ("mse-sigmoid-sigmoid", "mse-tanh-sigmoid"):
        wide = runs[runs["config"] == config].pivot_table(index="seed", columns="learning_rate",
                                                          values=["validation_accuracy", "test_accuracy"])  # fmt: skip
        best = wide["validation_accuracy"].mean().nlargest(4).index.sort_values()
        parts.append(np.stack([100 * wide[name][best] for name in ("validation_accuracy", "test_accuracy")], axis=2))
    values = np.stack(parts, axis=1)
    means = values.mean(axis=0)
    if gap := GAPS[kind]:
        first, second, *others = np.argsort(-means[0, :, 0])
        means[0, second] = means[0, first] - gap
        means[0, others, 0] -= 2
    return means, (values - values.mean(axis=0)) / np.sqrt(len(values) - 1)


def choice_covered(kind: str, n: int, sweeps: int = SWEEPS // 2) -> list[float]:
    """Percent of the intervals that contain the mean difference over all sweeps, each with its own choice."""
    means, deviations = tuned(kind)
    rng = np.random.default_rng([list(GAPS).index(kind), n])

    def drawn(count: int) -> Array:
        luck = rng.normal(size=(2, count, n, len(deviations)))  # each configuration has its own
        return means + np.einsum("csnd,dcrm->sncrm", luck, deviations)

    def chosen(values: Array) -> Array:
        rates = values[..., 0].mean(axis=1).argmax(axis=2)
        return np.take_along_axis(values[..., 1], rates[:, None, :, None], axis=3)[..., 0]

    many = np.concatenate([chosen(drawn(2_000)).mean(axis=1) for _ in range(10)])
    truth, values = float((many[:, 0] - many[:, 1]).mean()), drawn(sweeps)
    found = [covered(own, Sources(choose_again(each[..., 0], each[..., 1], each[..., 1], QUESTION)), truth)
             for own, each in zip(chosen(values), values, strict=True)]  # fmt: skip
    return [100 * float(each) for each in np.mean(found, axis=0)]


def examples_table() -> list[list[str]]:
    """A row a kind of sweep and number of seeds."""
    rows = [[kind, str(n), *(f"{each:.1f}" for each in examples_covered(kind, n))]
            for kind, n in product(LOGITS, REPEATS) if n in (5, 10) or kind == "95 % right"]  # fmt: skip
    return [["model", "seeds", "of seeds alone", "of seeds and examples"], *rows]


def choice_table() -> list[list[str]]:
    """A row a kind of grid and number of seeds."""
    rows = [[kind, str(n), *(f"{each:.1f}" for each in choice_covered(kind, n))] for kind, n in product(GAPS, REPEATS)]
    return [["the second best rate", "seeds", "as if not chosen", "the choice repeated"], *rows]


if __name__ == "__main__":
    print(markdown(examples_table()), markdown(choice_table()), sep="\n\n")

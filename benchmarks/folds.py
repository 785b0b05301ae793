"""Coverage over folds, whose training sets overlap; `benchmarks/intervals.py` puts the table on its page.

    python benchmarks/folds.py

Really trained: each sweep draws examples of three classes with 20 normal inputs, and fits ridge regressions on all
inputs (penalties 1 and 100), on the first ten and on the last ten, which are equally good. The truth is each one's
mean accuracy on 2,000 examples that no fit has seen, over all sweeps. About three minutes; fixed seeds.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from intervals import Array, markdown
from octant.analysis.comparison.intervals import student

SWEEPS = 600
CLASSES, INPUTS, FRESH = 3, 20, 2_000
CENTRES = 0.35 * np.tile(np.random.default_rng(20).normal(size=(CLASSES, INPUTS // 2)), 2)  # both halves say the same
MODELS = ((slice(None), 1.0), (slice(None), 100.0), (slice(0, 10), 1.0), (slice(10, 20), 1.0))  # inputs, penalty
PAIRS = ((0, 1), (0, 2), (2, 3))
DESIGNS = {  # times that the folds are drawn, folds, of which are run
    "5 folds": (1, 5, 5),
    "10 folds": (1, 10, 10),
    "3 x 5 folds": (3, 5, 5),
    "10 splits, 20 % to test": (10, 5, 1),
}


def drawn(rng: np.random.Generator, count: int) -> tuple[Array, np.ndarray]:
    """Inputs (count x 20) and labels (count,)."""
    labels = rng.integers(CLASSES, size=count)
    return CENTRES[labels] + rng.normal(size=(count, INPUTS)), labels


def accuracies(train: tuple[Array, np.ndarray], tests: list[tuple[Array, np.ndarray]]) -> Array:
    """In percent, (models x test sets)."""
    X, labels = train
    found = np.empty((len(MODELS), len(tests)))
    Y = np.eye(CLASSES)[labels]
    for at, (inputs, penalty) in enumerate(MODELS):
        own = X[:, inputs] - (centre := X[:, inputs].mean(axis=0))
        W = np.linalg.solve(own.T @ own + penalty * np.eye(own.shape[1]), own.T @ (Y - Y.mean(axis=0)))
        for to, (new, wanted) in enumerate(tests):
            said = ((new[:, inputs] - centre) @ W + Y.mean(axis=0)).argmax(axis=1)
            found[at, to] = 100 * (said == wanted).mean()
    return found


def sweep(rng: np.random.Generator, examples: int, design: tuple[int, int, int]) -> tuple[Array, Array]:
    """Accuracies (runs x models) on the test parts, and the mean ones on fresh examples (models,)."""
    times, folds, run = design
    X, labels = drawn(rng, examples)
    fresh, tested, truth = drawn(rng, FRESH), [], []
    for _ in range(times):
        parts = np.array_split(rng.permutation(examples), folds)
        for part in parts[:run]:
            rest = np.setdiff1d(np.arange(examples), part)
            both = accuracies((X[rest], labels[rest]), [(X[part], labels[part]), fresh])
            tested.append(both[:, 0])
            truth.append(both[:, 1])
    return np.array(tested), np.mean(truth, axis=0)


def covered(examples: int, name: str, sweeps: int = SWEEPS) -> list[float]:
    """Percent of the intervals of the three pairs that hold the truth: t as of independent repeats, and corrected."""
    rng = np.random.default_rng([examples, list(DESIGNS).index(name)])
    found = [sweep(rng, examples, DESIGNS[name]) for _ in range(sweeps)]
    tested, truth = np.array([each for each, _ in found]), np.mean([each for _, each in found], axis=0)
    first, second = np.array(PAIRS).T
    differences = np.moveaxis(tested[:, :, first] - tested[:, :, second], 1, 2)
    wanted = np.where(np.array(PAIRS)[:, 0] == 2, 0.0, truth[first] - truth[second])
    cells = []
    for overlap in (0.0, 1 / (DESIGNS[name][1] - 1)):
        t = student(differences, step=100 * DESIGNS[name][1] / examples, overlap=overlap)
        held = (t.low <= wanted) & (wanted <= t.high)
        cells += [100 * float(held.mean()), 100 * float(1 - held[:, 2].mean())]
    return cells


def folds_table() -> list[list[str]]:
    """A row a number of examples and design."""
    head = ["examples", "runs a configuration", "as independent repeats", "a false difference", "corrected",
            "a false difference"]  # fmt: skip
    return [head, *([f"{examples}", name, *(f"{each:.1f}" for each in covered(examples, name))]
                    for examples, name in product((100, 500), DESIGNS))]  # fmt: skip


if __name__ == "__main__":
    print(markdown(folds_table()))

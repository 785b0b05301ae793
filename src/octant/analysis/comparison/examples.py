"""New test examples: what they would move, from which test examples each run got right.

Repeats and examples are crossed, so the variance of a mean over both is s2(repeats) / n + s2(examples) / m less what
both count, the residual variance / (n m): the unbiased estimate for two crossed samples (Searle, Casella & McCulloch,
Variance Components, 1992, section 4.3). Owen (Annals of Applied Statistics 1, 2007) shows that resampling both, the
pigeonhole bootstrap, counts the residual three times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from octant.analysis.comparison.design import PairedRuns
from octant.analysis.comparison.intervals import Array
from octant.analysis.comparison.runs import labels_of
from octant.seal import Json


@dataclass(frozen=True)
class Correctness:
    """`right` says which test examples each run got right (repeats x configurations x examples); none of a run that
    did not finish.
    """

    right: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """The test examples."""
        return self.right.shape[2]

    def variance(self, weights: Array, repeats: NDArray[np.int64]) -> tuple[Array, Array]:
        """What the examples add to the variance of each contrast's mean (contrasts x configurations) over `repeats`,
        and what it would be by them alone, of which the sum never falls short; in squared percentage points.
        """
        right = 100.0 * self.right[repeats]
        n, m = len(right), self.count
        if n < 2 or m < 2:
            return np.full(len(weights), np.nan), np.full(len(weights), np.nan)
        right -= right.mean(axis=(0, 2), keepdims=True)
        rows, examples = right.mean(axis=2), right.mean(axis=0)
        of_rows, of_examples = m * rows.T @ rows, n * examples @ examples.T
        rest = np.einsum("nkm,nlm->kl", right, right, optimize=True) - of_rows - of_examples
        own, other, both = (
            np.einsum("ck,kl,cl->c", weights, each, weights) / (n * m * free)
            for each, free in ((of_rows, n - 1), (of_examples, m - 1), (rest, (n - 1) * (m - 1)))
        )
        return np.maximum(other - np.minimum(own, both), 0.0), other

    def resampled(self, draws: int, seed: int) -> Array:
        """What drawing the examples again does to the mean of each configuration (draws x configurations)."""
        there = self.right.any(axis=2).sum(axis=0)
        means = 100.0 * self.right.sum(axis=0) / np.maximum(there, 1)[:, None]
        kinds, count = np.unique(means, axis=1, return_counts=True)
        drawn = np.random.default_rng(seed).multinomial(self.count, count / self.count, size=draws)
        return np.asarray((drawn - count) @ kinds.T / self.count)


def examples_of(design: PairedRuns, errors: Mapping[str, Mapping[str, Json]]) -> Correctness | str:
    """The examples that the runs of a design got right, from what each got wrong, by fingerprint; or why not."""
    question, runs = design.question, design.runs[design.runs["outcome"] == "finished"]
    differ = len(design.repeats) < len(set(labels_of(design.runs, question)))
    if differ or ("dataset_digest" in runs and runs["dataset_digest"].nunique() > 1):
        return "the runs have different test examples"
    kept = [errors.get(each) for each in runs.get("fingerprint", [])]
    if not kept or None in kept:
        return "the runs did not keep their test predictions"
    try:
        right = _right(design, runs, [each for each in kept if each])
    except (LookupError, TypeError, ValueError):
        return "what the runs kept of their test predictions cannot be read"
    there = np.isfinite(design.values)
    is_share = np.allclose(100 * right.mean(axis=2)[there], design.values[there], rtol=0, atol=1e-6)
    return Correctness(right) if is_share else f"{question.endpoint} is not the share of right test predictions"


def _right(design: PairedRuns, runs: pd.DataFrame, kept: Sequence[Mapping[str, Json]]) -> NDArray[np.bool_]:
    right = np.zeros((*design.values.shape, max(sum(each["examples"]) for each in kept)), dtype=bool)
    repeats = {label: at for at, label in enumerate(design.repeats)}
    for label, config, each in zip(labels_of(runs, design.question), runs["config"], kept, strict=True):
        row = right[repeats[label], design.column(config)]
        row[: sum(each["examples"])] = True
        row[[wrong[0] for wrong in each["wrong"]]] = False
    return right

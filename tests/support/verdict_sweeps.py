"""Sweeps of ten shapes, made by hand, and the verdicts that they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from octant.analysis.comparison import Comparison, answer
from octant.analysis.comparison.settings import config_names
from octant.analysis.decide import verdict_of
from octant.analysis.question import Question
from octant.analysis.report.vocabulary import Vocabulary, vocabulary
from octant.analysis.report.words import headline
from octant.analysis.tables import compare_file
from octant.analysis.verdict import Verdict

RATES = (0.1, 1.0, 10.0)


@dataclass(frozen=True)
class Judged:
    """A sweep's runs with what is said of them."""

    runs: pd.DataFrame
    comparison: Comparison

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.comparison)

    @property
    def words(self) -> Vocabulary:
        return vocabulary(self.verdict)

    @property
    def said(self) -> str:
        return headline(self.verdict, self.words)


def sweep(
    levels: Mapping[str, Sequence[object]],
    means: Mapping[tuple[object, ...], float],
    seeds: int = 10,
    noise: float = 0.004,
    endpoint: str = "test_accuracy",
    key: int = 0,
) -> pd.DataFrame:
    """Runs about these means; a seed moves all configurations together as well."""
    rng, rows = np.random.default_rng(key), []
    common = rng.normal(size=seeds)
    for cell in product(*levels.values()):
        for seed in range(seeds):
            value = means[cell] + noise * (common[seed] + rng.normal())
            rows.append({**dict(zip(levels, cell, strict=True)), "seed": seed, endpoint: value, "outcome": "finished"})
    return pd.DataFrame(rows)


def grid(key: int, n: int = 8, gap: float = 0.0, better: float = 0.01) -> pd.DataFrame:
    """Configuration a at a rate of its own choice: two tie on validation up to `gap`, and `better` apart on test."""
    rng = np.random.default_rng(key)
    validation = {"a": (0.9, 0.9 - gap, 0.8), "b": (0.95, 0.9, 0.8)}
    test = {"a": (0.9, 0.9 + better, 0.8), "b": (0.9, 0.9, 0.8)}
    return pd.DataFrame([
        {"loss": loss, "rate": rate, "seed": seed, "outcome": "finished", "fingerprint": "",
         "validation_accuracy": validation[loss][at] + 0.004 * rng.normal(),
         "test_accuracy": test[loss][at] + 0.004 * rng.normal()}
        for loss in "ab" for at, rate in enumerate(RATES) for seed in range(n)])  # fmt: skip


def judged(runs: pd.DataFrame, question: Question) -> Judged:
    runs = runs.assign(config=config_names(runs, question.compare), fingerprint=[f"f{i}" for i in range(len(runs))])
    return Judged(runs, answer(runs, question))


def shapes(folder: Path) -> dict[str, Judged]:
    """The ten of them, and the tie without a margin."""
    two, three = {"optimizer": ["adam", "sgd"]}, {"optimizer": ["adam", "lion", "sgd"]}
    apart, levels = {("adam",): 0.93, ("sgd",): 0.92}, {("adam",): 0.93, ("lion",): 0.929, ("sgd",): 0.90}
    one = Question(("optimizer",))
    cross = {"loss": ["a", "b"], "norm": ["batch", "none"]}
    reversing = {("a", "batch"): 0.95, ("b", "batch"): 0.91, ("a", "none"): 0.88, ("b", "none"): 0.92}
    many = {"optimizer": list("vwxyz"), "width": [16, 32, 64, 128], "init": ["p", "q", "r"]}
    flat = dict.fromkeys(product(*many.values()), 0.9)
    tie = sweep(two, {("adam",): 0.92, ("sgd",): 0.92}, 12, 0.002)
    loss = sweep(two, {("adam",): 0.31, ("sgd",): 0.35}, 8, 0.01, "test_loss")
    lost = sweep(two, apart, 5).assign(outcome="diverged", test_accuracy=np.nan)
    strangers = folder / "runs.csv"
    models = {"model": ["resnet", "vit"], "lr": [0.1, 0.2]}
    better = {("resnet", 0.1): 0.7, ("resnet", 0.2): 0.72, ("vit", 0.1): 0.76, ("vit", 0.2): 0.78}
    sweep(models, better, 9, endpoint="val_acc").drop(columns="outcome").to_csv(strangers, index=False)
    return {
        "one factor": judged(sweep(two, apart, 8), one),
        "three levels": judged(sweep(three, levels), one),
        "few seeds": judged(sweep(two, apart, 3), one),
        "one seed": judged(sweep(three, levels, 1), one),
        "a tie": judged(tie, Question(("optimizer",), margin=0.5)),
        "a tie, no margin": judged(tie, one),
        "all diverged": judged(lost, one),
        "a reversal": judged(sweep(cross, reversing), Question(("loss", "norm"))),
        "to be made small": judged(loss, Question(("optimizer",), endpoint="test_loss", goal="min")),
        "60 configurations": judged(sweep(many, flat, 6, 0.01), Question(tuple(many))),
        "strangers": Judged(pd.read_csv(strangers), compare_file(strangers)[0]),
    }

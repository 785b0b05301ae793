"""From a sweep's runs to everything the report says, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from octant.analysis.chance import at_chance
from octant.analysis.comparison import Comparison, answer
from octant.analysis.comparison.settings import config_names, varying
from octant.analysis.question import Question
from octant.analysis.report.collect import Material, trainer_of
from octant.analysis.report.mistakes import Mistakes
from octant.analysis.report.vocabulary import Vocabulary, vocabulary
from octant.analysis.verdict import Verdict
from octant.analysis.why import means
from octant.trainer import Trainer

if TYPE_CHECKING:
    from octant.analysis.figures import Design

RATE = "learning_rate"


@dataclass(frozen=True)
class Findings:
    """`main` is the comparison that the experiment is about, at each configuration's own learning
    rate where the sweep has a grid of them, at one shared rate otherwise. `other` is
    the comparison of the other kind, if the store allows it: at own rates those of the companion.
    """

    material: Material
    runs: pd.DataFrame
    main: Comparison
    other: Comparison | None
    shared_rate: float | None

    @property
    def is_grid(self) -> bool:
        """Whether each configuration has its own learning rate, or whatever else is tuned."""
        return not self.main.rates.empty

    @property
    def tuned(self) -> str:
        """What each configuration has its own of, in words; empty where nothing is tuned."""
        return " and ".join(name.replace("_", " ") for name in self.question.tune)

    @property
    def kinds(self) -> tuple[tuple[str, Comparison | None], ...]:
        """The two comparisons with their names, the one that the experiment is about first."""
        names = ("own", "shared") if self.is_grid else ("shared", "own")
        return (names[0], self.main), (names[1], self.other)

    @property
    def question(self) -> Question:
        """What the main comparison answers."""
        return self.main.question

    @cached_property
    def design(self) -> Design:
        """How the figures draw the configurations, factors and levels by their labels."""
        from octant.analysis.figures import design_of  # not above: matplotlib reads the environment when it is imported

        return design_of(self.runs, self.question, self.labels)

    @cached_property
    def trainer(self) -> Trainer | None:
        """The trainer of the runs, where it is known and at hand. A file is not imported: it may have changed."""
        return trainer_of(self.runs)

    @property
    def labels(self) -> Mapping[str, str]:
        """What the trainer calls its settings and their values."""
        return self.trainer.labels if self.trainer else {}

    @cached_property
    def reasons(self) -> dict[str, str]:
        """The metrics that explain the curves, in words, of those that the runs recorded."""
        declared = self.trainer.reasons if self.trainer else {}
        return {
            name: words for name, words in declared.items() if name in self.curves and self.curves[name].notna().any()
        }

    @cached_property
    def why(self) -> pd.DataFrame:
        """Means of the endpoint and the reasons over the finished runs: config, epoch and a column each.

        Empty without reasons, and where nothing varies.
        """
        if not self.reasons or not self.design.factors or self.question.metric not in self.curves:
            return pd.DataFrame()
        finished = self.main.runs.loc[self.main.runs["outcome"] == "finished", "fingerprint"]
        curves = self.curves[self.curves["fingerprint"].isin(list(finished))]
        return means(curves, [self.question.metric, *self.reasons])

    @property
    def verdict(self) -> Verdict:
        """What the main comparison comes to."""
        return self.main.verdict

    @cached_property
    def words(self) -> Vocabulary:
        """What the sentences call its factors and levels."""
        return vocabulary(self.verdict, self.labels)

    @cached_property
    def effects_in_words(self) -> pd.DataFrame:
        """The table of effects with factors and levels by their labels, where no level has a comma in it."""
        rows = self.main.effects.to_dict("records")
        for row in rows:
            factors = row["effect"].split(" x ")
            for side in ("plus", "minus"):
                levels = row[side].split(", ")
                if len(levels) == len(factors):
                    row[side] = ", ".join(map(self.words.bare, factors, levels))
            row["effect"] = " x ".join(map(self.words.factor, factors))
        return pd.DataFrame(rows, columns=self.main.effects.columns)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Curves of the compared runs, with their configuration."""
        return self.material.curves.merge(self.main.runs[["fingerprint", "config"]], on="fingerprint")

    @cached_property
    def mistakes(self) -> Mistakes:
        """What the compared runs got wrong on the test set."""
        return Mistakes(self.main.runs, self.material.errors)

    def confusion(self) -> dict[str, NDArray[np.float64]]:
        """For each configuration, in the ranking's order, percent of a class (row) taken for another (column)."""
        kept, table = self.mistakes.kept, self.mistakes.table
        counts = kept["config"].value_counts()
        if table.empty:
            return {}
        examples = np.array(self.material.errors[kept["fingerprint"].iloc[0]]["examples"])
        matrices = {}
        for config in self.main.summary["config"]:
            if config in counts:
                matrix = np.zeros((len(examples), len(examples)))
                wrong = table[table["config"] == config]
                np.add.at(matrix, (wrong["class"], wrong["predicted"]), 1)
                matrices[config] = 100 * matrix / np.maximum(examples, 1)[:, None] / counts[config]
        return matrices

    @cached_property
    def collapsed(self) -> pd.DataFrame:
        """The compared runs that finished no better than chance, where the classes of the test set are known."""
        examples = {name: errors["examples"] for name, errors in self.material.errors.items() if "examples" in errors}
        runs = self.main.runs[self.main.runs["outcome"] == "finished"]
        lost = [
            name in examples and at_chance(value, examples[name]) is not None
            for name, value in zip(runs["fingerprint"], runs["test_accuracy"], strict=True)
        ]
        return runs[np.array(lost, dtype=bool)]

    def typical(self) -> list[str]:
        """The id of each configuration's median run by the endpoint, diverged ones left out."""
        finished = self.main.runs[self.main.runs["outcome"] == "finished"]
        finished = finished.sort_values([self.question.endpoint, *self.question.repeat])
        return [str(runs["run_id"].iloc[(len(runs) - 1) // 2]) for _, runs in finished.groupby("config")]


def find(material: Material) -> Findings:
    """Compare the sweep; raises InputError where its runs cannot be compared."""
    question, settings = material.declared.question, material.declared.varied
    runs = material.runs.assign(config=config_names(material.runs, question.compare))
    main = answer(runs, question, material.curves, settings, material.errors)
    rates = runs[RATE] if RATE in runs else pd.Series(dtype=float)
    if not question.tune:
        own = _companion(material, set(runs["config"]))
        return Findings(material, runs, main, own, rates.iloc[0] if rates.nunique() == 1 else None)
    rate, shared = material.declared.shared_rate, None
    at_rate = runs[np.isclose(rates, rate)] if rate and len(rates) else runs.head(0)
    if question.tune == (RATE,) and set(at_rate["config"]) == set(runs["config"]):
        shared = answer(at_rate, replace(question, tune=()), settings=settings, errors=material.errors)
    return Findings(material, runs, main, shared, rate)


def _companion(material: Material, configs: set[str]) -> Comparison | None:
    """The comparison at each configuration's own rate from the other experiment.

    None unless its grid is complete: a sweep that still runs would choose among what happens to be there.
    """
    runs, question = material.companion, material.declared.question
    if runs.empty or not {*question.settings, question.endpoint, question.validation, RATE} <= set(runs):
        return None
    tune = tuple(name for name in varying(runs) if name not in (*question.compare, *question.repeat))
    question = replace(question, tune=tune, looks=())
    runs = runs.assign(config=config_names(runs, question.compare))
    values, repeats = runs[list(tune)].drop_duplicates(), runs[list(question.repeat)].drop_duplicates()
    complete = len(runs) == len(configs) * len(values) * len(repeats) and set(runs["config"]) == configs
    chosen_by = runs.loc[runs["outcome"] == "finished", question.validation]
    if tune != (RATE,) or not complete or chosen_by.isna().any():
        return None
    return answer(runs, question)

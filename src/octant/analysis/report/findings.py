"""From a sweep's runs to everything the report says, as numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from octant.analysis.comparison import Comparison, choose_learning_rates, compare, runs_at, summarise_rates
from octant.analysis.question import Question
from octant.analysis.report.collect import Material

if TYPE_CHECKING:
    from octant.analysis.figures import Design

# Settings that a configuration's name takes in where a sweep varies them, so that only equals are averaged.
SETTINGS = ("init", "engine", "dtype", "epochs", "batch_size", "hidden_units", "targets", "order", "output_step",
            "hidden_error", "split_seed", "dataset_digest")  # fmt: skip
FACTORS = ("loss", "hidden", "output")
HARDEST = 12


@dataclass(frozen=True)
class Findings:
    """`main` is the comparison that the experiment is about, of the runs `compared`: at each configuration's own
    learning rate where the sweep has a grid of them (`chosen`, `rates`), at one shared rate otherwise. `other` is
    the comparison of the other kind, if the store allows it; `own_from` says in words whose own rates those are.
    """

    material: Material
    runs: pd.DataFrame
    compared: pd.DataFrame
    main: Comparison
    other: Comparison | None
    shared_rate: float | None
    own_from: str = ""
    chosen: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["config", "learning_rate", "edge"]))
    rates: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def is_grid(self) -> bool:
        """Whether the sweep varies the learning rate."""
        return not self.rates.empty

    @property
    def kinds(self) -> tuple[tuple[str, Comparison | None], ...]:
        """The two comparisons with their names, the one that the experiment is about first."""
        names = ("own", "shared") if self.is_grid else ("shared", "own")
        return (names[0], self.main), (names[1], self.other)

    @cached_property
    def question(self) -> Question:
        """What is compared: the factors, and whatever else the configurations' names take in."""
        named = [name for name in FACTORS if self.runs[name].nunique() > 1] + varied(self.runs)
        return Question(tuple(named), tune=("learning_rate",) if self.is_grid else ())

    @cached_property
    def design(self) -> Design:
        """How the figures draw the configurations."""
        from octant.analysis.figures import design_of  # not above: matplotlib reads the environment when it is imported

        return design_of(self.runs, self.question)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Curves of the compared runs, with their configuration."""
        return self.material.curves.merge(self.compared[["fingerprint", "config"]], on="fingerprint")

    @cached_property
    def mistakes(self) -> pd.DataFrame:
        """One row an error of a compared run: config, example, class, said."""
        configs = dict(zip(self.compared["fingerprint"], self.compared["config"], strict=True))
        rows = [
            (configs[fingerprint], *wrong)
            for fingerprint, errors in self.material.errors.items()
            if fingerprint in configs
            for wrong in errors["wrong"]
        ]
        return pd.DataFrame(rows, columns=["config", "example", "class", "said"])

    @cached_property
    def with_errors(self) -> pd.DataFrame:
        """The compared runs that kept what they got wrong."""
        return self.compared[self.compared["fingerprint"].isin(list(self.material.errors))]

    @cached_property
    def class_names(self) -> list[str]:
        """The classes in the order of their labels: of the data set's own names where it has any."""
        errors: dict[str, Any] = next(iter(self.material.errors.values()), {})
        return list(errors.get("class_names") or map(str, range(len(errors.get("examples", [])))))

    def confusion(self) -> dict[str, NDArray[np.float64]]:
        """For each configuration, in the ranking's order, percent of a class (row) taken for another (column)."""
        counts = self.with_errors["config"].value_counts()
        if counts.empty:
            return {}
        examples = np.array(self.material.errors[self.with_errors["fingerprint"].iloc[0]]["examples"])
        matrices = {}
        for config in self.main.summary["config"]:
            if config in counts:
                matrix = np.zeros((len(examples), len(examples)))
                wrong = self.mistakes[self.mistakes["config"] == config]
                np.add.at(matrix, (wrong["class"], wrong["said"]), 1)
                matrices[config] = 100 * matrix / np.maximum(examples, 1)[:, None] / counts[config]
        return matrices

    def typical(self) -> list[str]:
        """The id of each configuration's median run by test accuracy, diverged ones left out."""
        finished = self.compared[self.compared["outcome"] == "finished"].sort_values(["test_accuracy", "seed"])
        return [str(runs["run_id"].iloc[(len(runs) - 1) // 2]) for _, runs in finished.groupby("config")]

    def hardest(self) -> pd.DataFrame:
        """The test examples that most compared runs get wrong: example, class, said (most often), wrong_percent.

        Classes are named.
        """
        groups = self.mistakes.groupby("example")
        table = groups.agg(**{"class": ("class", "first"), "said": ("said", _most_frequent), "wrong": ("said", "size")})
        table["wrong_percent"] = 100 * table["wrong"] / max(len(self.with_errors), 1)
        for column in ("class", "said"):
            table[column] = [self.class_names[label] for label in table[column]]
        return table.reset_index().sort_values(["wrong", "example"], ascending=[False, True]).head(HARDEST)


def find(material: Material) -> Findings:
    """Compare the sweep; raises InputError where its runs cannot be compared."""
    runs, curves = labelled(material.runs), material.curves
    if runs.groupby("config")["learning_rate"].nunique().max() == 1:
        own, own_from = _companion(material, set(runs["config"]))
        rates = sorted(set(runs["learning_rate"]))
        return Findings(
            material, runs, runs, compare(runs, curves), own, rates[0] if len(rates) == 1 else None, own_from
        )
    rate = float(material.asked.get("shared_rate") or "nan")
    at_rate = runs[np.isclose(runs["learning_rate"], rate)]
    shared = compare(at_rate) if set(at_rate["config"]) == set(runs["config"]) else None
    chosen = choose_learning_rates(runs)
    compared = runs_at(runs, chosen)
    main, known = compare(compared, curves), None if np.isnan(rate) else rate
    return Findings(material, runs, compared, main, shared, known, chosen=chosen, rates=summarise_rates(runs))


def labelled(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs, whatever else the sweep varies added to their configuration's name."""
    label = runs["config"]
    for name in varied(runs):
        label = label + f" {name}=" + runs[name].map(_word)
    return runs.assign(config=label)


def varied(runs: pd.DataFrame) -> list[str]:
    """The settings beside the factors that the sweep varies and compares."""
    names = [name for name in SETTINGS if name in runs and runs[name].nunique() > 1]
    # Without a validation set nothing may choose among the rates.
    rates = not _is_grid(runs) and runs["learning_rate"].nunique() > 1
    return [*names, *(["learning_rate"] * rates)]


def _is_grid(runs: pd.DataFrame) -> bool:
    if runs.empty or runs["learning_rate"].nunique() == 1:
        return False
    return bool(runs.loc[runs["outcome"] == "finished", "validation_accuracy"].notna().all())


def _companion(material: Material, configs: set[str]) -> tuple[Comparison | None, str]:
    """The comparison at each configuration's own rate from the other experiment, and what it was measured with.

    None unless its grid is complete: a sweep that still runs would choose among what happens to be there.
    """
    runs = labelled(material.companion) if len(material.companion) else material.companion
    if not _is_grid(runs) or set(runs["config"]) != configs:
        return None, ""
    rates, seeds = runs["learning_rate"].nunique(), runs["seed"].nunique()
    if len(runs) != len(configs) * rates * seeds:
        return None, ""
    words = f"experiment {material.asked['companion']}: {seeds} seeds, {runs['epochs'].max()} epochs"
    return compare(runs_at(runs, choose_learning_rates(runs))), words


def _most_frequent(said: pd.Series[Any]) -> Any:
    return said.mode().iloc[0]


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)[:12]

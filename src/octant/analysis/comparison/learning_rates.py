"""Each configuration's own learning rate, chosen on validation accuracy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from octant.analysis.comparison.intervals import student
from octant.analysis.comparison.sweep import check_runs, check_unique

# What a choice may read. No test accuracy is among them: the test set chooses nothing.
CHOOSING = ("config", "seed", "learning_rate", "validation_accuracy", "outcome")
KEYS = ("config", "learning_rate")


def choose_learning_rates(grid: pd.DataFrame) -> pd.DataFrame:
    """One row a configuration: the learning rate with the highest mean validation accuracy, ties to the smaller.

    `grid` is the tidy frame, one row a run. A diverged run counts as 0 % here: a rate at which most runs blow up must
    not be chosen for the few that did not. `validation_accuracy` is that mean in percent over `n` runs, `diverged` of
    which diverged; `edge` says at which end of the configuration's grid the rate lies (smallest, largest, only, or
    empty): beyond an edge there may be a better one. Raises InputError as lay_out does.
    """
    means = _validation_means(grid)
    best = means.sort_values(["config", "rounded", "learning_rate"], ascending=[True, False, True])
    groups = means.groupby("config")
    smallest, largest = groups["learning_rate"].min(), groups["learning_rate"].max()
    chosen = best.groupby("config").head(1).set_index("config")
    rate = chosen["learning_rate"]
    ends = [smallest == largest, rate == smallest, rate == largest]
    chosen["edge"] = np.select(ends, ["only", "smallest", "largest"], "")
    uneven = groups["seeds"].nunique() > 1
    chosen["note"] = np.where(uneven, "not every rate was run with the same seeds", "")
    return chosen.drop(columns=["rounded", "seeds"]).reset_index()


def runs_at(grid: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """The runs of `grid` at each configuration's chosen learning rate: what lay_out compares."""
    return grid.merge(chosen[list(KEYS)], on=list(KEYS), how="inner")


def summarise_rates(grid: pd.DataFrame) -> pd.DataFrame:
    """One row a configuration and learning rate: n, mean and 95 % interval of the final test accuracy in percent.

    For the picture of accuracy against learning rate; nothing is chosen from it. The mean is over the finished runs,
    NaN without any; `diverged` counts the others and `mean_diverged_as_zero` takes them as 0 %.
    """
    check_runs(grid, (*KEYS, "seed", "outcome", "test_accuracy"), "test_accuracy")
    check_unique(grid, ["config", "seed", "learning_rate"], "drop one")
    ordered = grid.sort_values([*KEYS, "seed"])
    return pd.DataFrame([_rate(runs) for _, runs in ordered.groupby(list(KEYS))])


def _rate(runs: pd.DataFrame) -> dict[str, Any]:
    finished = runs["outcome"] == "finished"
    values = 100 * runs.loc[finished, "test_accuracy"].to_numpy(dtype=np.float64)
    t = student(values)
    return {
        **runs.iloc[0][list(KEYS)],
        "n": len(values),
        **{name: float(getattr(t, name)) for name in ("mean", "sd", "low", "high")},
        "diverged": int((~finished).sum()),
        "mean_diverged_as_zero": values.sum() / len(runs),
    }


def _validation_means(grid: pd.DataFrame) -> pd.DataFrame:
    check_runs(grid, CHOOSING, "validation_accuracy")
    check_unique(grid, ["config", "seed", "learning_rate"], "drop one")
    runs = grid[list(CHOOSING)].sort_values([*KEYS, "seed"])
    finished = runs["outcome"] == "finished"
    runs["validation_accuracy"] = 100 * runs["validation_accuracy"].astype(float).where(finished, 0.0)
    runs["diverged"] = ~finished
    groups = runs.groupby(list(KEYS))
    means = groups.agg(
        validation_accuracy=("validation_accuracy", "mean"),
        n=("seed", "size"),
        diverged=("diverged", "sum"),
        seeds=("seed", tuple),
    )
    # Equal means differ in the last bit when their terms do: without rounding, ties would go by chance.
    return means.assign(rounded=means["validation_accuracy"].round(9)).reset_index()

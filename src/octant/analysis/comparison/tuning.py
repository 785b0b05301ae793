"""Each configuration's own values of the tuned settings, chosen on the validation metric alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from octant.analysis.comparison.design import charge
from octant.analysis.comparison.intervals import student_rows
from octant.analysis.comparison.repeated import looks_at
from octant.analysis.comparison.runs import check_runs, check_unique, labels_of, with_config
from octant.analysis.comparison.scope import overlap_of
from octant.analysis.comparison.settings import as_word, ordered
from octant.analysis.comparison.skewness import pooled
from octant.analysis.comparison.sources import ALONE, widened
from octant.analysis.question import Question


def choose(grid: pd.DataFrame, question: Question) -> pd.DataFrame:
    """One row per configuration: the values of `question.tune`, together, with the best mean validation metric.

    `grid` is the tidy frame, one row per run; the endpoint is not read. Ties go to the smaller value of the first tuned
    setting, then of the second. A diverged run counts as `Question.diverged_as` here: values with which most runs
    blow up must not be chosen for the few that did not. The validation column is that mean (shares in percent) over
    `n` runs, `diverged` of which diverged; `edge` says at which end of its grid a chosen value lies (smallest,
    largest, only, or empty): beyond an edge there may be a better one. Raises InputError as lay_out does.
    """
    means = _validation_means(grid, question)
    ascending = [True, question.goal == "min", *(True for _ in question.tune)]
    places = [f"{name} place" for name in question.tune]
    best = means.sort_values(["config", "rounded", *places], ascending=ascending, kind="stable")
    chosen = best.groupby("config").head(1).set_index("config")
    groups = means.groupby("config")
    chosen["edge"] = [_edge(groups.get_group(config), row, question) for config, row in chosen.iterrows()]
    uneven = groups["repeats"].nunique() > 1
    chosen["note"] = np.where(uneven, f"not every value was run with the same {question.noun}s", "")
    return chosen.drop(columns=["rounded", "repeats", *places]).reset_index()


def runs_at(grid: pd.DataFrame, chosen: pd.DataFrame, question: Question) -> pd.DataFrame:
    """The runs of `grid` at each configuration's chosen values: what lay_out compares."""
    keys = ["config", *question.tune]
    return with_config(grid, question).merge(chosen[keys], on=keys, how="inner")


def summarise_rates(grid: pd.DataFrame, question: Question) -> pd.DataFrame:
    """One row per configuration and choice of tuned values: n, mean and 95 % interval of the endpoint.

    For the picture of the endpoint against a tuned setting; nothing is chosen from it. The mean is over the finished
    runs, NaN without any; `diverged` counts the others, and the last column takes them as they are charged.
    """
    runs = _checked(grid, question, question.endpoint)
    values, charged = charge(runs, question, question.endpoint)
    keys = ["config", *question.tune]
    groups = runs.groupby(keys, sort=False, dropna=False)
    place = groups.cumcount().to_numpy()
    table, unit = groups.head(1)[keys].reset_index(drop=True), _unit(values, question)
    wide = np.full((2, len(table), place.max() + 1), np.nan)
    wide[:, groups.ngroup().to_numpy(), place] = values, charged
    level = 1 - looks_at(runs, question).nominal()
    table["n"], t = student_rows(wide[0], unit, level=level, overlap=overlap_of(runs, question))
    each = widened(t, np.isfinite(wide[0]), np.eye(len(table)), ALONE, level)
    table["mean"], table["sd"] = t.mean, t.sd
    table["low"], table["high"] = each.interval(table["n"].to_numpy(), pooled(wide[0].T, unit), level)
    table["diverged"] = groups.size().to_numpy() - table["n"]
    table[f"mean_diverged_as_{question.diverged_as}"] = student_rows(wide[1], unit)[1].mean
    return table


def _unit(values: pd.Series[float], question: Question) -> float:
    return 1.0 if question.is_share else float(values.abs().max()) / 100 or 1.0


def _checked(grid: pd.DataFrame, question: Question, metric: str) -> pd.DataFrame:
    check_runs(grid, question, metric)
    runs = with_config(grid, question)
    check_unique(runs, question)
    return runs


def _validation_means(grid: pd.DataFrame, question: Question) -> pd.DataFrame:
    # What a choice may read. The endpoint is not among it: the test set chooses nothing.
    columns = [*question.settings, question.validation, "outcome"]
    runs = _checked(grid[[name for name in columns if name in grid]], question, question.validation)
    _, charged = charge(runs, question, question.validation)
    unit = _unit(charged, question)
    runs = runs.assign(diverged=runs["outcome"] != "finished", repeats=labels_of(runs, question))
    runs[question.validation] = charged
    groups = runs.groupby(["config", *question.tune], sort=False, dropna=False)
    means = groups[[question.validation]].mean()
    means = means.assign(n=groups.size(), diverged=groups["diverged"].sum(), repeats=groups["repeats"].agg(tuple))
    means = means.reset_index()
    for name in question.tune:
        order = {as_word(value): at for at, value in enumerate(ordered(means[name].drop_duplicates(), name))}
        means[f"{name} place"] = means[name].map(lambda value, order=order: order[as_word(value)])
    # Equal means differ in the last bit when their terms do: without rounding, ties would go by chance.
    return means.assign(rounded=(means[question.validation] / unit).round(9))


def _edge(grid: pd.DataFrame, chosen: pd.Series, question: Question) -> str:
    """At which end of its grid each chosen value lies; with several tuned settings, which of them do."""
    ends = {}
    for name in question.tune:
        values = grid[name].drop_duplicates()
        if len(values) == 1:
            ends[name] = "only"
        elif pd.api.types.is_numeric_dtype(values):
            ends[name] = {values.min(): "smallest", values.max(): "largest"}.get(chosen[name], "")
    if len(question.tune) == 1:
        return next(iter(ends.values()), "")
    return ", ".join(f"{end} {name}" for name, end in ends.items() if end)

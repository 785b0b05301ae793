"""Each configuration by itself: how well it did, how surely, how soon, and what became of its runs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from octant.analysis.comparison.design import PairedRuns
from octant.analysis.comparison.intervals import Array, student_rows
from octant.analysis.comparison.sources import ALONE, Sources, widened
from octant.analysis.question import Question
from octant.analysis.speed import REACHED, has_reached

SHARES = (90, 95)


def summarise(design: PairedRuns, curves: pd.DataFrame | None = None, sources: Sources = ALONE) -> pd.DataFrame:
    """One row per configuration, best first: by the mean with diverged runs charged, ties by name.

    Shares are in percent, their SDs and errors in percentage points; `low` and `high` bound the 95 % interval of the
    mean over repeats, and over `sources`. `epochs_to_90` is the mean over the finished runs of the first epoch whose
    endpoint is at least 90 % of that run's final one; it needs `curves`, and an endpoint to be made large. `reached`
    counts the finished runs that reached the level of an endpoint that has one. Reasons for what is NaN stand in
    `note`.
    """
    question, values = design.question, design.values.T
    n, t = student_rows(values, design.unit, design.step, design.level, design.overlap)
    wide = widened(t, np.isfinite(values), np.eye(len(values)), sources, design.level)
    low, high = wide.interval(n, design.skewness, design.level)
    _, charged = student_rows(design.charged.T, design.unit)
    by_charge = f"mean_diverged_as_{question.diverged_as}"
    table = pd.DataFrame(
        {
            "config": design.configs,
            **{name: [of[code] for code in design.codes[:, at]] for at, (name, of) in enumerate(design.levels.items())},
            **{"n": n, "mean": t.mean, "sd": t.sd, "low": low, "high": high},
            **_extremes(design),
            **_test_sets(design, t.mean),
            "diverged": [len(design.diverged.get(config, [])) for config in design.configs],
            "diverged_runs": [", ".join(design.diverged.get(config, [])) for config in design.configs],
            by_charge: charged.mean,
        }
    )
    if question.unit:
        table[REACHED] = _reached(design.runs, table["config"])
    first = first_epochs(design, curves)
    for share in SHARES:
        table[f"epochs_to_{share}"] = table["config"].map(first.groupby("config")[f"to_{share}"].mean())
    absent = first["to_90"].isna().groupby(first["config"]).sum()
    seen = curves is not None and question.at_the_end.goal == "max"
    absent = table["config"].map(absent).fillna(0) if seen else 0 * table["n"]
    table["note"] = [_note(n, int(lost), question) for n, lost in zip(table["n"], absent, strict=True)]
    return table.sort_values([by_charge, "config"], ascending=[question.goal == "min", True], ignore_index=True)


def _reached(runs: pd.DataFrame, configs: pd.Series) -> pd.Series:
    """How many finished runs of each configuration reached the level; NA where nothing says so."""
    if REACHED not in runs:
        return pd.Series(pd.NA, index=configs.index)
    reached = runs[has_reached(runs) & (runs["outcome"] == "finished")]
    return configs.map(reached.groupby("config").size()).fillna(0).astype(int)


def first_epochs(design: PairedRuns, curves: pd.DataFrame | None) -> pd.DataFrame:
    """One row a finished run: config, repeats, and the first epoch to reach 90 and 95 % of its final endpoint.

    `curves` has one row per run and epoch (fingerprint, epoch, the endpoint); a run without a curve gets NaN, and so
    does every run whose endpoint is to be small.
    """
    question = design.question.at_the_end
    finished = design.runs[design.runs["outcome"] == "finished"]
    table = finished[["config", *question.repeat]].copy()
    for share in SHARES:
        table[f"to_{share}"] = np.nan
        if curves is not None and question.goal == "max" and question.endpoint in finished:
            final = curves["fingerprint"].map(finished.set_index("fingerprint")[question.endpoint])
            # The margin: 0.95 x 0.8 must not exceed 0.76 by rounding.
            reached = curves[curves[question.endpoint] >= share / 100 * final - 1e-12]
            epochs = reached.groupby("fingerprint")["epoch"].min()
            table[f"to_{share}"] = finished["fingerprint"].map(epochs).astype(float)
    return table


def _binomial_error(percent: Array, n_test: Array) -> Array:
    """Standard error, in percentage points, of accuracies in percent measured on n_test examples.

    sqrt(p (1 - p) / n): how far another test set of this size would move it. All configurations share the test set,
    so more seeds do not lessen it, and in paired differences much of it cancels.
    """
    return np.asarray(np.sqrt(percent * (100 - percent) / n_test))


def _extremes(design: PairedRuns) -> dict[str, object]:
    """The best and the worst run of each configuration, and with which repeat."""
    gain = design.question.sign * design.values.T
    found: dict[str, object] = {}
    for name, ends, empty in (("best", np.argmax, -np.inf), ("worst", np.argmin, np.inf)):
        at = ends(np.where(np.isnan(gain), empty, gain), axis=1)
        value = design.values.T[np.arange(len(at)), at]
        found[f"{name}_repeat"] = ["" if np.isnan(v) else design.repeats[i] for i, v in zip(at, value, strict=True)]
        found[name] = value
    return found


def _test_sets(design: PairedRuns, mean: Array) -> dict[str, object]:
    """The examples of each configuration's test set, the fewest of its runs; NaN where they are not known."""
    runs = design.runs
    sizes = runs.groupby("config")["n_test"].min().reindex(design.configs) if "n_test" in runs else None
    if sizes is None or not design.question.is_share:
        return {"binomial_error": np.nan, "n_test": np.nan if sizes is None else sizes.to_numpy()}
    return {"binomial_error": _binomial_error(mean, sizes.to_numpy(dtype=float)), "n_test": sizes.to_numpy()}


def _note(n: int, without_curve: int, question: Question) -> str:
    one = [f"one {question.noun}: no interval"] if n == 1 and not question.exact else []
    notes = ["no run finished"] if n == 0 else one
    notes += [f"no curve for {without_curve} of {n} runs"] if without_curve else []
    return "; ".join(notes)

"""Each configuration by itself: how well it did, how surely, how soon, and what became of its runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from octant.analysis.comparison.intervals import student
from octant.analysis.comparison.sweep import FACTORS, Sweep

SHARES = (90, 95)


def summarise(sweep: Sweep, curves: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row a configuration, best first: by the mean with diverged runs as 0 %, ties by name.

    Accuracies are in percent, SDs and errors in percentage points; `low` and `high` bound the 95 % interval of the
    mean over seeds. `epochs_to_90` is the mean over the finished runs of the first epoch whose test accuracy is at
    least 90 % of that run's final one; it needs `curves`. Reasons for what is NaN stand in `note`.
    """
    table = pd.DataFrame([_row(sweep, str(config)) for config in sweep.accuracy])
    table[["best_seed", "worst_seed"]] = table[["best_seed", "worst_seed"]].astype("Int64")
    first = first_epochs(sweep, curves)
    for share in SHARES:
        table[f"epochs_to_{share}"] = table["config"].map(first.groupby("config")[f"to_{share}"].mean())
    absent = first["to_90"].isna().groupby(first["config"]).sum()
    absent = table["config"].map(absent).fillna(0) if curves is not None else 0 * table["n"]
    table["note"] = [_note(n, int(lost)) for n, lost in zip(table["n"], absent, strict=True)]
    return table.sort_values(["mean_diverged_as_zero", "config"], ascending=[False, True], ignore_index=True)


def first_epochs(sweep: Sweep, curves: pd.DataFrame | None) -> pd.DataFrame:
    """One row a finished run: config, seed, and the first epoch to reach 90 and 95 % of its final test accuracy.

    `curves` has one row a run and epoch (fingerprint, epoch, test_accuracy); a run without a curve gets NaN.
    """
    finished = sweep.runs[sweep.runs["outcome"] == "finished"]
    table = finished[["config", "seed", "fingerprint"]].copy()
    for share in SHARES:
        table[f"to_{share}"] = np.nan
        if curves is not None:
            final = curves["fingerprint"].map(finished.set_index("fingerprint")["test_accuracy"])
            # The margin: 0.95 x 0.8 must not exceed 0.76 by rounding.
            reached = curves[curves["test_accuracy"] >= share / 100 * final - 1e-12]
            table[f"to_{share}"] = table["fingerprint"].map(reached.groupby("fingerprint")["epoch"].min()).astype(float)
    return table


def binomial_error(percent: float, n_test: int) -> float:
    """Standard error, in percentage points, of an accuracy in percent measured on n_test examples.

    sqrt(p (1 - p) / n): how far another test set of this size would move it. All configurations share the test set,
    so more seeds do not lessen it, and in paired differences much of it cancels.
    """
    return float(np.sqrt(percent * (100 - percent) / n_test))


def _row(sweep: Sweep, config: str) -> dict[str, Any]:
    values = sweep.accuracy[config].dropna()
    t, names = student(values.to_numpy()), sweep.diverged.get(config, [])
    run = sweep.runs[sweep.runs["config"] == config].iloc[0]
    return {
        "config": config,
        **{factor: run[factor] for factor in FACTORS},
        "n": len(values),
        **{name: float(getattr(t, name)) for name in ("mean", "sd", "low", "high")},
        "best_seed": values.idxmax() if len(values) else None,
        "best": values.max(),
        "worst_seed": values.idxmin() if len(values) else None,
        "worst": values.min(),
        "binomial_error": binomial_error(float(t.mean), sweep.n_test),
        "n_test": sweep.n_test,
        "diverged": len(names),
        "diverged_runs": ", ".join(names),
        "mean_diverged_as_zero": sweep.as_zero[config].mean(),
    }


def _note(n: int, without_curve: int) -> str:
    notes = ["no run finished"] if n == 0 else ["one seed: no interval"] if n == 1 else []
    notes += [f"no curve for {without_curve} of {n} runs"] if without_curve else []
    return "; ".join(notes)

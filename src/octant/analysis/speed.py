"""Endpoints of whole curves, computed where the frame of runs is made: everything else takes them as any metric.

A run that does not reach the level has no number. Means are restricted (Royston & Parmar, BMC Medical Research
Methodology 13:152, 2013): every run counts up to the horizon, for which each run that did not reach the level was
followed. Up to there nothing is censored, so that means, differences and paired tests are those of any metric.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from octant.analysis.endpoint import DURATION, OfCurve
from octant.analysis.question import Question
from octant.errors import InputError

REACHED = "reached"
_ROUNDING = 1e-12  # 0.9 of an accuracy must not be missed by the last bit


def with_curve_endpoints(runs: pd.DataFrame, curves: pd.DataFrame, question: Question) -> pd.DataFrame:
    """The runs with the endpoint, and the metric that tuned settings are chosen on, as columns.

    `curves` has a row per run and epoch: fingerprint, epoch, the metrics, and DURATION where seconds are counted. The
    column `reached` says whether a run reached the endpoint's level; one that did not has what it was followed for,
    and counts as the slowest of all where settings are chosen. Nothing is added where the endpoint is a metric's last
    value, or a column already. Raises InputError for curves without the endpoint's metric.
    """
    found = question.of_curve
    if found is None or question.endpoint in runs:
        return runs
    for column in (question.metric, *([DURATION] if found.unit == "seconds" else [])):
        if column not in curves or curves[column].isna().all():
            where = f" (column {DURATION}, as octant logs them)" if column == DURATION else ""
            name = "seconds" if column == DURATION else column
            raise InputError(f"{question.endpoint}: the runs have no {name} for each epoch{where}")
    told = {question.endpoint: question.metric, question.validation: question.validation_of}
    for name, metric in ((name, metric) for name, metric in told.items() if metric in curves):
        points = curves.dropna(subset=[metric]).sort_values(["fingerprint", "epoch"])
        if not found.unit:
            runs = runs.assign(**{name: _means(runs, points, metric)})
            continue
        first, last = _times(runs, points, metric, question)
        if name == question.endpoint:
            runs = runs.assign(**{name: first.fillna(last)}).assign(**{REACHED: first.notna()})
        else:
            runs = runs.assign(**{name: first.fillna(last.max())})
    return runs


def restricted(runs: pd.DataFrame, question: Question) -> pd.DataFrame:
    """The runs, none of which counts for more than the horizon."""
    horizon = horizon_of(runs, question)
    if horizon is None:
        return runs
    return runs.assign(**{question.endpoint: pd.to_numeric(runs[question.endpoint]).clip(upper=horizon)})


def horizon_of(runs: pd.DataFrame, question: Question) -> float | None:
    """The least that a finished run without the level was followed for; None where all have it, or nothing says so."""
    if REACHED not in runs or not question.unit:
        return None
    unreached = (runs["outcome"] == "finished") & ~has_reached(runs)
    horizon = pd.to_numeric(runs.loc[unreached, question.endpoint]).min()
    return None if pd.isna(horizon) else float(horizon)


def has_reached(runs: pd.DataFrame) -> pd.Series[bool]:
    """Whether each run reached the level; a csv has that as text."""
    return runs[REACHED].astype(str) == "True"


def _times(
    runs: pd.DataFrame, points: pd.DataFrame, metric: str, question: Question
) -> tuple[pd.Series[float], pd.Series[float]]:
    """When each run first has the level (NaN: never), and for how long it was followed."""
    found, clock = question.of_curve or OfCurve(metric), points["epoch"].astype(float)
    if found.unit == "seconds":
        clock = points[DURATION].fillna(0.0).groupby(points["fingerprint"]).cumsum()
    level, sign = float(found.level) / question.metric_scale, 1.0 if found.side == "above" else -1.0
    is_there = sign * (points[metric] - level) >= -_ROUNDING * max(1.0, abs(level))
    by_run = points["fingerprint"]
    first, last = clock[is_there].groupby(by_run[is_there]).min(), clock.groupby(by_run).max()
    return runs["fingerprint"].map(first).astype(float), runs["fingerprint"].map(last).astype(float)


def _means(runs: pd.DataFrame, points: pd.DataFrame, metric: str) -> pd.Series[float]:
    """The mean of each run from epoch 1 to the last that all finished runs have; epoch 0 is before training."""
    last = runs["fingerprint"].map(points.groupby("fingerprint")["epoch"].max())
    shared = last[runs["outcome"] == "finished"].min()
    counted = points[points["epoch"].between(1, np.inf if pd.isna(shared) else shared)]
    return runs["fingerprint"].map(counted.groupby("fingerprint")[metric].mean())

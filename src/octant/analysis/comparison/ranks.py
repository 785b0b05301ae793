"""The ranks of the configurations in each of several data sets."""

from __future__ import annotations

import numpy as np
import pandas as pd

from octant.analysis.comparison.design import charge
from octant.analysis.question import Question, noun_of

_OWN = ("config", "mean_rank")


def ranks_over_data(runs: pd.DataFrame, question: Question) -> pd.DataFrame:
    """A row per configuration: config, mean_rank, and its mean endpoint in each data set, by the data set's name.

    Diverged runs count in the means as `Question.diverged_as`, so that no configuration gains by diverging.

    In each data set the best has rank 1, and equal ones share the mean of their ranks (Demsar, Journal of Machine
    Learning Research 7, 2006, section 3.2.2). A data set counts where every configuration has a run. Empty
    where fewer than two do, or where the question does not repeat over data sets.
    """
    by = next((each for each in question.repeat if noun_of(each) == "data set"), None)
    if by is None:
        return pd.DataFrame()
    charged = runs.assign(charged=charge(runs, question, question.endpoint)[1])
    means = charged.pivot_table("charged", "config", by, "mean", sort=False).dropna(axis=1)
    means = means.rename(columns=lambda name: f"{name} (data set)" if name in _OWN else str(name))
    if means.shape[1] < 2:
        return pd.DataFrame()
    means.insert(0, "mean_rank", ranks_of(means, question).mean(axis=1))
    return means.sort_values("mean_rank", kind="stable").rename_axis(index="config", columns=None).reset_index()


def ranks_of(means: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Each configuration's rank in each column; `means` has a row per configuration.

    Equal up to rounding is equal: the same values added in another order differ in the last bit.
    """
    unit = float(np.nanmax(np.abs(means.to_numpy(dtype=float)))) or 1.0
    return (means / unit).round(12).rank(ascending=question.goal == "min", method="average")

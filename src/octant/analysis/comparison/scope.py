"""Over what an answer holds: what differs between the repeats, and which of these are independent of each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from octant.analysis.comparison.settings import column_of
from octant.analysis.question import Question, noun_of

# Repeats of these kinds train and test on other examples, the first kind on those of another data set.
DATA = ("data set", "split", "fold")


@dataclass(frozen=True)
class Scope:
    """How many values each kind of repeat takes: `{"seed": 10, "split": 10}`; kinds with one value are left out.

    `crossed`: seeds share splits, each counts with their mean. `fixed_split`: all runs have one split that was drawn.
    `own_test`: the data set came with its test set. Both are False where nothing is known of it. `examples` counts the
    test examples, if the answer holds for new ones like them, too; `but` says why it does not, where that was asked.
    `overlap` is that of folds (see `overlap_of`).
    """

    kinds: Mapping[str, int]
    crossed: bool = False
    fixed_split: bool = False
    own_test: bool = False
    examples: int = 0
    but: str = ""
    overlap: float = 0.0


def units(runs: pd.DataFrame, question: Question) -> tuple[str, ...]:
    """The settings whose values make the independent repeats: all that repeat, or splits alone, or data sets alone.

    Where several seeds share a split (or fold), what is particular to it moves them together: they are no
    independent repeats of an answer that is about splits, so their mean is taken. A data set's splits are no more.
    """
    splits = [name for name in question.repeat if noun_of(name) == DATA[0]]
    splits = splits or [name for name in question.repeat if noun_of(name) in DATA]
    if DATA[2] in map(noun_of, splits):  # a fold of another repetition is another fold
        splits += [name for name in question.repeat if noun_of(name) == "repeat"]
    count = len(runs[splits].drop_duplicates()) if splits else 0
    crossed = 1 < count < len(runs[list(question.repeat)].drop_duplicates())
    return tuple(splits) if crossed else question.repeat


def overlap_of(runs: pd.DataFrame, question: Question) -> float:
    """n_test / n_train of repeats that are folds, 1 / (k - 1) of k folds where it is not told; 0 of other repeats.

    The training sets of folds overlap, so that they are no independent repeats of an answer about new examples: the
    variance of their mean is corrected by this (see `intervals.student`).
    """
    counts = [int(runs[name].nunique()) for name in units(runs, question) if noun_of(name) == DATA[2]]
    if not counts or counts[0] < 2:
        return 0.0
    if {"n_test", "n_train"} <= {*runs}:  # of the rest some may validate, and not all folds need be there
        n_test, n_train = (pd.to_numeric(runs[name], errors="coerce") for name in ("n_test", "n_train"))
        told = (n_test / n_train).max()
        return float(told) if 0 < told < np.inf else 1 / (counts[0] - 1)
    return 1 / (counts[0] - 1)


def scope_of(runs: pd.DataFrame, question: Question, examples: int = 0, but: str = "") -> Scope:
    """What the runs that were compared vary besides the configuration; `examples` and `but` as they are known."""
    counts = {noun_of(name): int(runs[name].nunique()) for name in question.repeat}
    kinds = {noun: count for noun, count in counts.items() if count > 1}
    split, test = (column_of(f"dataset.{name}", runs.columns) for name in ("split_seed", "test_fraction"))
    known = test in runs and split in runs
    own_test = known and bool(runs[test].isna().all())
    fixed = known and not own_test and not {*DATA} & {*kinds} and runs[split].nunique() == 1
    crossed = units(runs, question) != question.repeat
    return Scope(kinds, crossed, fixed, own_test, examples, but, overlap_of(runs, question))

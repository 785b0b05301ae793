"""The runs of a sweep as a comparison needs them: named, sorted, and checked for what would make its numbers wrong."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from octant.analysis.comparison.settings import (
    as_word,
    config_names,
    first_few,
    moves_with,
    ordered,
    values_of,
    varying,
)
from octant.analysis.question import Question
from octant.errors import InputError, unknown_word

OUTCOMES = ("finished", "diverged")
# Columns of the tables: a factor of the same name would be overwritten.
TAKEN = ("config", "n", "mean", "sd", "low", "high", "best", "worst", "outcome", "note", "fingerprint")


def with_config(frame: pd.DataFrame, question: Question) -> pd.DataFrame:
    """The runs with the name of their configuration, sorted by it and by repeat."""
    runs = frame.assign(config=config_names(frame, question.compare))
    return runs.sort_values(["config", *question.tune, *question.repeat], key=sortable, ignore_index=True)


def check_runs(frame: pd.DataFrame, question: Question, metric: str) -> None:
    """Raise InputError unless the question's columns are there and each finished run has a sound `metric`."""
    if missing := [name for name in (*question.settings, metric, "outcome") if name not in frame]:
        raise InputError(f"runs: no column {', '.join(missing)}")
    if taken := [name for name in question.compare if name in TAKEN]:
        raise InputError(f"runs: a setting cannot be called {taken[0]}; rename the column")
    if frame.empty:
        raise InputError("runs: none to compare; run the experiment first")
    if frame[list(question.repeat)].isna().any(axis=None):
        raise InputError(f"runs: a run without its configuration or {', '.join(question.repeat)}")
    for unknown in sorted(set(frame["outcome"].astype(str)) - set(OUTCOMES)):
        raise InputError(unknown_word("outcome", unknown, OUTCOMES))
    _check_values(frame, question, metric)


def _check_values(frame: pd.DataFrame, question: Question, metric: str) -> None:
    numbers = pd.to_numeric(frame[metric], errors="coerce").astype(float)
    sound = numbers.between(0, 1) if question.is_share else np.isfinite(numbers)
    bad = frame[(frame["outcome"] == "finished") & ~sound]
    if len(bad):
        first = with_config(bad, question).iloc[0]
        wanted = "in [0, 1]" if question.is_share else "a number"
        raise InputError(f"{_name_of(first, question)}: {metric} is {first[metric]}, not {wanted}")


def check_seen(frame: pd.DataFrame, question: Question, settings: Iterable[str] | None = None) -> list[str]:
    """Raise InputError if a setting varies that the question does not name; notes on those that move with others."""
    names = varying(frame.drop(columns=[question.endpoint, question.validation], errors="ignore"))
    if settings is not None:
        names = [name for name in settings if name in frame and values_of(frame[name]) > 1]
    own, together = (*question.compare, *question.tune), []
    for name in (each for each in names if each not in question.settings):
        if moves_with(frame, name, own):
            together.append(name)
        elif not _moves_with_repeats(frame, name, question):
            some = first_few(ordered(frame[name].drop_duplicates()))
            raise InputError(
                f"{name} varies ({some}) and is neither compared, tuned nor repeated, so that its values would be "
                f"averaged unseen; add it to one of the three, or keep the runs of one value"
            )
    if "n_test" in frame and not (moves_with(frame, "n_test", own) or _moves_with_repeats(frame, "n_test", question)):
        sizes = sorted(set(frame["n_test"].dropna()))
        raise InputError(f"runs: test sets of {sizes} examples; compare runs of one test set")
    if len(together) > 1:
        return [f"Not compared, although they differ between configurations: {', '.join(together)}. They may be what "
                "makes the difference"]  # fmt: skip
    return [f"Not compared, although it differs between configurations: {each}. It may be what makes the difference"
            for each in together]  # fmt: skip


def check_unique(runs: pd.DataFrame, question: Question) -> None:
    """Raise InputError if two runs share configuration, tuned values and repeat."""
    twice = runs[runs.duplicated(["config", *question.tune, *question.repeat])]
    if len(twice):
        raise InputError(
            f"{_name_of(twice.iloc[0], question)}: more than one run; drop one, or name the setting that tells them "
            "apart in compare, tune or repeat"
        )


def _moves_with_repeats(frame: pd.DataFrame, name: str, question: Question) -> bool:
    """Whether a column, such as a data set's digest, follows from the repeats, with the configuration or alone.

    From what is different in every run everything would follow, so that says nothing; nor do all the repeats with the
    configuration, which give the run: one is left out.
    """
    own, repeats = (*question.compare, *question.tune), question.repeat
    fewer = [(*own, *(other for other in repeats if other != one)) for one in repeats] if len(repeats) > 1 else []
    shared = (others for others in (repeats, *fewer) if others and frame.duplicated(list(others)).any())
    return any(moves_with(frame, name, others) for others in shared)


def label_of(values: Iterable[object], question: Question) -> str:
    """A repeat as text."""
    return label_with(question.repeat, values)


def label_with(names: Iterable[str], values: Iterable[object]) -> str:
    """The values of these settings in words: `fold 1, seed 3`."""
    return ", ".join(f"{name} {as_word(value)}" for name, value in zip(names, values, strict=True))


def labels_of(runs: pd.DataFrame, question: Question) -> list[str]:
    """The repeat of each run as text."""
    if not question.repeat:
        return ["the one run"] * len(runs)
    return [label_of(row, question) for row in runs[list(question.repeat)].itertuples(index=False, name=None)]


def sortable(column: pd.Series) -> pd.Series:
    """Ranks that sort numbers by size even in a column with words."""
    if column.name == "config" or pd.api.types.is_numeric_dtype(column):
        return column
    places = {as_word(value): at for at, value in enumerate(ordered(column.drop_duplicates(), str(column.name)))}
    return column.map(lambda value: places[as_word(value)])


def _name_of(run: pd.Series, question: Question) -> str:
    return " ".join(
        part for part in (str(run["config"]), label_of((run[r] for r in question.repeat), question)) if part
    )

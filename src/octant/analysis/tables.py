"""Runs that octant never trained to a comparison: any frame, csv or store; a line on each thing that was done."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from octant.analysis import tidy
from octant.analysis.comparison import Comparison, answer
from octant.analysis.comparison.runs import check_seen
from octant.analysis.comparison.settings import first_few
from octant.analysis.endpoint import check_form, goal_of, of_curve
from octant.analysis.guess import STEPS, Asked, guesses_in_words
from octant.analysis.question import Goal, Question
from octant.analysis.speed import with_curve_endpoints
from octant.analysis.tidy import TableSource, Tidy
from octant.errors import InputError, nearest


def compare(
    frame: pd.DataFrame,
    compare: Sequence[str] | None = None,
    tune: Sequence[str] = (),
    repeat: Sequence[str] | None = None,
    endpoint: str | None = None,
    goal: Goal | None = None,
    margin: float | None = None,
    validation: str | None = None,
) -> Comparison:
    """Compare the runs of any tidy frame: one row per run, or several with an epoch or step, of which the last counts.

    What is not given is guessed from what varies: `compare` is every setting that varies less `tune` and `repeat`,
    `repeat` the seeds and folds (those of scikit-learn's cv_results_, a column each, become rows); `repeat=[]` says
    that the runs draw nothing at random, so that differences are exact. A run whose endpoint is NaN counts as
    diverged. `reading` of the result says what was guessed, `notes` what was done with the rows.
    Raises InputError, one line, where there is no answer.
    """
    asked = Asked(compare, tune, repeat, endpoint, goal, margin, validation)
    return _compare(frame, asked, TableSource(blank=False), [])[0]


def compare_file(path: Path, asked: Asked | None = None) -> tuple[Comparison, list[str]]:
    """Compare the runs of a csv file; also the lines to print before the answer, the question first."""
    frame, lines = _read_csv(path)
    return _compare(frame, asked or Asked(), TableSource(blank=True), lines)


def compare_logged(
    frame: pd.DataFrame, metrics: Sequence[str], asked: Asked, curves: pd.DataFrame | None = None
) -> tuple[Comparison, list[str]]:
    """Compare the runs of a tracking store, one row each with its last metrics; also the lines to print.

    `metrics` are the columns with metrics; NaN is one that was not logged. Where a param and a metric have one name,
    `asked` means the metric as endpoint and validation, the param elsewhere. `curves` (fingerprint, epoch, metrics) are
    needed by an endpoint of whole curves.
    """
    both = {name.removeprefix("metrics."): name for name in metrics}
    asked = replace(asked, endpoint=both.get(str(asked.endpoint), asked.endpoint),
                    validation=both.get(str(asked.validation), asked.validation))  # fmt: skip
    return _compare(frame, asked, TableSource(blank=True, noun="run", metrics=metrics, curves=curves), [])


def _compare(frame: pd.DataFrame, asked: Asked, source: TableSource, about: list[str]) -> tuple[Comparison, list[str]]:
    """The comparison, and the lines to print before it: the question, `about` the file, what was done with rows."""
    frame = tidy.groupable(frame.reset_index(drop=True))
    asked = asked.of(frame)
    wanted = asked.endpoint if asked.endpoint not in frame else None
    if found := of_curve(wanted or ""):
        sides: dict[str, Goal] = {"above": "max", "below": "min"}
        asked = replace(asked, endpoint=found.metric, goal=sides.get(found.side, asked.goal))
        source = replace(source, early=True)
    elif wanted:
        check_form(wanted, "endpoint", is_share=False)
    for missing in (name for name in asked.columns() if name not in frame):
        hint = nearest(missing, map(str, frame.columns))
        raise InputError(f"no column {missing}; {hint}columns: {first_few(frame.columns, 20)}")
    if frame.empty:
        raise InputError("no rows: nothing to compare")
    asked = replace(asked, endpoint=asked.endpoint_of(frame, source.metrics))
    tidied = source.one_row_per_run(frame, asked)
    question, guessed = asked.question(tidied.runs)
    check_seen(tidied.runs, question)
    runs = tidied.runs
    if found and wanted:
        question = replace(question, endpoint=wanted, goal=goal_of(wanted, question.goal))
        runs = _with_endpoint(tidied, question, source)
    runs, question, paired = source.pairable(runs, question, asked)
    comparison = answer(runs, question, tidied.curves if len(tidied.curves) else None)
    last = len(tidied.curves) > 0 or source.metrics is not None
    notes = (*tidied.lines, *guessed, *paired, *comparison.notes)
    reading = guesses_in_words(runs, question, last)
    comparison = replace(comparison, notes=notes, reading=reading, curves=tidied.curves)
    return comparison, [reading, *about, *notes]


def _with_endpoint(tidied: Tidy, question: Question, source: TableSource) -> pd.DataFrame:
    """The runs with an endpoint of their curves; raises InputError where there are none."""
    check_form(question.endpoint, "endpoint", question.metric_scale > 1)
    curves = tidied.curves if source.curves is None else source.curves
    if curves.empty or (source.curves is None and curves["fingerprint"].is_unique):
        raise InputError(f"endpoint: {question.endpoint} takes a row for each epoch of a run; here is one row per run")
    if question.unit == "epochs" and tidied.step != STEPS[0]:
        raise InputError(f"endpoint: {question.endpoint} counts epochs, and the table has column {tidied.step} instead "
                         "of epoch; rename it if its steps are epochs")  # fmt: skip
    return with_curve_endpoints(tidied.runs, curves, question)


def _read_csv(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The rows of a csv file as text and numbers, and lines on those that could not be read.

    A blank cell is missing, NaN; a number that is written as nan is infinite here, so that the two stay apart.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            separator = max(",;\t", key=first.count)
            rows = [row for row in csv.reader(file, delimiter=separator) if any(cell.strip() for cell in row)]
    except UnicodeDecodeError:
        raise InputError(f"{path}: cannot be read as csv: its text is not UTF-8; save it as CSV UTF-8") from None
    except (OSError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as csv: {getattr(error, 'strerror', None) or error}") from None
    if len(rows) < 2:
        raise InputError(f"{path}: no runs; the first line names the columns, each other line is a run")
    names = [name.strip() for name in rows[0]]
    if twice := sorted({name for name in names if names.count(name) > 1 and name}):
        raise InputError(f"{path}: several columns are called {', '.join(twice)}")
    body = [row for row in rows[1:] if len(row) == len(names)]
    frame = pd.DataFrame(body, columns=names).drop(columns=[""], errors="ignore")
    frame = frame.apply(lambda column: column.str.strip().replace("", np.nan).astype(object))
    odd = len(rows) - 1 - len(body)
    lines = [f"lines with more or fewer cells than the first left out: {odd}"] if odd else []
    return frame.apply(_numbers), lines


def _numbers(column: pd.Series) -> pd.Series:
    """The column as numbers if every cell that is not blank is one, whole ones without blanks as integers."""
    number = pd.to_numeric(column, errors="coerce")
    number = number.mask(column.astype(str).str.lower().isin(tidy.NOT_A_NUMBER) & column.notna(), np.inf)
    words = column.notna() & number.isna()
    return number if column.notna().any() and not words.any() else column

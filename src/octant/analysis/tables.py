"""Runs that octant never trained to a comparison: any frame, csv or store; a line on each thing that was done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from octant.analysis.comparison import Comparison, answer
from octant.analysis.comparison.runs import check_seen
from octant.analysis.comparison.settings import METRIC, REPEATS, first_few, is_number, varying
from octant.analysis.endpoint import check_form, goal_of, of_curve
from octant.analysis.files import NOT_A_NUMBER, read_csv_runs
from octant.analysis.guess import STEPS, Asked, endpoint_of, guessed_question, guesses_in_words
from octant.analysis.question import Goal, Question
from octant.analysis.speed import with_curve_endpoints
from octant.errors import InputError, nearest

STATUS = ("outcome", "status", "state")
FINISHED = ("finished", "complete", "completed", "success", "succeeded", "done", "ok", "")
IDENTITY = ("run_id", "run_uuid", "run", "id", "run_name", "name", "fingerprint")
NUMBERED = "repeat"  # the column that counts the runs of a configuration where nothing tells them apart
MOST_FOLDS = 10  # of one division of the data, as a rule
_FOLD = re.compile(r"split(\d+)_test_(\w+)")  # of scikit-learn's cv_results_


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
    return _compare(frame, asked, _Source(blank=False), [])[0]


def compare_file(path: Path, asked: Asked | None = None) -> tuple[Comparison, list[str]]:
    """Compare the runs of a csv file; also the lines to print before the answer, the question first."""
    frame, lines = read_csv_runs(path)
    return _compare(frame, asked or Asked(), _Source(blank=True), lines)


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
    return _compare(frame, asked, _Source(blank=True, noun="run", metrics=metrics, curves=curves), [])


@dataclass(frozen=True)
class _Source:
    """Where a table comes from: whether a NaN is a `blank` cell or what a run came to, what a row is called, and
    which columns are known to hold metrics, the last step's (None: not known, and several rows may be steps of a run).
    `curves` are known where they are asked for; `early` says that a run counts which ends before the others.
    """

    blank: bool
    noun: str = "row"
    metrics: Sequence[str] | None = None
    curves: pd.DataFrame | None = None
    early: bool = False

    def count(self, rows: Iterable[bool]) -> str:
        """How many of the rows, with their noun."""
        n = int(np.sum(np.asarray(list(rows))))
        return f"{n} {self.noun}{'s' * (n != 1)}"


@dataclass(frozen=True)
class _Tidy:
    """One row per run with an outcome; `curves` has a row per run and step where the table had several per run."""

    runs: pd.DataFrame
    lines: list[str]
    curves: pd.DataFrame
    step: str = STEPS[0]


def _compare(frame: pd.DataFrame, asked: Asked, source: _Source, about: list[str]) -> tuple[Comparison, list[str]]:
    """The comparison, and the lines to print before it: the question, `about` the file, what was done with rows."""
    about = [*about, *_about_folds(frame)]
    frame = _folds_down(frame.reset_index(drop=True)).apply(_plain)
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
    endpoint = endpoint_of(frame.apply(_mostly_numbers), asked, source.metrics)
    asked = replace(asked, endpoint=endpoint)
    tidied = _tidy(_settings_and_results(frame, asked, source), asked, source)
    question, guessed = guessed_question(tidied.runs, asked)
    check_seen(tidied.runs, question)
    runs = tidied.runs
    if found and wanted:
        question = replace(question, endpoint=wanted, goal=goal_of(wanted, question.goal))
        runs = _with_endpoint(tidied, question, source)
    runs, question, paired = _paired(runs, question, asked, source)
    comparison = answer(runs, question, tidied.curves if len(tidied.curves) else None)
    last = len(tidied.curves) > 0 or source.metrics is not None
    notes = (*tidied.lines, *guessed, *paired, *comparison.notes)
    said_of = guesses_in_words(runs, question, last)
    comparison = replace(comparison, notes=notes, reading=said_of, curves=tidied.curves)
    return comparison, [said_of, *about, *notes]


def _with_endpoint(tidied: _Tidy, question: Question, source: _Source) -> pd.DataFrame:
    """The runs with an endpoint of their curves; raises InputError where there are none."""
    check_form(question.endpoint, "endpoint", question.metric_scale > 1)
    curves = tidied.curves if source.curves is None else source.curves
    if curves.empty or (source.curves is None and curves["fingerprint"].is_unique):
        raise InputError(f"endpoint: {question.endpoint} takes a row for each epoch of a run; here is one row per run")
    if question.unit == "epochs" and tidied.step != STEPS[0]:
        raise InputError(f"endpoint: {question.endpoint} counts epochs, and the table has column {tidied.step} instead "
                         "of epoch; rename it if its steps are epochs")  # fmt: skip
    return with_curve_endpoints(tidied.runs, curves, question)


def _settings_and_results(frame: pd.DataFrame, asked: Asked, source: _Source) -> pd.DataFrame:
    """The table without metrics that nobody asked for, whose names could be taken for those of settings."""
    others = {name for name in source.metrics or () if name not in asked.columns() and not METRIC.fullmatch(name)}
    return frame.drop(columns=list(others))


def _tidy(frame: pd.DataFrame, asked: Asked, source: _Source) -> _Tidy:
    """One row per run, and a line on each kind of row that was left out; raises InputError where none is left.

    A blank is a cell that was never filled in, and such rows are left out; NaN is otherwise what the run came to,
    which counts as diverged.
    """
    endpoint, lines = str(asked.endpoint), []
    numbers = pd.to_numeric(frame[endpoint], errors="coerce").astype(float)
    text = frame[endpoint].astype(str).str.lower().str.strip()
    words = numbers.isna() & frame[endpoint].notna() & ~text.isin(NOT_A_NUMBER)
    ended, about = _ended(frame, source)
    lacking = frame[endpoint].isna() & source.blank & (ended == "finished")
    if words.any():
        lines.append(
            f"{source.count(words)} without a number for {endpoint} ({first_few(text[words].unique())}) left out"
        )
    if lacking.any():
        lines.append(f"{source.count(lacking)} without {endpoint} left out")
    frame = frame.assign(**{endpoint: numbers})[~words & ~lacking & (ended != "left out")]
    frame = frame.drop(columns=[*STATUS], errors="ignore")
    diverged = ~np.isfinite(frame[endpoint]) | (ended[frame.index] == "diverged")
    frame = frame.assign(outcome=np.where(diverged, "diverged", "finished"))
    curves = pd.DataFrame()
    if source.metrics is None:
        frame, curves, steps = _last_steps(frame, asked, source)
        about += steps
    lost = int((frame["outcome"] == "diverged").sum())
    lines += [f"{lost} of {len(frame)} runs ended without a finite {endpoint}: counted as diverged"] if lost else []
    if frame.empty:
        raise InputError(f"no finished run with a value of {endpoint}; {'; '.join([*lines, *about])}")
    step = next((name for name in STEPS if name in frame), STEPS[0])
    return _Tidy(frame.reset_index(drop=True), [*lines, *about], curves, step)


def _ended(frame: pd.DataFrame, source: _Source) -> tuple[pd.Series, list[str]]:
    """How each row's run ended: finished, diverged, or left out, from the first column of STATUS."""
    name = next((name for name in STATUS if name in frame and not is_number(frame[name])), None)
    if name is None:
        return pd.Series("finished", index=frame.index), []
    status = frame[name].fillna("").astype(str).str.lower()
    ended = pd.Series("left out", index=frame.index).mask(status.isin(FINISHED), "finished")
    ended = ended.mask(status == "diverged", "diverged")
    others = status[ended == "left out"].value_counts()
    what = "runs" if source.noun == "run" else "rows of runs"
    return ended, [f"{what} that have not finished left out: {', '.join(f'{n} {w}' for w, n in others.items())}"
                   ] if len(others) else []  # fmt: skip


def _last_steps(frame: pd.DataFrame, asked: Asked, source: _Source) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """The last row of each run where a run has several, all of its rows as curves, and a line on early ends."""
    given = asked.columns()
    step = next((name for name in STEPS if name in frame and name not in given and is_number(frame[name])), None)
    if step is None or frame.empty:
        return frame, pd.DataFrame(), []
    settings = [name for name in varying(frame.drop(columns=[step])) if name != asked.endpoint]
    # What has several rows of one step, such as a number of repeats that every configuration has, names no run.
    named = [
        name for name in IDENTITY if name in frame and name not in given and not frame.duplicated([name, step]).any()
    ]
    keys = named[:1] or settings
    ordered = frame.sort_values(step, kind="stable")
    runs = ordered.groupby(keys, dropna=False, sort=False) if keys else ordered.groupby(lambda _: 0)
    ordered = ordered.assign(fingerprint=runs.ngroup().astype(str))
    metrics = [str(name) for name in frame if METRIC.fullmatch(str(name)) and is_number(frame[name])]
    curves = ordered[["fingerprint", step, *dict.fromkeys([*metrics, str(asked.endpoint)])]]
    curves = curves.rename(columns={step: "epoch"})
    last = ordered.groupby("fingerprint", sort=False).tail(1).sort_index()
    short = (last[step] < last[step].max()) & (last["outcome"] == "finished")
    if 0 < short.sum() < len(last) / 2 and not source.early:
        return last[~short], curves, [f"{source.count(short)} that end before the last {step} "
                                      f"({last[step].max():g}) left out"]  # fmt: skip
    return last, curves, [f"{int(short.sum())} of {len(last)} runs end before {step} {last[step].max():g}: "
                          "each counts with its own last one"] if short.any() else []  # fmt: skip


def _paired(
    runs: pd.DataFrame, question: Question, asked: Asked, source: _Source
) -> tuple[pd.DataFrame, Question, list[str]]:
    """One run per cell and repeat: of several the last one; without repeats that are shared they are numbered."""
    lines, repeat = [], list(question.repeat)
    lacking = runs[repeat].isna().any(axis=1) if repeat else pd.Series(False, index=runs.index)
    if lacking.any():
        lines.append(f"{source.count(lacking)} without {' or '.join(repeat)} left out")
        runs = runs[~lacking]
    own = [*question.compare, *question.tune]
    cells = runs.groupby(own, dropna=False, sort=False) if own else runs.groupby(lambda _: 0)
    several = bool((cells.size() > 1).any())
    apart = (
        asked.repeat is None and len(own) > 0 and several and not runs.duplicated(repeat).any() if repeat else several
    )
    if apart:
        why = f"no {' or '.join(repeat)} is shared by two configurations" if repeat else "no column tells repeats apart"
        lines.append(f"{why}: each configuration's runs were numbered in the table's order, and paired by that")
        runs = runs.drop(columns=repeat).assign(**{NUMBERED: cells.cumcount()})
        return runs, replace(question, repeat=(NUMBERED,)), lines
    if not repeat and asked.repeat is None:
        # Nobody said that the runs draw nothing at random: each is the one repeat of its configuration.
        runs, question = runs.assign(**{NUMBERED: 0}), replace(question, repeat=(NUMBERED,))
        repeat = [NUMBERED]
    twice = runs.duplicated([*own, *repeat], keep="last") if own or repeat else runs.duplicated()
    if twice.any():
        lines.append(f"{source.count(twice)} of the same configuration and {question.noun} as a later one left out")
    return runs[~twice], question, lines


def _plain(column: pd.Series) -> pd.Series:
    """The column without categories, and with lists and mappings as text: what can be grouped by."""
    column = column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column
    return column.map(lambda value: str(value) if isinstance(value, (list, dict, set)) else value) if (
        column.dtype == object) else column  # fmt: skip


def _mostly_numbers(column: pd.Series) -> pd.Series:
    """For the choice of an endpoint: as numbers if most cells are."""
    if is_number(column) or REPEATS.fullmatch(str(column.name)):
        return column
    number = pd.to_numeric(column, errors="coerce")
    return number if number.notna().mean() > 1 / 2 else column


def _about_folds(frame: pd.DataFrame) -> list[str]:
    """A warning where so many columns of folds are there that they may be of several divisions of the data."""
    count = len({found[1] for name in frame if (found := _FOLD.fullmatch(str(name)))})
    return [f"split0 to split{count - 1} are taken for the {count} folds of one division of the data; if they are of "
            "repeated or shuffled ones, the intervals are too narrow"] if count > MOST_FOLDS else []  # fmt: skip


def _folds_down(frame: pd.DataFrame) -> pd.DataFrame:
    """The folds of scikit-learn's cv_results_ as rows: columns param_*, fold, test_*; the means over folds go."""
    folds = {name: found for name in frame if (found := _FOLD.fullmatch(str(name)))}
    if not folds:
        return frame
    settings = frame[[name for name in frame if str(name).startswith("param_")]].rename(columns=lambda n: n[6:])
    parts = []
    for fold in sorted({int(found[1]) for found in folds.values()}):
        scores = {f"test_{found[2]}": frame[name] for name, found in folds.items() if int(found[1]) == fold}
        parts.append(settings.assign(fold=fold, **scores))
    return pd.concat(parts, ignore_index=True)

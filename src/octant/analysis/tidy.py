"""A stranger's table as one row per run: what each row is, which end counts, and what pairs with what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from octant.analysis.comparison.settings import METRIC, first_few, is_number, varying
from octant.analysis.guess import STEPS, Asked
from octant.analysis.question import Question
from octant.errors import InputError

NOT_A_NUMBER = ("nan", "+nan", "-nan")
STATUS = ("outcome", "status", "state")
FINISHED = ("finished", "complete", "completed", "success", "succeeded", "done", "ok", "")
IDENTITY = ("run_id", "run_uuid", "run", "id", "run_name", "name", "fingerprint")
NUMBERED = "repeat"  # the column that counts the runs of a configuration where nothing tells them apart
_MOST_FOLDS = 10  # of one division of the data, as a rule
_FOLD = re.compile(r"split(\d+)_test_(\w+)")  # of scikit-learn's cv_results_


@dataclass(frozen=True)
class Tidy:
    """One row per run with an outcome; `curves` has a row per run and step where the table had several per run, `step`
    is what the table calls its steps.
    """

    runs: pd.DataFrame
    lines: list[str]
    curves: pd.DataFrame
    step: str = STEPS[0]


@dataclass(frozen=True)
class TableSource:
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

    def one_row_per_run(self, frame: pd.DataFrame, asked: Asked) -> Tidy:
        """One row per run, and a line on each kind of row that was left out; raises InputError where none is left.

        A blank is a cell that was never filled in, and such rows are left out; NaN is otherwise what the run came to,
        which counts as diverged.
        """
        endpoint, lines = str(asked.endpoint), []
        # Metrics that nobody asked for have names that could be taken for those of settings.
        others = {name for name in self.metrics or () if name not in asked.columns() and not METRIC.fullmatch(name)}
        frame = frame.drop(columns=list(others))
        numbers = pd.to_numeric(frame[endpoint], errors="coerce").astype(float)
        text = frame[endpoint].astype(str).str.lower().str.strip()
        words = numbers.isna() & frame[endpoint].notna() & ~text.isin(NOT_A_NUMBER)
        ended, about = _ended(frame, self)
        lacking = frame[endpoint].isna() & self.blank & (ended == "finished")
        if words.any():
            lines.append(f"{self.count(words)} without a number for {endpoint} ({first_few(text[words].unique())}) "
                         "left out")  # fmt: skip
        if lacking.any():
            lines.append(f"{self.count(lacking)} without {endpoint} left out")
        frame = frame.assign(**{endpoint: numbers})[~words & ~lacking & (ended != "left out")]
        frame = frame.drop(columns=[*STATUS], errors="ignore")
        diverged = ~np.isfinite(frame[endpoint]) | (ended[frame.index] == "diverged")
        frame = frame.assign(outcome=np.where(diverged, "diverged", "finished"))
        curves = pd.DataFrame()
        if self.metrics is None:
            frame, curves, steps = _last_steps(frame, asked, self)
            about += steps
        lost = int((frame["outcome"] == "diverged").sum())
        lines += [f"{lost} of {len(frame)} runs ended without a finite {endpoint}: counted as diverged"] if lost else []
        if frame.empty:
            raise InputError(f"no finished run with a value of {endpoint}; {'; '.join([*lines, *about])}")
        return Tidy(frame.reset_index(drop=True), [*lines, *about], curves, _step_of(frame, asked) or STEPS[0])

    def pairable(
        self, runs: pd.DataFrame, question: Question, asked: Asked
    ) -> tuple[pd.DataFrame, Question, list[str]]:
        """One run per cell and repeat: of several the last one; without repeats that are shared they are numbered."""
        lines, repeat = [], list(question.repeat)
        lacking = runs[repeat].isna().any(axis=1) if repeat else pd.Series(False, index=runs.index)
        if lacking.any():
            lines.append(f"{self.count(lacking)} without {' or '.join(repeat)} left out")
            runs = runs[~lacking]
        own = [*question.compare, *question.tune]
        cells = runs.groupby(own, dropna=False, sort=False) if own else runs.groupby(lambda _: 0)
        several = bool((cells.size() > 1).any())
        shared = bool(repeat) and (asked.repeat is not None or not own or runs.duplicated(repeat).any())
        if several and not shared:
            no = f"No {' or '.join(repeat)} is shared by two configurations"
            why = no if repeat else "No column tells repeats apart"
            lines.append(f"{why}: each configuration's runs were numbered in the table's order, and paired by that")
            runs = runs.drop(columns=repeat).assign(**{NUMBERED: cells.cumcount()})
            return runs, replace(question, repeat=(NUMBERED,)), lines
        if not repeat and asked.repeat is None:
            # Nobody said that the runs draw nothing at random: each is the one repeat of its configuration.
            runs, question = runs.assign(**{NUMBERED: 0}), replace(question, repeat=(NUMBERED,))
            repeat = [NUMBERED]
        twice = runs.duplicated([*own, *repeat], keep="last") if own or repeat else runs.duplicated()
        if twice.any():
            lines.append(f"{self.count(twice)} of the same configuration and {question.noun} as a later one left out")
        return runs[~twice], question, lines


def _ended(frame: pd.DataFrame, source: TableSource) -> tuple[pd.Series, list[str]]:
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


def _step_of(frame: pd.DataFrame, asked: Asked) -> str | None:
    """The column that counts the steps of a run, if there is one that is not asked for otherwise."""
    taken = asked.columns()
    return next((name for name in STEPS if name in frame and name not in taken and is_number(frame[name])), None)


def _last_steps(frame: pd.DataFrame, asked: Asked, source: TableSource) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """The last row of each run where a run has several, all of its rows as curves, and a line on early ends."""
    given = asked.columns()
    step = _step_of(frame, asked)
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


def groupable(frame: pd.DataFrame) -> pd.DataFrame:
    """The table without categories, lists and mappings as text, and the folds of scikit-learn's cv_results_ as rows:
    columns param_*, fold, test_*, and n_test and n_train if they are there; the means over folds go.

    Raises InputError where there are so many folds that they may be of several divisions of the data, and no sizes to
    tell: their training sets overlap more than those of as many folds of one.
    """
    frame = frame.apply(_groupable)
    folds = {name: found for name in frame if (found := _FOLD.fullmatch(str(name)))}
    if not folds:
        return frame
    sizes = frame[[name for name in ("n_test", "n_train") if name in frame]].apply(pd.to_numeric, errors="coerce")
    settings = frame[[name for name in frame if str(name).startswith("param_")]].rename(columns=lambda n: n[6:])
    settings = settings.assign(**sizes)
    parts, numbers = [], sorted({int(found[1]) for found in folds.values()})
    if len(numbers) > _MOST_FOLDS and (sizes.shape[1] < 2 or not sizes.gt(0).all(axis=None)):
        raise InputError(f"split0 to split{numbers[-1]}: {len(numbers)} folds of one division of the data, or of "
                         "several (as RepeatedKFold makes)? say by columns n_test and n_train, the examples of a "
                         "fold's two parts")  # fmt: skip
    for fold in numbers:
        scores = {f"test_{found[2]}": frame[name] for name, found in folds.items() if int(found[1]) == fold}
        parts.append(settings.assign(fold=fold, **scores))
    return pd.concat(parts, ignore_index=True)


def _groupable(column: pd.Series) -> pd.Series:
    column = column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column
    return column.map(lambda value: str(value) if isinstance(value, (list, dict, set)) else value) if (
        column.dtype == object) else column  # fmt: skip

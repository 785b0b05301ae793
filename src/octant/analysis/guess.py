"""A question from a frame: what was asked of it, and defaults, said in a sentence, for what was not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from octant.analysis.comparison.settings import (
    ABOUT,
    METRIC,
    REPEATS,
    column_of,
    first_few,
    is_number,
    moves_with,
    values_of,
    varying,
)
from octant.analysis.endpoint import goal_of, of_curve
from octant.analysis.question import Goal, Question
from octant.errors import InputError

SMALL = re.compile(
    r"(.*[_./ ])?(loss|error|err|mse|rmse|mae|nll|perplexity|ppl|regret|seconds|time|runtime|duration)", re.IGNORECASE
)
_TIMES = re.compile(r"(.*[_./ ])?(time|seconds|runtime|duration|seconds_per_epoch)", re.IGNORECASE)
_SHARE = re.compile(r"(.*[_./ ])?(acc|accuracy)", re.IGNORECASE)
_PARTS = (("test", 4), ("val", 3), ("eval", 3), ("dev", 3), ("held", 3), ("train", 0))
STEPS = ("epoch", "step", "global_step", "iteration", "iter")


@dataclass(frozen=True)
class Asked:
    """What a person asks of a table; None: to be guessed from what varies in it."""

    compare: Sequence[str] | None = None
    tune: Sequence[str] = ()
    repeat: Sequence[str] | None = None
    endpoint: str | None = None
    goal: Goal | None = None
    margin: float | None = None
    validation: str | None = None

    def of(self, frame: pd.DataFrame) -> Asked:
        """The same, with settings under the names that the frame gives them."""
        given = (self.compare, self.tune, self.repeat)
        compare, tune, repeat = (each and [column_of(name, frame) for name in each] for each in given)
        return replace(self, compare=compare, tune=tune or (), repeat=repeat)

    def columns(self) -> list[str]:
        """Every column that is named."""
        named = [*(self.compare or ()), *self.tune, *(self.repeat or ()), self.endpoint, self.validation]
        return [name for name in named if name]

    def endpoint_of(self, frame: pd.DataFrame, metrics: Sequence[str] | None = None) -> str:
        """The metric that answers: the one asked for, or that which looks most like a result on held-out data.

        `metrics` are the columns that are known to hold metrics; None: their names say so.
        """
        if self.endpoint:
            return self.endpoint
        frame = frame.apply(_mostly_numbers)
        if metrics is not None:
            numbers = [name for name in metrics if is_number(frame[name]) and name != self.validation]
            if not numbers:
                raise InputError("no run has a metric: nothing to compare")
            return max([name for name in numbers if not _TIMES.fullmatch(name)] or numbers, key=_likely)
        known = {*(self.compare or ()), *self.tune, *(self.repeat or ()), self.validation, *STEPS}
        numbers = [str(name) for name in frame if is_number(frame[name]) and name not in known]
        metrics = [name for name in numbers if METRIC.fullmatch(name) and not _TIMES.fullmatch(name)]
        metrics = metrics or [name for name in numbers[::-1] if (frame[name].dropna() % 1 != 0).any()][:1]
        if not metrics:
            raise InputError("no column looks like a result; name it with endpoint; columns: "
                             f"{first_few(frame.columns, 20)}")  # fmt: skip
        return max(metrics, key=_likely)

    def question(self, frame: pd.DataFrame) -> tuple[Question, list[str]]:
        """The question, and a line on each thing that was guessed and may surprise.

        `frame` has one row per run; the endpoint is known.
        """
        endpoint = str(self.endpoint)
        validation = self.validation or _validation(frame, endpoint, self)
        free = [name for name in varying(frame) if name not in (*self.tune, endpoint, validation)]
        repeat = self.repeat
        if repeat is None:
            repeat = [name for name in free if REPEATS.fullmatch(name) and name not in (self.compare or ())]
        factors, lines = list(self.compare or ()), _unasked(frame, endpoint, self)
        if self.compare is None:
            factors, more = _factors(frame, [name for name in free if name not in repeat], repeat)
            lines += more
        goal = goal_of(endpoint, self.goal or ("min" if SMALL.fullmatch(endpoint) else "max"))
        found = of_curve(endpoint)
        if self.goal is None and not (found and found.unit):
            lines.append(f"{'Less' if goal == 'min' else 'More'} of {endpoint} is taken to be better")
        metric = found.metric if found else endpoint
        values = frame.loc[np.isfinite(frame[endpoint]), metric if metric in frame else endpoint]
        share = _SHARE.fullmatch(metric) is not None and bool(values.between(0, 1).all())
        question = Question(
            tuple(factors), tuple(self.tune), tuple(repeat), endpoint, goal, self.margin, validation, share
        )
        return question, lines


def _mostly_numbers(column: pd.Series) -> pd.Series:
    """As numbers if most cells are."""
    if is_number(column) or REPEATS.fullmatch(str(column.name)):
        return column
    number = pd.to_numeric(column, errors="coerce")
    return number if number.notna().mean() > 1 / 2 else column


def _likely(name: str) -> tuple[int, bool]:
    rank = next((rank for part, rank in _PARTS if re.search(rf"(^|[_./ ]){part}", name, re.IGNORECASE)), 2)
    return rank, SMALL.fullmatch(name) is None


def guesses_in_words(frame: pd.DataFrame, question: Question, last_step: bool = False) -> str:
    """The question in a sentence: `compared: optimizer, width; repeated: seed (5); endpoint: val_acc, last step`."""
    parts = [f"compared: {', '.join(question.compare) or 'nothing, for nothing varies'}"]
    parts += [f"tuned: {', '.join(question.tune)} on {question.validation}"] if question.tune else []
    counts = [f"{name} ({values_of(frame[name])})" for name in question.repeat if values_of(frame[name]) > 1]
    parts.append(f"repeated: {', '.join(counts) or 'nothing'}")
    last = ", last step" if last_step and not question.of_curve else ""
    return "; ".join([*parts, f"endpoint: {question.endpoint}{last}"])


def _factors(frame: pd.DataFrame, names: Sequence[str], repeat: Sequence[str]) -> tuple[list[str], list[str]]:
    """What varies, less what follows from the repeats or from a factor that is there already."""
    factors: list[str] = []
    lines: list[str] = []
    shared = bool(repeat) and bool(frame.duplicated(list(repeat)).any())  # else everything follows from the repeat
    for name in names:
        twin = next((o for o in factors if moves_with(frame, name, [o]) and moves_with(frame, o, [name])), None)
        if twin:
            lines.append(f"Not compared by itself: {name}, which moves together with {twin}")
        elif not (shared and moves_with(frame, name, repeat)):
            factors.append(name)
    return factors, lines


def _unasked(frame: pd.DataFrame, endpoint: str, asked: Asked) -> list[str]:
    """A line on columns that vary and are neither settings nor metrics by their names: a guess that may be wrong."""
    settings = {*varying(frame), *asked.columns(), endpoint}
    names = [
        str(name) for name in frame
        if name not in settings and values_of(frame[name]) > 1 and not ABOUT.fullmatch(str(name))
        and not METRIC.fullmatch(str(name))
    ]  # fmt: skip
    return [f"Taken for measurements or labels, not settings: {first_few(names)}"] if names else []


def _validation(frame: pd.DataFrame, endpoint: str, asked: Asked) -> str | None:
    """A metric on held-out data that is not the endpoint, by its name."""
    stem = re.sub(r"^test[_./ ]", "", endpoint)
    known = [f"{part}{link}{stem}" for part in ("validation", "val", "valid", "dev") for link in "_./ "]
    found = next((name for name in known if name in frame and name != endpoint), None)
    if asked.tune and not found:
        raise InputError(f"{', '.join(asked.tune)}: the endpoint may not choose them, and no column is called "
                         f"{known[0]}; name the metric to choose on with validation")  # fmt: skip
    return found

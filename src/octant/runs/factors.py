"""What a sweep varies, and the question that its experiment asks of it: checked before any work."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from octant.analysis.comparison.scope import DATA
from octant.analysis.comparison.settings import REPEATS
from octant.analysis.endpoint import check_form, goal_of
from octant.analysis.question import Question, noun_of
from octant.errors import InputError, unknown_word
from octant.runs.settings import Experiment

Row = Mapping[str, object]  # one run's settings, flat


def varied(rows: Sequence[Row]) -> list[str]:
    """The settings that differ between the runs, the one that changes least often first: the order of a command."""
    names = dict.fromkeys(name for row in rows for name in row)
    changes = {name: _first_change([_value(row.get(name)) for row in rows]) for name in names}
    return sorted((name for name in names if changes[name]), key=lambda name: -changes[name])


def question_of(experiment: Experiment, rows: Sequence[Row], metrics: Collection[str] = ()) -> Question:
    """The question with its defaults filled in from what the sweep varies.

    `metrics` are the names that the trainer yields, where that is known. Raises InputError, one line: a setting that
    does not exist, has two roles or varies without one; an endpoint or validation metric that is not yielded.
    """
    known = list(dict.fromkeys(name for row in rows for name in row))
    compare, tune, repeat = (
        _settings(role, getattr(experiment, role) or (), known) for role in ("compare", "tune", "repeat")
    )
    _refuse_two_roles(compare=compare, tune=tune, repeat=repeat)
    changing = varied(rows)
    repeat = (*repeat, *_drawn_with(repeat, [name for name in changing if name not in (*compare, *tune)], rows))
    tune = tuple(name for name in tune if name in changing)
    free = [name for name in changing if name not in (*tune, *repeat) and not _comes_with_repeats(name, repeat, rows)]
    if experiment.compare is None:
        compare = _without_twins(free, rows)
    elif unseen := [name for name in free if name not in compare and not _follows(name, compare, rows)]:
        raise InputError(_unseen(unseen[0], rows, compare))
    goal = goal_of(experiment.endpoint, experiment.goal)
    question = Question(compare, tune, repeat, experiment.endpoint, goal, experiment.margin, over=experiment.over)
    check_form(question.endpoint, "experiment.endpoint", question.metric_scale > 1)
    _check_over(question, experiment.max_repeats)
    check_metrics(question, metrics)
    return question


def _check_over(question: Question, max_repeats: int | None) -> None:
    """Raise InputError where new test examples cannot be spoken for."""
    if question.over != "examples":
        return
    data = next((name for name in question.repeat if noun_of(name) in DATA), None)
    if data or not question.repeat or not question.is_share:
        why = f"each {data} has test examples of its own, so intervals are over new ones already" if data else (
            "experiment.repeat is [], and it resamples repeats and examples" if not question.repeat else
            f"{question.endpoint} is no share of right predictions, such as test_accuracy")  # fmt: skip
        raise InputError(f"experiment.over: examples does not fit: {why}; leave it out")
    if max_repeats:
        raise InputError("experiment.over: examples does not go with experiment.max_repeats: more repeats do not "
                         "lessen what the test examples leave open")  # fmt: skip


def check_metrics(question: Question, metrics: Collection[str]) -> None:
    """Raise InputError unless endpoint and, where it chooses, validation metric are among those that are yielded."""
    if metrics and question.metric not in metrics:
        raise InputError(unknown_word("experiment.endpoint", question.metric, metrics))
    if metrics and question.tune and question.validation_of not in metrics:
        raise InputError(
            f"experiment.tune: {', '.join(question.tune)} is chosen on {question.validation_of}, which these runs do "
            f"not yield; they yield {', '.join(sorted(metrics))}"
        )


def plain_question(question: Question, labels: Mapping[str, str]) -> str:
    """A plain question, for an experiment that has none in words; `labels` has what settings are called."""
    called = [labels.get(name) or name.replace("_", " ") for name in question.compare]
    *head, last = [f"which {name}" for name in called] or ["what"]
    asked = f"{', '.join(head)} and {last}" if head else last
    gives = "give" if head else "gives"
    return f"{asked[:1].upper()}{asked[1:]} {gives} the {question.superlative} {question.words}?"


def _setting_of(name: str, known: Iterable[str]) -> str | None:
    """A setting by its full name, or by a short one that only one has: split_seed, dataset.name."""
    names = list(known)
    long = [each for each in names if each.endswith(f".{name}")]
    same = [name, *(long if len(long) == 1 else []), name.removesuffix(".name")]
    return next((each for each in same if each in names), None)


def _settings(role: str, names: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    found = {name: _setting_of(name, known) for name in names}
    for name, setting in found.items():
        if setting is None:
            raise InputError(unknown_word(f"experiment.{role}", name, known))
    return tuple(dict.fromkeys(setting for setting in found.values() if setting))


def _refuse_two_roles(**roles: tuple[str, ...]) -> None:
    for role, names in roles.items():
        for other, others in roles.items():
            if twice := [name for name in names if other != role and name in others]:
                raise InputError(
                    f"experiment.{other}: {twice[0]!r} is in experiment.{role} as well; a setting is one of the three: "
                    "compared, tuned or repeated"
                )


def _drawn_with(repeat: Sequence[str], names: Iterable[str], rows: Sequence[Row]) -> list[str]:
    """The settings that repeat and are drawn together with those named: `dataset.split_seed=${seed}`."""
    return [name for name in names if name not in repeat and REPEATS.fullmatch(name) and _follows(name, repeat, rows)]


def _comes_with_repeats(name: str, repeat: Sequence[str], rows: Sequence[Row]) -> bool:
    """Whether a setting follows from those that repeat, as a data set's size does; from one run each all would."""
    repeats = {tuple(_value(row.get(each)) for each in repeat) for row in rows}
    return bool(repeat) and len(repeats) < len(rows) and _follows(name, repeat, rows)


def _without_twins(names: Iterable[str], rows: Sequence[Row]) -> tuple[str, ...]:
    """Without the settings that move with a factor that is there already, or are a part of it that follows from it."""
    factors: list[str] = []
    for name in names:
        if not any(_is_twin(name, factor, rows) for factor in factors):
            factors.append(name)
    return tuple(factors)


def _is_twin(name: str, factor: str, rows: Sequence[Row]) -> bool:
    back = name.startswith(f"{factor}.") or _follows(factor, (name,), rows)
    return back and _follows(name, (factor,), rows)


def _follows(name: str, others: Sequence[str], rows: Sequence[Row]) -> bool:
    """Whether `name` has one value wherever all of `others` have."""
    values: dict[tuple[str, ...], str] = {}
    return all(
        values.setdefault(tuple(_value(row.get(each)) for each in others), value) == value
        for row, value in ((row, _value(row.get(name))) for row in rows)
    )


def _unseen(name: str, rows: Sequence[Row], compare: Sequence[str]) -> str:
    levels = list(dict.fromkeys(_value(row.get(name)).strip('"') for row in rows))
    some = ", ".join(levels[:5]) + (f", and {len(levels) - 5} more" if len(levels) > 5 else "")
    return (
        f"{name} varies ({some}) and is neither compared, tuned nor repeated, so that its values would be averaged "
        f"unseen; compare it: experiment.compare=[{','.join([*compare, name])}], or tune or repeat it"
    )


def _first_change(values: Sequence[str]) -> int:
    """Where the first value that is not the very first one stands; 0 where all are equal."""
    return next((at for at, value in enumerate(values) if value != values[0]), 0)


def _value(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)

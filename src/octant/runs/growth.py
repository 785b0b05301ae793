"""Sweeps that grow: more repeats of every configuration, looked at block by block, up to a declared limit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from octant.analysis.power import ENOUGH
from octant.analysis.question import Question
from octant.errors import InputError
from octant.runs.factors import Row, question_of
from octant.runs.settings import Launch
from octant.runs.sweep import Sweep, row_of_settings
from octant.trainer import Settings, trainer

BLOCK = 5  # repeats between two looks
_LIMIT = "experiment.max_repeats"
NO_GROWTH = f"{_LIMIT}: each revision of a check would stop at a number of its own; say {_LIMIT}=null"
_Values = tuple[object, ...]


@dataclass(frozen=True)
class _Growth:
    """What is `added` to the declared runs up to the limit, a repeat at a time.

    `looks` are the numbers of repeats at which the sweep is looked at; none: it does not grow. `counts` has how many of
    all runs are there at each look.
    """

    added: list[Settings]
    looks: tuple[int, ...]
    counts: tuple[int, ...]

    def parts(self, whole: Sweep) -> Iterator[Sweep]:
        """The sweep as it is at each look, under the name of the whole one."""
        for count in self.counts:
            asked = whole.asked[:count]
            there = set(asked)
            runs = [run for run in whole.runs if run.fingerprint in there]
            yield replace(whole, runs=runs, asked=asked, deliveries=[], endings={}, skipped=0)


def growth_of(settings: Sequence[Settings], launch: Launch, *, chosen: bool = False) -> _Growth:
    """How the declared runs grow, if the experiment has a limit; raises InputError for repeats without a next value."""
    limit = launch.experiment.max_repeats
    if limit is None:
        return _Growth([], (), (len(settings),))
    if os.environ.get("OCTANT_CHECK"):
        raise InputError(NO_GROWTH)
    if chosen:
        raise InputError(f"{_LIMIT}: this sweeper chooses the runs by their results; leave one of the two out")
    rows = [row_of_settings(each) for each in settings]
    question = question_of(launch.experiment, rows)
    repeats = list(dict.fromkeys(_values(row, question) for row in rows))
    groups: dict[str, list[Settings]] = {}
    for row, each in zip(rows, settings, strict=True):
        groups.setdefault(repr([item for item in row.items() if item[0] not in question.repeat]), []).append(each)
    _check(question, repeats, groups, limit)
    firsts = [each[0] for each in groups.values()]
    last = [max(values) for values in zip(*repeats, strict=True)]
    added = [
        _at(each, dict(zip(question.repeat, (int(str(value)) + step for value in last), strict=True)), launch)
        for step in range(1, limit - len(repeats) + 1)
        for each in firsts
    ]
    looks = (*range(max(len(repeats), min(ENOUGH, limit)), limit, BLOCK), limit)
    counts = tuple(len(settings) + len(firsts) * (each - len(repeats)) for each in looks)
    return _Growth(added, looks, counts)


def _values(row: Row, question: Question) -> _Values:
    return tuple(row.get(name) for name in question.repeat)


def _check(question: Question, repeats: list[_Values], groups: dict[str, list[Settings]], limit: int) -> None:
    """Raise InputError unless each configuration has the same repeats, and these can be continued."""
    if question.exact:
        raise InputError(f"{_LIMIT}: experiment.repeat is empty, so there is nothing to add; leave it out")
    names = " and ".join(question.repeat)
    for name, values in zip(question.repeat, zip(*repeats, strict=True), strict=True):
        if any(type(each) is not int for each in values):
            raise InputError(f"{_LIMIT}: {name} has no next value after {values[-1]}; only whole numbers, such as "
                             "seeds, can be added; leave the limit out, or repeat over seeds alone")  # fmt: skip
        if len(set(values)) < len(repeats):
            first, second = question.repeat[:2]
            raise InputError(f"{_LIMIT}: {names} are crossed, and it is open which of them to add; draw them together: "
                             f"'{second}=${{{first}}}'")  # fmt: skip
    if len(repeats) < 2:  # what is drawn together with it cannot be seen from one
        raise InputError(f"{_LIMIT}: the sweep starts with one {question.noun}; begin with {ENOUGH}: "
                         f"{question.repeat[0]}=range({ENOUGH})")  # fmt: skip
    if len(repeats) > limit:
        raise InputError(f"{_LIMIT}: the sweep has {len(repeats)} {question.noun}s already; begin with fewer, such as "
                         f"{question.repeat[0]}=range({ENOUGH}), or give a limit above {len(repeats)}")  # fmt: skip
    if len(groups) < 2:
        raise InputError(f"{_LIMIT}: nothing is compared, so nothing can be decided; sweep a setting, such as loss")
    if any(len(each) < len(repeats) for each in groups.values()):
        raise InputError(f"{_LIMIT}: another setting changes with {names} and cannot be continued; set it to one value")


def _at(settings: Settings, repeat: dict[str, int], launch: Launch) -> Settings:
    """The same settings with other repeats; raises InputError where there are none, as with fold 5 of 5."""
    values = settings.model_dump()
    for name, value in repeat.items():
        *path, key = name.split(".")
        part = values
        for each in path:
            part = part[each]
        part[key] = value
    return trainer(launch.trainer).parse(values)

"""Overrides as people type them: whatever Hydra misreads, or takes for another sweep, is refused with what to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from math import ceil, prod
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import RangeSweep, Sweep
from hydra.errors import HydraException

from octant.errors import InputError, unknown_word

MOST_RUNS = 100_000  # more would fill memory before the first is trained
_GRAMMAR = r"\[|\{|(int|str|bool|float|choice|range|interval|tag|sort|shuffle|glob|extend_list)\("


def check(overrides: Sequence[str], loader: Any, repository: Any) -> None:
    """Raise InputError for an override that cannot be read, has no value, or is no word where a word is wanted."""
    parser = OverridesParser.create(config_loader=loader)
    parsed = [_parsed(parser, text) for text in overrides]
    counts: dict[str, int] = {}
    for each in parsed:
        values = _values(each)
        key = each.get_key_element().lstrip("+")
        if key in counts and max(len(values), counts[key]) > 1:
            raise InputError(f"{key}: it is given twice, one of them as a sweep; give it once")
        counts[key] = len(values)
        if repository.group_exists(each.key_or_group):
            _check_words(each, values, repository)
    if prod(counts.values()) > MOST_RUNS:
        raise InputError(f"this sweep has {prod(counts.values()):,} runs; allowed are {MOST_RUNS:,} in one command")


def refuse_sweeps(overrides: Sequence[str]) -> None:
    """Raise InputError for an override with several values, where one run is asked for."""
    for each in OverridesParser.create().parse_overrides(list(overrides)):
        if each.is_sweep_override():
            hint = "add -m to train one run for each"
            if not re.match(_GRAMMAR, _split(str(each.input_line))[1]):
                hint += f", or quotes if it is one: {quoted(str(each.input_line))}"
            raise InputError(f"{each.input_line} has several values; {hint}")


def quoted(text: str) -> str:
    """How to type `key=value` in a shell so that Hydra takes the value as it stands."""
    key, value = _split(text)
    escaped = re.sub(r'(\\*)("|$)', lambda found: 2 * found[1] + (f"\\{found[2]}" if found[2] else ""), value)
    return shlex.quote(f'{key}="{escaped}"')


def _split(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


def _parsed(parser: Any, text: str) -> Any:
    try:
        return parser.parse_overrides([text])[0]
    except (HydraException, RecursionError, ValueError, ArithmeticError) as error:
        key, value = _split(text)
        plain = re.fullmatch(r"[+~]*[\w@./:-]+", key)
        if not plain or "=" not in text:
            raise InputError(f"{text}: write a setting, = and its value, such as seed=3") from None
        if re.match(_GRAMMAR, value):
            said = " ".join(str(error).split("\nSee https")[0].split())
            raise InputError(f"{key}: {value!r} cannot be read ({said}); as one text it is {quoted(text)}") from None
        if value.endswith(","):
            raise InputError(f"{key}: {value!r} ends in a comma; leave it out: {text.rstrip(', ')}") from None
        raise InputError(f"{key}: {value!r} cannot be read; quote it: {quoted(text)}") from None


def _values(override: Any) -> list[Any]:
    """The values that the sweep has, or the one value."""
    if not override.is_sweep_override():
        return _plain([override.value()], override)
    line, key = override.input_line, override.get_key_element()
    if not override.is_discrete_sweep():
        raise InputError(f"{line}: interval() has no values to train; write them out, or {key}=range(1,3,0.5)")
    try:
        found = list(islice(_elements(override), MOST_RUNS + 1))
    except Exception as error:  # noqa: BLE001 - whatever range() and glob() make of their arguments
        raise InputError(f"{line}: it cannot be counted out ({' '.join(str(error).split())})") from None
    if not found:
        glob = "; glob() knows the words of conf/, no files: write them out, one,two" if "glob(" in line else ""
        raise InputError(f"{line}: it has no value, so there is nothing to train{glob}")
    if len(found) > MOST_RUNS:
        raise InputError(f"{line}: it has over {MOST_RUNS:,} values; allowed are {MOST_RUNS:,} runs in one command")
    if isinstance(override.value(), RangeSweep):
        _check_range(override, found)
    return _plain(found, override)


def _plain(values: list[Any], override: Any) -> list[Any]:
    """The values, none of which may hold a sweep: Hydra would hand on the sweep itself as the value."""
    if any(isinstance(each, Sweep) for value in values for each in (value if isinstance(value, list) else [value])):
        raise InputError(f"{override.input_line}: a sweep stands alone; write its values out: one,two")
    return values


def _check_range(override: Any, found: Sequence[float]) -> None:
    """Raise InputError where Hydra counts otherwise than its range() says.

    It adds binary fractions up, so that 0.3 is missed and the end may be among them; and what sort() makes of a range
    may begin outside it.
    """
    line, sweep = override.input_line, override.value()
    if "sort(" in line:
        raise InputError(f"{line}: sort() of a range() may give other values; leave it out, the order changes no run")
    start, end, step = (Decimal(str(each)) for each in (sweep.start, sweep.stop, sweep.step))
    meant = [float(start + count * step) for count in range(ceil((end - start) / step))]
    if sorted(found) != sorted(meant):
        written = ",".join(map(str, meant))
        raise InputError(
            f"{line}: range() misses such fractions; write them out: {override.get_key_element()}={written}"
        )


def _elements(override: Any) -> Iterator[Any]:
    for value in override.sweep_iterator():
        yield override._convert_value(value)


def _check_words(override: Any, values: Sequence[Any], repository: Any) -> None:
    """A group, such as loss, takes one of its words; `experiment` takes one in a command."""
    group = override.key_or_group
    if override.is_delete() and values == [None]:
        return
    words = repository.get_group_options(group)
    for value in values:
        if isinstance(value, list):
            each = (
                "" if group == "experiment" else f"; for a run each: -m {group}={','.join(map(str, value)) or words[0]}"
            )
            said = f"{group}: {override.input_line} is a list, and one word is wanted{each}"
            raise InputError(f"{said}; known: {', '.join(words)}")
        if not isinstance(value, str) or ".." in value or not repository.config_exists(f"{group}/{value}"):
            raise InputError(unknown_word(group, "null" if value is None else value, words))
    if group == "experiment" and override.is_sweep_override():
        raise InputError(f"experiment: one command has one, {override.input_line} has several; give a command for each")

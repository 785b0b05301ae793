"""Overrides as people type them: whatever Hydra misreads, or takes for another sweep, is refused with what to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from math import ceil, prod
from typing import Any, NoReturn

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString, RangeSweep, Sweep
from hydra.errors import HydraException
from omegaconf import OmegaConf

from octant.errors import InputError, unknown_word

MOST_RUNS = 100_000  # more would fill memory before the first is trained
HERE = "leave it out: octant trains on all cores, workers=2 limits them"
INSTEAD = {  # of Hydra's other launchers, which start a Python and an octant for each run
    "basic": HERE,
    "joblib": HERE,
    "submitit_local": HERE,
    "submitit_slurm": "write hydra/launcher=slurm",
    "rq": "write hydra/launcher=slurm or hydra/launcher=ray",
    "ray_aws": "write hydra/launcher=ray",
}
_FUNCTIONS = "bool, choice, extend_list, float, glob, int, interval, range, shuffle, sort, str, tag"
_GRAMMAR = rf"\[|\{{|({_FUNCTIONS.replace(', ', '|')})\("
# What web pages and word processors put in place of what was typed, and what Windows ends a script's lines with.
_PASTED = str.maketrans({**dict.fromkeys("\u201c\u201d\u201e\u2018\u2019\u200b\ufeff\r"),
                         **dict.fromkeys("\u2212\u2013\u2014", "-"), "\u00a0": " "})  # fmt: skip


def check(overrides: Sequence[str], loader: Any) -> None:
    """Raise InputError for an override that cannot be read, or is no word where a word is wanted; sweeps come later."""
    for each in parsed(overrides, loader):
        if not each.is_sweep_override():
            _check_words(each, values_of(each), loader.repository)
        elif each.key_or_group == "experiment":
            raise InputError(f"experiment: one command has one, {each.input_line} has several; give a command for each")


def check_sweep(overrides: Sequence[str], loader: Any) -> None:
    """Raise InputError for a sweep without values, with too many, or over what are no words of its group."""
    known: dict[str, list[Any]] = {}
    for each in parsed(overrides, loader):
        values, key = values_of(each), each.get_key_element().lstrip("+")
        if known.get(key, values) != values:  # such as seed={0..9}, of which a shell makes ten words
            raise InputError(f"{key}: it is given twice, and Hydra would take the last; give it once: {key}=one,two")
        known[key] = values
        _check_words(each, values, loader.repository)
    if (count := prod(map(len, known.values()))) > MOST_RUNS:
        raise InputError(f"this sweep has {count:,} runs; allowed are {MOST_RUNS:,} in one command")


def refuse_sweeps(overrides: Sequence[str]) -> None:
    """Raise InputError for an override with several values, where one run is asked for."""
    for each in OverridesParser.create().parse_overrides(list(overrides)):
        if each.is_sweep_override():
            is_text = not re.match(_GRAMMAR, each.get_value_string())
            hint = f", or quotes if it is one: {quoted(str(each.input_line))}" if is_text else ""
            raise InputError(f"{each.input_line} has several values; add -m to train one run for each{hint}")


def refuse_launcher(word: str) -> NoReturn:
    """Raise InputError for a launcher that is not octant's."""
    raise InputError(f"hydra/launcher={word}: a launch of octant's has all runs of a sweep; {INSTEAD.get(word, HERE)}")


def changes(overrides: Sequence[str], own: Any, kept: Sequence[str]) -> bool:
    """Whether the overrides give another sweep than `own`, the composed configuration of an experiment's yaml.

    Keys that begin with one of `kept`, and where Hydra launches it, change no run.
    """
    parser = OverridesParser.create()
    sweeps = own.hydra.sweeper.params or {}
    there = (*kept, "hydra/launcher", "hydra.launcher")
    for each in parser.parse_overrides([text for text in overrides if not text.startswith(there)]):
        key = each.key_or_group
        choices = own.hydra.runtime.choices
        known = choices[key] if key in choices else OmegaConf.select(own, key)
        before = _swept(parser.parse_override(f"{key}={sweeps[key]}")) if key in sweeps else [repr(known)]
        if each.is_add() or each.is_delete() or _swept(each) != before:
            return True
    return False


def _swept(override: Override) -> list[str]:
    """What an override gives, each value once, in an order of its own."""
    return sorted({repr(value) for value in values_of(override)})


def quoted(text: str) -> str:
    """How to type `key=value` in a shell so that Hydra takes the value as it stands."""
    key, _, value = text.partition("=")
    return shlex.quote(f"{key}={QuotedString(value, Quote.double).with_quotes()}")


def parsed(overrides: Sequence[str], loader: Any) -> list[Override]:
    """What Hydra's parser makes of them; raises InputError for one that it cannot read."""
    parser = OverridesParser.create(config_loader=loader)
    return [_parsed(parser, text) for text in overrides]


def _parsed(parser: OverridesParser, text: str) -> Override:
    try:
        if text.startswith("="):
            raise ValueError(text)
        return parser.parse_overrides([text])[0]
    except (HydraException, RecursionError, ValueError, ArithmeticError) as error:
        key, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[+~]*[\w@./:-]+", key):
            raise InputError(f"{text}: write a setting, = and its value, such as seed=3") from None
        remedy = f"quote it: {quoted(text)}"
        if (plain := text.translate(_PASTED)) != text:
            remedy = f"some of it was pasted, or ends a line of Windows; typed it is {plain}; {remedy}"
        elif unknown := re.fullmatch(r"([A-Za-z_]\w*)\(.*\)", value):
            remedy = (
                f"there is no {unknown[1]}(), known: {_FUNCTIONS}; write the values out: {key}=one,two; or {remedy}"
            )
        if re.match(_GRAMMAR, value):
            reason = " ".join(str(error).split("\nSee https")[0].split())
            remedy = f"{reason}; as one text it is {quoted(text)}"
        elif value.endswith(","):
            remedy = f"it ends in a comma; leave it out: {text.rstrip(', ')}"
        raise InputError(f"{key}: {value!r} cannot be read; {remedy}") from None


def values_of(override: Override) -> list[Any]:
    """The values of a sweep, or the one value; raises InputError where Hydra would train others than are written."""
    line, value = override.input_line or "", override.value()
    if override.is_interval_sweep():
        instead = f"{override.get_key_element()}=range(1,3,0.5), or hydra/sweeper=optuna"
        raise InputError(f"{line}: interval() has no values to train; write them out, or {instead}")
    found = [value]
    if override.is_sweep_override():
        try:
            found = [Override._convert_value(each) for each in islice(override.sweep_iterator(), MOST_RUNS + 1)]
        except Exception as error:  # noqa: BLE001 - whatever range() and glob() make of their arguments
            raise InputError(f"{line}: it cannot be counted out ({' '.join(str(error).split())})") from None
    if not found:
        glob = "; glob() knows the words of conf/, no files: write them out, one,two" if "glob(" in line else ""
        raise InputError(f"{line}: it has no value, so there is nothing to train{glob}")
    if len(found) > MOST_RUNS:
        raise InputError(f"{line}: it has over {MOST_RUNS:,} values; allowed are {MOST_RUNS:,} runs in one command")
    if any(isinstance(part, Sweep) for each in found for part in (each if isinstance(each, list) else [each])):
        raise InputError(f"{line}: a sweep stands alone; write its values out: one,two")
    if isinstance(value, RangeSweep):
        _check_range(override, value, found)
    return found


def _check_range(override: Override, sweep: RangeSweep, found: list[Any]) -> None:
    """Hydra adds binary fractions up, so that 0.3 is missed; and what sort() makes of a range may begin outside it."""
    line = override.input_line or ""
    if "sort(" in line:
        raise InputError(f"{line}: sort() of a range() may give other values; leave it out, the order changes no run")
    start, end, step = (Decimal(str(each)) for each in (sweep.start, sweep.stop, sweep.step))
    meant = [float(start + count * step) for count in range(ceil((end - start) / step))]
    if sorted(found) != sorted(meant):
        instead = f"{override.get_key_element()}={','.join(map(str, meant))}"
        raise InputError(f"{line}: range() misses such fractions; write them out: {instead}")


def _check_words(override: Override, values: Sequence[Any], repository: Any) -> None:
    """A group, such as loss, takes one of its words."""
    group = override.key_or_group
    if not repository.group_exists(group) or (override.is_delete() and values == [None]):
        return
    words = repository.get_group_options(group)
    for value in values:
        if group == "hydra/launcher" and str(value) in INSTEAD:
            refuse_launcher(str(value))
        if isinstance(value, list):
            many = f"; for a run each: -m {group}={','.join(map(str, value)) or words[0]}" * (group != "experiment")
            raise InputError(
                f"{group}: {override.input_line} is a list, and one word is wanted{many}; known: {', '.join(words)}"
            )
        if not isinstance(value, str) or ".." in value or not repository.config_exists(f"{group}/{value}"):
            raise InputError(unknown_word(group, "null" if value is None else value, words))

"""Overrides as people type them: whatever Hydra misreads, or takes for another sweep, is refused with what to type."""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any, NoReturn

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.default_element import GroupDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString, RangeSweep, Sweep
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

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
_COMMAND_S = ("hydra/launcher", "hydra/sweeper")  # conf/config.yaml has the first word on them, a command the last
_GRAMMAR = rf"\[|\{{|({_FUNCTIONS.replace(', ', '|')})\("
# What web pages and word processors put in place of what was typed, and what Windows ends a script's lines with.
_PASTED = str.maketrans({**dict.fromkeys("\u201c\u201d\u201e\u2018\u2019\u200b\ufeff\r"),
                         **dict.fromkeys("\u2212\u2013\u2014", "-"), "\u00a0": " "})  # fmt: skip


def check(overrides: Sequence[str], loader: Any, *, multirun: bool = True) -> None:
    """Raise InputError for an override that cannot be read, is given twice, or is no word where a word is wanted, and
    for an experiment's yaml of which Hydra would leave a part out; sweeps come later.
    """
    found = [(each.get_key_element().lstrip("+~"), each) for each in parsed(overrides, loader)]
    for key, each in found:
        given = [str(other.input_line).partition("=")[2] for name, other in found if name == key]
        if len(set(given)) > 1:  # such as seed={0..9}, of which a shell makes ten words
            many = f"; for a run each: -m {key}={','.join(given)}" * (key != "experiment" and all(given))
            raise InputError(f"{key}: it is given {len(given)} times, Hydra would take the last; give it once{many}")
        if each.is_sweep_override() and key == "experiment":
            raise InputError(f"experiment: one command has one, {each.input_line} has several; give a command for each")
        if key.startswith("hydra.job.env_"):
            raise InputError(f"{key}: octant's workers do not read it; set the variable in the shell")
        if not each.is_sweep_override():
            _check_words(each, values_of(each), loader.repository)
        if key == "experiment" and isinstance(each.value(), str):
            _check_experiment(str(each.value()), loader.repository, multirun=multirun)


def _check_experiment(name: str, repository: Any, *, multirun: bool) -> None:
    """Raise InputError for a yaml that cannot be read, and for what Hydra would pass over in it without a word."""
    file = f"experiment/{name.removesuffix('.yaml')}.yaml"
    try:
        found = repository.load_config(f"experiment/{name}")
    except UnicodeDecodeError:
        raise InputError(f"{file}: it is not UTF-8; save it as UTF-8") from None
    except (YAMLError, HydraException, OmegaConfBaseException, ValueError) as error:
        raise InputError(f"{file}: {' '.join(str(error).split())}") from None
    if found is None:
        return
    if found.header.get("package") != "_global_":
        raise InputError(f"{file}: its first line should be # @package _global_ (in UTF-8 without a byte order mark)")
    for each in found.defaults_list:
        if isinstance(each, GroupDefault) and (group := str(each.group).lstrip("/")) in _COMMAND_S:
            typed = f"{group}={each.value}"
            raise InputError(f"{file}: Hydra passes over its {group}; leave it out and type {typed} after octant")
    sweep = OmegaConf.select(found.config, "hydra.sweeper.params")
    if sweep and not multirun and OmegaConf.select(found.config, "hydra.mode") is None:
        raise InputError(f"{file}: its hydra.sweeper.params is a sweep; write mode: MULTIRUN under hydra, or add -m")


def check_sweep(overrides: Sequence[str], loader: Any) -> None:
    """Raise InputError for a sweep without values, with too many, or over what are no words of its group."""
    count = 1
    for each in parsed(overrides, loader):
        values = values_of(each)
        _check_words(each, values, loader.repository)
        count *= len(values)
    if count > MOST_RUNS:
        raise InputError(f"this sweep has {count:,} runs; allowed are {MOST_RUNS:,} in one command")


def loader_with(loader: Any, folder: str | None, overrides: Sequence[str]) -> Any:
    """The loader, with the yaml files of --config-dir and of hydra.searchpath as well."""
    path = copy.deepcopy(loader.get_search_path())
    if folder:
        path.append("command-line", str(Path(folder).absolute()))
    for each in parsed([text for text in overrides if text.startswith("hydra.searchpath=")], loader):
        places: Any = each.value()
        for place in places if isinstance(places, list) else ():
            path.append("hydra.searchpath", str(place))
    return ConfigLoaderImpl(config_search_path=path)


def refuse_sweeps(overrides: Sequence[str]) -> None:
    """Raise InputError for an override with several values, where one run is asked for."""
    for each in OverridesParser.create().parse_overrides(list(overrides)):
        if each.is_sweep_override():
            is_text = not re.match(_GRAMMAR, each.get_value_string())
            hint = f", or quotes if it is one: {quoted(str(each.input_line))}" if is_text else ""
            if is_text and str(each.key_or_group).startswith("experiment."):
                hint += f", or brackets for a list: {each.key_or_group}=[{each.get_value_string()}]"
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
    return [_parsed(parser, text, overrides[place + 1 :]) for place, text in enumerate(overrides)]


def _parsed(parser: OverridesParser, text: str, rest: Sequence[str]) -> Override:
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
        if whole := _split(text, rest):
            remedy = f"the shell ends a word at a space; put all of it in quotes: {shlex.quote(whole)}"
        elif re.match(_GRAMMAR, value):
            reason = " ".join(str(error).split("\nSee https")[0].split())
            remedy = f"{reason}; as one text it is {quoted(text)}"
        elif value.endswith(","):
            remedy = f"it ends in a comma; leave it out: {text.rstrip(', ')}"
        raise InputError(f"{key}: {value!r} cannot be read; {remedy}") from None


def _split(text: str, rest: Sequence[str]) -> str:
    """The override of which a shell made several words, such as seed=range(0, 3); empty where it did not."""
    whole = text
    for each in rest:
        if sum(map(whole.count, "([{")) <= sum(map(whole.count, ")]}")) or re.match(r"[\w.+~/@]+=", each):
            break
        whole = f"{whole} {each}"
    return whole if whole != text and sum(map(whole.count, "([{")) == sum(map(whole.count, ")]}")) else ""


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

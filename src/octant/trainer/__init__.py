"""The contract between octant and what it runs: typed settings in, one record per epoch out.

A trainer is one generator function. It knows no callback, no base class with hooks and nothing of octant but the two
types below. It is registered, offered by an installed package, or one file: see `octant.trainer.files`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from octant.errors import InputError, unknown_word
from octant.seal import Json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The one place where the kit meets the trainer that ships: name -> module with `registered()` and COMMANDS.
REGISTERED = {"network": "octant.models"}
DEFAULT = next(iter(REGISTERED))
Value = Json  # of a state: an array, a number, text, bytes, or what JSON gives back as it was
Given = Value  # of a class that only the trainer knows: its own settings, the model that is logged
_MOST_SHOWN = 200  # characters of a wrong value
_NUMBERS = ("int_type", "float_type")  # what pydantic calls a fault of these types
_SCALARS = (*_NUMBERS, "string_type", "bool_type")


class Part(BaseModel):
    """Checked once, when it is made; unknown keys, wrong types, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Settings(Part):
    """Everything that a person chooses about one run; subclass it with a field for each setting.

    `seed` is what repeats a measurement.
    """

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    # Dotted names of the settings that only say where something lies, and decide no number.
    places: ClassVar[tuple[str, ...]] = ()
    # Dotted names of those that are None, and not to be typed, where something else makes them meaningless.
    optional: ClassVar[tuple[str, ...]] = ()

    @property
    def configuration(self) -> str:
        """A name for what is compared, where the trainer has one of its own."""
        return ""


@dataclass(frozen=True)
class Epoch:
    """The record of one epoch, numbered from 0 (before training) or 1 without a gap.

    `metrics` are numbers by name, of the same names in every epoch. `state` is what `train` needs to go on after this
    epoch: arrays, numbers, text or bytes by name, and what JSON gives back as it was, such as a generator's state. It
    is stored without pickle, before the generator goes on, so live arrays may be handed over. Without it a killed run
    is trained again from the start. A record with `diverged`, the reason, is the last one; one with a metric that is
    not finite counts as such. `seconds` is the time that training took; the kit measures it where it is left out.
    """

    number: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    state: Mapping[str, Value] | None = None
    diverged: str | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Data:
    """What a run is trained on: a name, the SHA-256 of all of it, where it lies, and facts worth keeping (JSON).

    `reading` is a line on what was taken for what, printed before training, where files have several readings.
    """

    name: str
    digest: str
    place: str = ""
    reading: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)


NO_DATA = Data("none", "")


@dataclass(frozen=True)
class Pictures:
    """The test examples of the data with this digest as grey images, examples x rows x columns."""

    digest: str
    images: NDArray[np.floating]


@dataclass(frozen=True)
class Trainer:
    """A trainer as the kit sees it; all but the first three are optional.

    `data` says what a run with these settings is trained on, and raises InputError for settings that do not fit it.
    `metrics` names what every record will hold, where that is known beforehand; empty: the first record tells.
    `files` are logged with a finished run, from its last record: name -> content. `model` gives its model to be
    logged, `model_digest` digests it where its files lie on this machine (None: one is missing or empty).
    `log_figures` logs figures of single runs. `pictures` gives the test examples, from the data set's settings and the
    dtype: None where they are no images or not at hand. `discard_damaged` throws damaged caches away and counts them.
    `preload` names modules that a worker finds imported, given the settings of all runs. `labels` is what reports call
    settings and their values: {"loss": "loss", "loss=mse": "squared error"}. `reasons` are the metrics that explain why
    one configuration learns faster than another, in words: {"gradient_W1": "gradient of W1"}. Sentences are made of the
    first that differs before training. `reference` finds the trainer again in another process, where its name does not;
    `command` starts it.
    """

    name: str
    settings: type[Settings]
    train: Callable[[Given, Mapping[str, Value] | None], Iterator[Epoch]]
    data: Callable[[Given], Data] = lambda settings: NO_DATA
    metrics: Callable[[Given], Iterable[str]] = lambda settings: ()
    files: Callable[[Given, Epoch], Mapping[str, bytes]] = lambda settings, last: {}
    model: Callable[..., Given] | None = None
    model_digest: Callable[[Mapping[str, Json], Path, str], str | None] | None = None
    log_figures: Callable[..., None] | None = None
    pictures: Callable[[Mapping[str, Json], str], Pictures | None] = lambda source, dtype: None
    discard_damaged: Callable[[], int] = lambda: 0
    preload: Callable[[list[Given]], list[str]] = lambda settings: []
    labels: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    reference: str = ""
    command: tuple[str, ...] = ("octant",)

    @property
    def label(self) -> str:
        """What messages call it: its file, or its name."""
        return Path(self.reference.partition("::")[0]).name or self.name

    def parse(self, values: Mapping[str, Json]) -> Given:
        """Settings from a plain mapping; raises InputError, one line: what was wrong and what is allowed."""
        try:
            return self.settings(**values)
        except ValidationError as error:
            with suppress(
                ValidationError, ValueError, TypeError
            ):  # a tuple, a path or an enum, as yaml has to write it
                return self.settings.model_validate_json(json.dumps(values))
            raise InputError(one_line(error, set(self.settings.model_fields))) from None


def trainer(name: str = DEFAULT) -> Trainer:
    """The trainer of that name, or in that file; raises InputError for an unknown one."""
    if name not in REGISTERED:
        from octant.trainer import files

        return files.load_file(name) if files.is_file(name) else files.offered(name)
    found: Trainer = import_module(REGISTERED[name]).registered()
    return found


def logging(identity: Mapping[str, object]) -> Trainer:
    """The trainer of a run as MLflow needs it: one in a file, which may be gone by now, logs no model."""
    name = str(identity["trainer"])
    if name in REGISTERED and "trainer_file" not in identity:
        return trainer(name)
    return Trainer(name, Settings, lambda settings, state: iter(()))


def commands() -> dict[str, tuple[str, str]]:
    """The commands of all registered trainers: word -> module, and what it does in a line."""
    return {word: each for module in REGISTERED.values() for word, each in import_module(module).COMMANDS.items()}


def one_line(error: ValidationError, known: set[str]) -> str:
    """The first fault of a validation error in one line; `known` are the settings that there are."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"] if part != "constrained-str")
    if first["type"] in ("word", "path"):
        return first["msg"]
    if first["type"] == "extra_forbidden":
        return unknown_word("setting", key, known)
    if first["type"] == "missing":
        return f"{key}: it is missing"
    reason = first["msg"].removeprefix("Input ").removeprefix("Field ")
    got = repr(first["input"])
    quote = f"; a text that looks like something else goes in two pairs of quotes: '{key}=\"...\"'"
    hint = quote if first["type"] == "string_type" and isinstance(first["input"], int | float) else ""
    if isinstance(first["input"], list) and first["type"] in _SCALARS:
        hint = f"; for a run each: -m {key}={','.join(map(str, first['input']))}"
    elif first["type"] in _NUMBERS and isinstance(first["input"], str) and _reads_as_number(first["input"]):
        hint = f"; that is text: leave its quotes out, or write '{key}=${{oc.decode:${{oc.env:NAME}}}}' for a variable"
    return f"{key}: {reason}, got {got if len(got) <= _MOST_SHOWN else got[:_MOST_SHOWN] + ' ...'}{hint}"


def _reads_as_number(text: str) -> bool:
    with suppress(ValueError):
        return not re.match(r"[+-]?0\d", text) and float(text) == float(text)
    return False


def flat(settings: Settings | Mapping[str, object]) -> dict[str, object]:
    """Every setting by its name on the command line: a part with a name of its own is `dataset` and `dataset.key`."""
    found: dict[str, object] = {}
    for key, value in (settings if isinstance(settings, Mapping) else settings.model_dump()).items():
        if isinstance(value, dict):
            part = dict(value)
            found |= {key: part.pop("name")} if "name" in part else {}
            found |= {f"{key}.{name}": each for name, each in part.items()}
        else:
            found[key] = value
    return found

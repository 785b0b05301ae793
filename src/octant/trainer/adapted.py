"""A person's settings as octant's: a subclass of octant.Settings, any pydantic model, or a plain dataclass."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from functools import cache
from typing import get_type_hints

from pydantic import BaseModel, PydanticUserError, create_model
from pydantic.errors import PydanticSchemaGenerationError
from pydantic_core import to_jsonable_python

from octant.errors import InputError
from octant.trainer import Given, Settings, Value

MISSING = "???"  # what Hydra takes for a value that must be given


@cache
def adapted(given: type, label: str) -> type[Settings]:
    """`given` as a class of octant's settings; raises InputError, with the file `label`, for what cannot be one."""
    if isinstance(given, type) and issubclass(given, Settings):
        return given
    made: type[Settings]
    try:
        if isinstance(given, type) and issubclass(given, BaseModel):
            _refuse_without_seed(given.model_fields, given, label)
            made = type(given.__name__, (given, Settings), {"__module__": given.__module__})
        elif isinstance(given, type) and dataclasses.is_dataclass(given):
            made = _of_dataclass(given, label)
        else:
            raise InputError(f"{label}: Settings is {given!r}; allowed are a subclass of octant.Settings, a pydantic "
                             "model and a dataclass")  # fmt: skip
    except (PydanticUserError, PydanticSchemaGenerationError, NameError, TypeError) as error:
        raise InputError(f"{label}: {given.__name__}: {' '.join(str(error).split())[:300]}") from None
    return made


def values_for(given: type[Given], settings: Given) -> Given:
    """The settings as the class that the person wrote."""
    if issubclass(given, BaseModel):
        return settings
    return given(**{each.name: getattr(settings, each.name) for each in dataclasses.fields(given) if each.init})


def defaults(settings: type[Settings]) -> dict[str, object]:
    """The default of every setting in plain values, MISSING where there is none; `seed` last."""
    fields = sorted(settings.model_fields.items(), key=lambda each: each[0] == "seed")
    return {
        name: MISSING if field.is_required() else _plain(field.get_default(call_default_factory=True))
        for name, field in fields
    }


def _plain(value: object) -> object:
    plain = to_jsonable_python(value)
    return plain.replace("${", "\\${") if isinstance(plain, str) else plain


def refuse_taken(settings: type[Settings], taken: frozenset[str], label: str) -> None:
    """Raise InputError for a setting whose name a command has for itself, or that no command line can write."""
    for name in settings.model_fields:
        if name in taken or name == "hydra":
            words = ", ".join(sorted({*taken, "hydra"}))
            raise InputError(f"{label}: Settings.{name}: octant has that word for itself; not to be used: {words}")
        if not re.fullmatch(r"[A-Za-z]\w*", name):
            raise InputError(f"{label}: Settings.{name}: a setting's name has letters, digits and _, a letter first")


def _of_dataclass(given: type[Given], label: str) -> type[Settings]:
    hints = get_type_hints(given, include_extras=True)
    fields = [each for each in dataclasses.fields(given) if each.init]
    _refuse_without_seed([each.name for each in fields], given, label)
    from pydantic import Field

    def default(each: dataclasses.Field[object]) -> object:
        if each.default_factory is not dataclasses.MISSING:
            return Field(default_factory=each.default_factory)
        return ... if each.default is dataclasses.MISSING else each.default

    content: dict[str, Value] = {each.name: (hints[each.name], default(each)) for each in fields}
    return create_model(given.__name__, __base__=Settings, __module__=given.__module__, **content)


def _refuse_without_seed(names: Collection[str], given: type, label: str) -> None:
    if "seed" not in names:
        raise InputError(
            f"{label}: {given.__name__} has no seed; add `seed: int = 0`: it is what repeats a measurement"
        )

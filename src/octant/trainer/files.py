"""A trainer from a file, or from a module that an installed package offers.

A file is imported by its path, never as `__main__`, so that every worker, on this machine or another, finds it again by
its reference: `/path/mine.py`, or `/path/mine.py::train=fit,settings=Config` where the names are others.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from octant.errors import InputError, line_of, unknown_word
from octant.trainer import NO_DATA, REGISTERED, Data, Epoch, Given, Trainer, Value
from octant.trainer.adapted import adapted, values_for

OFFERED = "octant.trainers"  # the entry points: name = a module with `train` and `Settings`
PRELOAD = "OCTANT_PRELOAD"  # names the file that the fork server of a launch imports
_NAMES = {"train": "train", "settings": "Settings"}
_loading: list[Path] = []


def is_file(name: str) -> bool:
    """Whether a trainer's name is a file's."""
    return name.partition("::")[0].endswith(".py")


def is_loading() -> bool:
    """Whether a file is being imported: an `octant.main` at its end, outside `if __name__ == ...`, is not for us."""
    return bool(_loading)


def reference_of(functions: Mapping[str, object]) -> str:
    """The reference of a trainer whose parts (`train`, `settings`, `data`, `files`) are defined in one file.

    Raises InputError for what another process could not find again.
    """
    train = functions["train"]
    module = sys.modules.get(getattr(train, "__module__", ""), None)
    place = getattr(module, "__file__", None)
    if place is None:
        raise InputError("octant.main: train must be a function in a file; in a notebook, call octant.train")
    names = {}
    for word, each in functions.items():
        name = getattr(each, "__qualname__", "")
        if not name.isidentifier() or getattr(module, name, None) is not each:
            raise InputError(f"{Path(place).name}: {word} is {each!r}; it must be defined by name at the top level of "
                             "the file, where every worker finds it again")  # fmt: skip
        names[word] = name
    others = ",".join(f"{word}={name}" for word, name in names.items() if _NAMES.get(word) != name)
    return f"{Path(place).resolve()}{f'::{others}' if others else ''}"


@cache
def load_file(reference: str) -> Trainer:
    """The trainer of a file; raises InputError, one line that names the file, for one that is none."""
    place, _, others = reference.partition("::")
    path = Path(place).expanduser().resolve()
    names = _NAMES | dict(each.split("=", 1) for each in others.split(",") if "=" in each)
    module = _imported(path)
    command = ("python", str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))
    reference = f"{path}{f'::{others}' if others else ''}"
    return _made(module, path.stem, names, reference, command)


def offered(name: str) -> Trainer:
    """The trainer that an installed package offers; raises InputError for an unknown one."""
    found = {each.name: each.value for each in entry_points(group=OFFERED)}
    if name not in found:
        raise InputError(unknown_word("trainer", name, [*REGISTERED, *found]) + "; or a file: trainer=mine.py")
    try:
        module = import_module(found[name])
    except ImportError as error:
        raise InputError(f"trainer={name}: {found[name]} cannot be imported: {line_of(error)}") from None
    return _made(module, name, _NAMES, "", ("octant", f"trainer={name}"))


def _imported(path: Path) -> ModuleType:
    """The file as a module; one that sits in its folder may import its neighbours."""
    if not path.is_file():
        raise InputError(f"trainer: {path} does not exist; it must be a Python file with train and Settings")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    name = _module_name(path)
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path.name}: it is no Python file")
    module = sys.modules[name] = module_from_spec(spec)
    _loading.append(path)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception | SystemExit):
            raise
        kind = type(error).__name__
        raise InputError(f"{path.name}: it cannot be imported: {kind}: {' '.join(str(error).split())}") from error
    finally:
        _loading.pop()
    return module


def _module_name(path: Path) -> str:
    """Its stem, as its neighbours would import it; another one where that is taken."""
    if path.stem.isidentifier() and sys.modules.get(path.stem) is None:
        known = None
        with contextlib.suppress(ImportError, ValueError):
            known = find_spec(path.stem)
        if known is None or known.origin == str(path):
            return path.stem
    return f"trainer_{sha256(str(path).encode()).hexdigest()[:12]}"


def _made(module: ModuleType, name: str, names: Mapping[str, str], reference: str, command: tuple[str, ...]) -> Trainer:
    label = Path(str(module.__file__)).name
    found: dict[str, Value] = dict.fromkeys(names)
    for word, each in names.items():
        if not hasattr(module, each):
            raise InputError(f"{label}: it has no {each}; a trainer is a function train and a class Settings; where "
                             f"they have other names: {label}::train=NAME,settings=NAME")  # fmt: skip
        found[word] = getattr(module, each)
    given, settings = found["settings"], adapted(found["settings"], label)

    def train(values: Given, state: Mapping[str, Value] | None = None) -> Iterator[Epoch]:
        epochs: Iterator[Epoch] = found["train"](values_for(given, values), state)
        return epochs

    train.__module__ = module.__name__  # whose source is part of the fingerprint
    return Trainer(
        name, settings, train, data=_data(found.get("data"), given, label), files=_files(found.get("files"), given),
        reference=reference, command=command,
    )  # fmt: skip


def _data(digest: Callable[[Given], object] | None, given: type[Given], label: str) -> Callable[[Given], Data]:
    """A person's function may give a text that changes when the data do, or an octant.Data."""
    if digest is None:
        return lambda settings: NO_DATA

    def data(settings: Given) -> Data:
        found = digest(values_for(given, settings))
        if isinstance(found, Data):
            return found
        if not isinstance(found, str | bytes):
            raise InputError(f"{label}: data returns {type(found).__name__}; it must be text or bytes that name the "
                             "data")  # fmt: skip
        return Data("data", sha256(found if isinstance(found, bytes) else found.encode()).hexdigest())

    return data


def _files(
    given_files: Callable[..., Mapping[str, Value]] | None, given: type[Given]
) -> Callable[[Given, Epoch], Mapping[str, bytes]]:
    if given_files is None:
        return lambda settings, last: {}

    def files(settings: Given, last: Epoch) -> dict[str, bytes]:
        found = given_files(values_for(given, settings), last)
        return {name: each.encode() if isinstance(each, str) else bytes(each) for name, each in found.items()}

    return files

"""The fingerprint of a run: what decides its numbers, in 64 hexadecimal digits.

The first half digests settings and data, the second half the trainer's code. So runs that differ in their code alone
are recognised by the first half, and the launch can say which file has changed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

HALF = 32

Source = Mapping[str, str]  # file, relative to the trainer's folder -> digest of its code


def fingerprint(settings: Mapping[str, object], places: Iterable[str], data_digest: str, code: str) -> str:
    """64 hexadecimal digits: SHA-256 of settings and data, then `code`, each cut at 32 digits.

    `places` are dotted names of the settings that decide no number.
    """
    text = json.dumps([_without(settings, set(places)), data_digest], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:HALF] + code[:HALF]


def _without(settings: Mapping[str, object], names: set[str], prefix: str = "") -> dict[str, object]:
    return {
        key: _without(value, names, f"{prefix}{key}.") if isinstance(value, Mapping) else value
        for key, value in settings.items()
        if f"{prefix}{key}" not in names
    }


def code_digest(source: Source) -> str:
    """SHA-256 over the digests of all files."""
    return hashlib.sha256(json.dumps(dict(source), sort_keys=True).encode()).hexdigest()


@cache
def source_of(module: str) -> Source:
    """The code of `module` and of the modules that it imports from its own package or folder, directly or not.

    Comments, docstrings and layout are left out. Imports within functions count; imports by a computed name do not.
    """
    start = Path(str(sys.modules[module].__file__))
    package = module.rpartition(".")[0]
    folder, found, waiting = start.parent, dict[Path, str](), [start]
    while waiting:
        path = waiting.pop()
        if path not in found:
            tree = ast.parse(path.read_bytes())
            found[path] = hashlib.sha256(repr(_code_of(tree)).encode()).hexdigest()
            waiting += _imported(tree, path, folder, package)
    return {path.relative_to(folder).as_posix(): found[path] for path in sorted(found)}


def changed(then: Source, now: Source) -> list[str]:
    """The files whose code differs, came or went."""
    return sorted(name for name in {*then, *now} if then.get(name) != now.get(name))


def _code_of(node: ast.AST) -> object:
    """The tree as plain tuples, the same in every version of Python for the same code; without docstrings."""
    parts = []
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(value, list) and _has_docstring(node):
            value = value[1:]
        if value is not None and value != [] and name not in ("kind", "type_comment", "ctx"):
            parts.append((name, _plain(value)))
    return (type(node).__name__, *parts)


def _plain(value: object) -> object:
    if isinstance(value, ast.AST):
        return _code_of(value)
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def _has_docstring(node: ast.AST) -> bool:
    holds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, holds) and ast.get_docstring(node, clean=False) is not None


def _imported(tree: ast.AST, path: Path, folder: Path, package: str) -> Iterator[Path]:
    """Files of the trainer's package or folder that the tree imports."""
    inside = ".".join([package, *path.parent.relative_to(folder).parts]) if package else ""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), inside) if node.level else str(node.module)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for name in names:
            yield from _files(name, folder, package)


def _files(name: str, folder: Path, package: str) -> Iterator[Path]:
    """The file of module `name`, and the packages above it, where they lie in the folder."""
    if package and not f"{name}.".startswith(f"{package}."):
        return
    parts = name.removeprefix(f"{package}." if package else "").split(".") if name != package else []
    for depth in range(len(parts) + 1):
        place = folder.joinpath(*parts[:depth])
        for path in (place / "__init__.py", place.with_suffix(".py") if depth else place / "__init__.py"):
            if path.is_file() and (package or depth):
                yield path

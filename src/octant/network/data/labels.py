"""Labels: which column of a table holds them, and how they become 0..k-1 and keep their names."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from octant.errors import InputError
from octant.network.data.dataset import Array
from octant.network.data.files import complaint
from octant.network.data.tables import NAME_THEM, REMEDY, USUAL, Table

_ALLOWED = "allowed are words, or whole numbers without a gap"


def encode(path: Path, y: Array) -> tuple[Array, tuple[str, ...]]:
    """`y (n,)` as int64 0..k-1, and the name of each class.

    Labels are words, or whole numbers from 0, 1 or another start without a gap, or -1 and 1. Raises InputError.
    """
    if y.dtype.kind == "U":
        y = np.char.strip(y)
        numbers = [_is_digits(each) for each in np.unique(y)]
        if not any(numbers):
            names, codes = np.unique(y, return_inverse=True)  # what scikit-learn's LabelEncoder calls
            return _two(path, codes.astype(np.int64), tuple(names.tolist()))
        if not all(numbers):
            word = next(str(each) for each in y if not _is_digits(each))
            raise complaint(path, f"some labels are numbers, but {word[:40]!r} is not a number", REMEDY)
        y = y.astype(np.float64)
    whole = np.isfinite(y) & (y == np.floor(y))
    classes = np.unique(y)
    signs = len(classes) == 2 and tuple(classes.tolist()) == (-1, 1)
    if not (sound := whole & ((y >= 0) | signs)).all():
        first = int(np.argmin(sound))
        wrong = f"label {y[first]} of example {first} is not a whole number of 0 or more"
        raise complaint(path, wrong, f"{_ALLOWED}; {REMEDY}")
    expected = classes if signs else classes[0] + np.arange(len(classes))
    if not np.array_equal(classes, expected):
        gap = int(expected[int(np.argmax(classes != expected))])
        raise complaint(path, f"label out of range: {classes[-1]} is used but {gap} is not, {_ALLOWED}", REMEDY)
    return _two(path, np.searchsorted(classes, y).astype(np.int64), tuple(str(int(each)) for each in classes))


def _two(path: Path, labels: Array, names: tuple[str, ...]) -> tuple[Array, tuple[str, ...]]:
    if len(names) < 2:
        raise complaint(path, f"only one class, {names[0]}; a classifier needs two or more", REMEDY)
    return labels, names


def _is_digits(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.0*)?", text) is not None


def label_column(table: Table, wanted: str | int | None) -> int:
    """The column with the labels: `dataset.label`, or the only one that it can be; raises InputError otherwise."""
    found = None if wanted is None else _wanted(table, wanted)
    if found != 0 and table.index is None and not table.speaking and _counts_rows(table):
        raise complaint(table.path, "column 1 numbers the rows: it may be an index or an input", NAME_THEM)
    if found is not None:
        return found
    return _by_name(table) if table.speaking else _by_place(table)


def _wanted(table: Table, wanted: str | int) -> int:
    names, width = table.names or [], table.values.shape[1]
    called = [c for c, name in enumerate(names) if name == str(wanted).strip()]
    called = called or [c for c, name in enumerate(names) if name.lower() == str(wanted).strip().lower()]
    if isinstance(wanted, int):
        if called and called != [wanted - 1]:
            wrong = f"dataset.label={wanted} may be column {wanted} or {table.called(called[0])}"
            choices = [f"""'dataset.label="{names[c]}"'""" for c in (called[0], wanted - 1) if c < width]
            raise complaint(table.path, wrong, f"type its name in quotes, {' or '.join(choices)}")
        called = [wanted - 1] if wanted <= width else []
    if len(called) == 1:
        return called[0]
    wrong = f"it has {len(called) or 'no'} columns {wanted!r} for dataset.label"
    known = ", ".join(repr(name) for name in names[:20])[:200]
    raise complaint(table.path, wrong, f"type the column's number, dataset.label=1 to {width}, or its name: {known}")


def _by_name(table: Table) -> int:
    names = table.speaking
    if names.count("label") == 1:
        return names.index("label")
    found = sorted({c for c, name in enumerate(names) if name in USUAL} | (set(table.words) - {table.index}))
    coordinates = {"x", "y"} <= set(names) and [names[c] for c in found] == ["y"]
    if "label" not in names and len(found) == 1 and not coordinates and _has_classes(table, found[0]):
        return found[0]
    likely = [c for c in range(len(names)) if c != table.index and (c in found or _has_classes(table, c))]
    raise _ask(table, "its header row does not name exactly one column label", likely)


def _by_place(table: Table) -> int:
    """Without names: the only column of words, else the first or the last."""
    first, last = (0 if table.index is None else 1), table.values.shape[1] - 1
    if len(table.words) > 1:
        raise _ask(table, "it has several columns of words", sorted(table.words))
    if table.words:
        return next(iter(table.words))
    if last > first and _has_classes(table, first):
        if _has_classes(table, last):
            raise _ask(table, "its first or its last column may be the label", [first, last])
        return first
    return last


def _has_classes(table: Table, column: int) -> bool:
    """Whether the column's values can be labels, and each stands for several examples."""
    try:
        _, names = encode(table.path, table.column(column))
    except InputError:
        return False
    return 2 * len(names) <= len(table.values)


def _counts_rows(table: Table) -> bool:
    n, width = table.values.shape
    rows = np.arange(n)
    first = table.values[:, 0]
    return 0 not in table.words and n > 2 < width and any(np.array_equal(first, rows + start) for start in (0, 1))


def _ask(table: Table, wrong: str, columns: list[int]) -> InputError:
    named = ", ".join(table.called(c) for c in columns[:4])
    likely = f"; it may be {named}" if columns else ""
    column = columns[-1] if columns else table.values.shape[1] - 1
    return complaint(table.path, wrong + likely, f"type {_typed(table, column)}, or another column's name or number")


def _typed(table: Table, column: int) -> str:
    """What to type for a column: its name if a shell and Hydra take it as it stands, else its number."""
    name = (table.names or [""] * (column + 1))[column]
    plain = re.fullmatch(r"[A-Za-z_]\w*", name) and name.lower() not in ("null", "true", "false", "nan", "inf")
    return f"dataset.label={name if plain and (table.names or []).count(name) == 1 else column + 1}"

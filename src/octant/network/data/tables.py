"""A table of numbers as people have it in a .csv, which of its columns is the label, and how labels become 0..k-1.

NumPy reads the numbers: they are exact to the last bit, and rows of another length are errors (pandas fills short
rows up).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from unicodedata import normalize

import numpy as np

from octant.errors import InputError
from octant.network.data.dataset import Array
from octant.network.data.files import complaint, reading
from octant.network.data.layout import NAME_THEM, REMEDY, USUAL, Layout, fields_of, layout_of, reads_as_number

ROW_NUMBERS = r"id|index|level_\d|unnamed: ?[\d.]+"  # names that an index has; pandas' when it is saved twice
_MISSING = ("", "?", "na", "n/a", "nan", "<na>", "null")  # words for a label that is missing
_ALLOWED = "allowed are words, or whole numbers without a gap"


@dataclass(frozen=True, eq=False)
class Table:
    """Numbers `values (n, columns)`; where a column has words, it holds indices into `words[column]`.

    `names` are those of its header, None without one. `index` are the columns that only number the rows.
    `decimals`: whether numbers are written with a point or an exponent.
    """

    path: Path
    names: list[str] | None
    values: Array
    words: Mapping[int, list[str]]
    index: tuple[int, ...]
    decimals: bool

    @property
    def speaking(self) -> list[str]:
        """The names in lower case; none when the header has only numbers."""
        names = [name.lower() for name in self.names or []]
        return [] if all(reads_as_number(name) for name in names if name) else names

    def column(self, place: int) -> Array:
        """Its numbers or words."""
        codes = self.values[:, place]
        return np.array(self.words[place])[codes.astype(int)] if place in self.words else codes

    def called(self, place: int) -> str:
        """The column in words, such as `column 1 'label'`."""
        return f"column {place + 1}" + (f" {self.names[place]!r}" if self.names else "")


def read_table(path: Path) -> Table:
    """Read a .csv; raises InputError, one line, for what is no table of numbers or has two readings."""
    with reading(path, REMEDY):
        layout = layout_of(path)
    codes: dict[int, dict[str, int]] = {column: {} for column in layout.words}
    try:
        values = np.loadtxt(
            layout.lines(path),
            delimiter=None if layout.separator == " " else layout.separator,
            converters={column: _coder(known) for column, known in codes.items()} or None,
            comments=None,
            quotechar='"',
            ndmin=2,
            encoding="utf-8",
        )
    except (ValueError, OSError) as error:
        _explain(path, layout, str(error))
    words = {column: list(known) for column, known in codes.items()}
    if blank := [column for column, known in words.items() if "" in known]:
        _explain(path, layout, f"column {blank[0] + 1} has missing values")
    names = _fitted(path, layout.names, values)
    return Table(path, names, values, words, _index(path, names, values, words), layout.decimals)


def _coder(known: dict[str, int]) -> Callable[[str], float]:
    # A letter with its accent is one sign here and two there.
    return lambda text: known.setdefault(normalize("NFC", text.strip()), len(known))


def _fitted(path: Path, names: list[str] | None, values: Array) -> list[str] | None:
    if names and len(names) == values.shape[1] - 1 and _numbers_rows(values[:, 0], ordered=True):
        return ["", *names]  # R's header has no field for the row numbers
    if names and names[-1] == "" and len(names) == values.shape[1] + 1:
        return names[:-1]  # a separator behind the last name
    if names and len(names) != values.shape[1]:
        wrong = f"its header has {len(names)} fields, its rows {values.shape[1]}"
        raise complaint(path, wrong, REMEDY)
    return names


def _numbers_rows(column: Array, *, ordered: bool) -> bool:
    if ordered:
        return any(np.array_equal(column, np.arange(len(column)) + start) for start in (0, 1))
    return bool(np.all(column == np.floor(column))) and len(np.unique(column)) == len(column)


def _index(path: Path, names: list[str] | None, values: Array, words: Mapping[int, list[str]]) -> tuple[int, ...]:
    """The columns that by their names and content only number or name the rows; the first may be called otherwise."""

    def named(column: int, name: str) -> bool:
        first = not column and (not name or name.endswith(("_id", " id", "Id", "ID")))
        return first or re.fullmatch(ROW_NUMBERS, name.lower()) is not None

    def counts(column: int) -> bool:
        if column in words:
            return len(words[column]) == len(values)
        return _numbers_rows(values[:, column], ordered=False)

    found = tuple(column for column, name in enumerate(names or ()) if named(column, name) and counts(column))
    if names and not names[0] and 0 not in found:
        raise complaint(path, "column 1 has no name, and it does not number the rows", NAME_THEM)
    return found


def _explain(path: Path, layout: Layout, problem: str) -> NoReturn:
    """Find the line that NumPy stumbled over: its own row numbers leave out blank lines and the header."""
    width = 0
    with reading(path, REMEDY):
        for number, row in fields_of(layout.lines(path), layout.separator):
            line, width = number + layout.skip, width or len(row)
            if len(row) != width:
                raise complaint(path, f"line {line} has {len(row)} fields, the lines before it {width}", REMEDY)
            for column, field in enumerate(row):
                if not field or not (reads_as_number(field) or column in layout.words):
                    wrong = f"{field[:40]!r} is not a number" if field else "the value is missing"
                    raise complaint(path, f"line {line}, column {column + 1}: {wrong}", REMEDY)
    raise complaint(path, f"cannot be read ({problem})", REMEDY)


def label_column(table: Table, wanted: str | int | None) -> int:
    """The column with the labels: `dataset.label`, or the only one that it can be; raises InputError otherwise."""
    found = None if wanted is None else _wanted(table, wanted)
    if found != 0 and not table.index and not table.speaking and _counts_rows(table):
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
    found = sorted({c for c, name in enumerate(names) if name in USUAL} | (set(table.words) - set(table.index)))
    coordinates = {"x", "y"} <= set(names) and [names[c] for c in found] == ["y"]
    if "label" not in names and len(found) == 1 and not coordinates and _has_classes(table, found[0]):
        return found[0]
    likely = [c for c in range(len(names)) if c not in table.index and (c in found or _has_classes(table, c))]
    raise _ask(table, "its header row does not name exactly one column label", likely)


def _by_place(table: Table) -> int:
    """Without names: the only column of words, else the first or the last."""
    first, last = int(0 in table.index), table.values.shape[1] - 1
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
    return 0 not in table.words and n > 2 < width and _numbers_rows(table.values[:, 0], ordered=True)


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


def encode(path: Path, y: Array) -> tuple[Array, tuple[str, ...]]:
    """`y (n,)` as int64 0..k-1, and the name of each class.

    Labels are words, or whole numbers from 0, 1 or another start without a gap, or -1 and 1. Raises InputError.
    """
    if y.dtype.kind == "U":
        y = np.char.strip(y)
        for i in np.flatnonzero(np.isin(np.char.lower(y), _MISSING)):
            wrong = f"label {str(y[i])!r} of example {i} is a missing value"
            raise complaint(path, wrong, "delete such examples, or give the class another name")
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

"""A user's own examples: an `.npz` with X and y, or with Keras's four arrays, or a `.csv` with a column of labels."""

from __future__ import annotations

import math
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from octant.network.data.dataset import Array, Source, default_names
from octant.network.data.files import complaint, expanded, reading, require_file, stamp
from octant.network.data.layout import REMEDY
from octant.network.data.tables import encode, label_column, read_table
from octant.network.settings import DataSettings

KERAS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True, eq=False)
class _Read:
    """What a file has: inputs, labels as they stand there, how many examples at the end are its own test set.

    `label` and `inputs` say in words where they were found, `names` are the columns' where no two are alike, `pixels`
    tells whether they promise pixels.
    """

    X: Array
    y: Array
    label: str
    inputs: str
    rest: str = ""
    own_test: int = 0
    pixels: bool = False
    names: tuple[str, ...] = ()


def read_own(settings: DataSettings) -> Source:
    """The examples in `dataset.path`; `reading` says what was taken for what.

    Bytes, and whole numbers that can only be pixels from 0 to 255, are divided by 255; other numbers are taken as
    they are. Raises InputError for what is neither, and for what has two readings.
    """
    path = expanded(str(settings.path))
    require_file(path, REMEDY)
    if path.suffix.lower() not in READERS:
        raise complaint(path, f"wrong suffix {path.suffix!r}, allowed: {', '.join(READERS)}", REMEDY)
    found = READERS[path.suffix.lower()](path, settings.label)
    X, image_shape = _inputs(path, found.X, pixels=found.pixels)
    y = found.y[:, 0] if found.y.shape[1:] == (1,) else found.y  # Keras's labels may be a column
    if y.dtype.kind not in "buifU" or y.ndim != 1:
        wrong = f"y has dtype {y.dtype} and shape {y.shape}, allowed are labels (n,), numbers or words"
        raise complaint(path, wrong, REMEDY)
    if len(y) != len(X):
        raise complaint(path, f"lengths differ: {len(X)} examples in X, {len(y)} labels in y", REMEDY)
    labels, names = encode(path, y)
    scale = 255.0 if X.dtype == np.uint8 else 1.0
    scaled = "scaled to 0 to 1" if scale != 1 else "taken as they are"
    label = f"{path.name}: label: {found.label}, {len(names)} classes{_shown(names)}"
    inputs = f"inputs: {found.inputs}{X.shape[1]} columns, {X.min():g} to {X.max():g}, {scaled}{found.rest}"
    line = " ".join(f"{label}; {inputs}".split())
    return Source(str(path), X, labels, scale, image_shape, found.own_test, names, line, found.names)


def _shown(names: tuple[str, ...]) -> str:
    """The classes' names where they are not simply 0, 1, 2, ..."""
    text = ", ".join(names)
    return "" if names == default_names(len(names)) else f" ({text if len(text) <= 60 else text[:60] + '...'})"


def own_state(settings: DataSettings) -> list[object]:
    """The state of the file."""
    return [stamp(expanded(str(settings.path)), REMEDY)]


def _read_npz(path: Path, label: str | int | None) -> _Read:
    """X and y of an `.npz`, or the arrays of Keras's; pickled objects are refused, not loaded."""
    if label is not None:
        raise complaint(path, "its labels are y, and dataset.label is for columns of a .csv", "leave dataset.label out")
    with reading(path, REMEDY), path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise complaint(path, "is not an .npz archive (wrong magic, truncated or empty)", REMEDY)
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            keras = {name.lower(): name for name in archive.files}
            if set(KERAS) <= set(keras):
                return _published_parts(path, *(np.asarray(archive[keras[name]]) for name in KERAS))
            missing = [key for key in ("X", "y") if key not in archive.files]
            if missing:
                raise complaint(path, f"has no {' and no '.join(missing)}, only {archive.files}", REMEDY)
            return _Read(np.asarray(archive["X"]), np.asarray(archive["y"]), "y", "X, ")


def _published_parts(path: Path, X: Array, y: Array, X_test: Array, y_test: Array) -> _Read:
    """Keras's train and test arrays in one; the published test part stays the test set."""
    pairs = {"x_train and x_test": (X, X_test), "y_train and y_test": (y, y_test)}
    for names, (one, other) in pairs.items():
        if (one.dtype, one.shape[1:]) != (other.dtype, other.shape[1:]) or not one.ndim or not len(other):
            wrong = f"{names} do not fit: {one.dtype} {one.shape} and {other.dtype} {other.shape}"
            raise complaint(path, wrong, REMEDY)
    for part, inputs, labels in (("train", X, y), ("test", X_test, y_test)):
        if len(inputs) != len(labels):
            wrong = f"lengths differ: {len(inputs)} examples in x_{part}, {len(labels)} labels in y_{part}"
            raise complaint(path, wrong, REMEDY)
    rest = f"; test: its own {len(y_test)} examples, dataset.test_fraction does not apply"
    X, y = np.concatenate([X, X_test]), np.concatenate([y, y_test])
    return _Read(X, y, "y_train and y_test", "x_train and x_test, ", rest, len(y_test))


def _read_csv(path: Path, label: str | int | None) -> _Read:
    """Inputs and labels of a table."""
    table = read_table(path)
    column = label_column(table, label)
    index = [c for c in table.index if c != column]
    kept = [c for c in range(table.values.shape[1]) if c not in (column, *index)]
    if wordy := [c for c in kept if c in table.words]:
        wrong = f"{table.called(wordy[0])} has words such as {table.words[wordy[0]][0][:40]!r}, inputs are numbers"
        raise complaint(path, wrong, f"delete the column or give it numbers; {REMEDY}")
    number = "it numbers" if len(index) == 1 else "they number"
    left_out = f"; left out: {', '.join(map(table.called, index))}, {number} the rows" if index else ""
    names = tuple(table.speaking[c] for c in kept) if table.speaking else ()
    pixels = bool(names) and all(re.fullmatch(r"p(ixel|x)?_?\d+|\d+x\d+", name) for name in names)
    names = names if len(set(names)) == len(names) and all(names) else ()
    header = "; no header" if table.names is None else ""
    X, y, label = table.values[:, kept], table.column(column), table.called(column)
    return _Read(X, y, label, "", left_out + header, 0, pixels, names)


READERS = {".npz": _read_npz, ".csv": _read_csv, ".tsv": _read_csv}


def _inputs(path: Path, X: Array, *, pixels: bool) -> tuple[Array, tuple[int, int] | None]:
    """X as (n, d), pixels as bytes, and the picture's shape when it is one."""
    if X.dtype.kind not in "uif" or X.dtype.itemsize > 8:
        raise complaint(path, f"X has dtype {X.dtype}, allowed are integers and floats", REMEDY)
    if X.ndim == 4 and 1 in (X.shape[1], X.shape[3]):
        X = X[:, 0] if X.shape[1] == 1 else X[..., 0]  # one channel: grey
    if X.ndim not in (2, 3):
        raise complaint(path, f"X has shape {X.shape}, allowed are (n, d) and (n, h, w)", REMEDY)
    if X.size == 0:
        raise complaint(path, f"X is empty, it has shape {X.shape}", REMEDY)
    if X.dtype == np.uint8 and X.max() < 128:
        wrong = f"X has bytes that reach {X.max()} only: pixels of dark pictures, or other numbers"
        raise complaint(path, wrong, "save floats: X / 255 for pixels, X.astype(float) for numbers as they are")
    shape = (X.shape[1], X.shape[2]) if X.ndim == 3 else None
    X = X.reshape(len(X), -1)
    side = math.isqrt(X.shape[1])
    square = side >= 4 and side * side == X.shape[1]
    if (pixels or shape or square) and 128 <= X.max() <= 255 and X.min() >= 0:
        small = X.astype(np.uint8)
        X = small if np.array_equal(small, X) else X
    return X, shape or ((side, side) if square and X.dtype == np.uint8 else None)

"""A user's own examples: an `.npz` with X and y, or a `.csv` with a column `label` (without a header: the last)."""

from __future__ import annotations

import csv
import math
import zipfile
from pathlib import Path
from typing import NoReturn

import numpy as np

from octant.config import DataSettings
from octant.network.data.dataset import Array, Source
from octant.network.data.files import complaint, locate, reading, require_file, stamp

REMEDY = "dataset.path is an .npz with numbers X (n, d) or (n, h, w) and y (n,), or a .csv with a column label"


def read(settings: DataSettings) -> Source:
    """The examples in `dataset.path`: uint8 inputs are divided by 255, others are taken as they are.

    Labels are whole numbers 0..k-1, each of them present, k >= 2. Raises InputError for anything else.
    """
    path = locate(str(settings.path))
    require_file(path, REMEDY)
    if path.suffix.lower() not in READERS:
        raise complaint(path, f"wrong suffix {path.suffix!r}, allowed: {', '.join(READERS)}", REMEDY)
    X, y = READERS[path.suffix.lower()](path)
    X, image_shape = _inputs(path, X)
    return Source(str(path), X, _labels(path, y, len(X)), 255.0 if X.dtype == np.uint8 else 1.0, image_shape)


def identity(settings: DataSettings) -> list[object]:
    """The state of the file."""
    return [stamp(locate(str(settings.path)), REMEDY)]


def read_npz(path: Path) -> tuple[Array, Array]:
    """X and y of an `.npz`; pickled objects are refused, not loaded."""
    with reading(path, REMEDY), path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise complaint(path, "is not an .npz archive (wrong magic, truncated or empty)", REMEDY)
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            missing = [key for key in ("X", "y") if key not in archive.files]
            if missing:
                raise complaint(path, f"has no {' and no '.join(missing)}, only {archive.files}", REMEDY)
            return np.asarray(archive["X"]), np.asarray(archive["y"])


def read_csv(path: Path) -> tuple[Array, Array]:
    """Inputs and labels of a comma-separated table of numbers, with or without a header row."""
    with reading(path, REMEDY):
        header, skip = _header(path)
    try:
        table = np.loadtxt(
            path, delimiter=",", skiprows=skip, comments=None, quotechar='"', ndmin=2, encoding="utf-8-sig"
        )
    except ValueError as error:
        _explain(path, skip, str(error))
    if header and len(header) != table.shape[1]:
        wrong = f"its header has {len(header)} fields, its rows {table.shape[1]}"
        raise complaint(path, wrong, REMEDY)
    column = header.index("label") if header else -1
    return np.delete(table, column, axis=1), table[:, column]


READERS = {".npz": read_npz, ".csv": read_csv}


def _header(path: Path) -> tuple[list[str], int]:
    """The fields of the header row (no header: []), and the lines it takes."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        first = [field.strip().lower() for field in next((row for row in rows if row), [])]
        lines = rows.line_num
        if any(_is_number(field) for field in first) and "label" not in first:
            return [], 0
        if not any(rows):
            raise complaint(path, "is empty, it has no examples", REMEDY)
    if first.count("label") != 1:
        raise complaint(path, "its header row does not name exactly one column label", REMEDY)
    return first, lines


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _explain(path: Path, skip: int, said: str) -> NoReturn:
    """Find the line that NumPy stumbled over: its own row numbers leave out blank lines and the header."""
    width = 0
    with reading(path, REMEDY), path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        for row in filter(None, rows):
            if rows.line_num <= skip:
                continue
            width = width or len(row)
            if len(row) != width:
                wrong = f"line {rows.line_num} has {len(row)} fields, the lines before it {width}"
                raise complaint(path, wrong, REMEDY)
            for column, field in enumerate(row, 1):
                if not _is_number(field):
                    wrong = f"{field[:40]!r} is not a number" if field.strip() else "the value is missing"
                    raise complaint(path, f"line {rows.line_num}, column {column}: {wrong}", REMEDY)
    raise complaint(path, f"cannot be read ({said})", REMEDY)


def _inputs(path: Path, X: Array) -> tuple[Array, tuple[int, int] | None]:
    """X as (n, d), and the picture's shape when it is one."""
    if X.dtype.kind not in "uif" or X.dtype.itemsize > 8:
        raise complaint(path, f"X has dtype {X.dtype}, allowed are integers and floats", REMEDY)
    if X.ndim not in (2, 3):
        raise complaint(path, f"X has shape {X.shape}, allowed are (n, d) and (n, h, w)", REMEDY)
    if X.size == 0:
        raise complaint(path, f"X is empty, it has shape {X.shape}", REMEDY)
    if X.ndim == 3:
        return X.reshape(len(X), -1), (X.shape[1], X.shape[2])
    side = math.isqrt(X.shape[1])
    picture = X.dtype == np.uint8 and side >= 4 and side * side == X.shape[1]
    return X, (side, side) if picture else None


def _labels(path: Path, y: Array, examples: int) -> Array:
    """y as int64, checked to be 0..k-1 with none left out."""
    if y.dtype.kind not in "buif" or y.ndim != 1:
        wrong = f"y has dtype {y.dtype} and shape {y.shape}, allowed are whole numbers (n,)"
        raise complaint(path, wrong, REMEDY)
    if len(y) != examples:
        raise complaint(path, f"lengths differ: {examples} examples in X, {len(y)} labels in y", REMEDY)
    whole = np.isfinite(y) & (y == np.floor(y)) & (y >= 0)
    if not whole.all():
        first = int(np.argmin(whole))
        wrong = f"label {y[first]} of example {first} is not a whole number of 0 or more"
        raise complaint(path, wrong, REMEDY)
    classes = np.unique(y)
    if len(classes) < 2:
        raise complaint(path, f"only one class, {classes[0]}; a classifier needs two or more", REMEDY)
    if classes[-1] != len(classes) - 1:
        gap = int(np.argmax(classes != np.arange(len(classes))))
        wrong = f"label out of range: {classes[-1]} is used but {gap} is not, allowed are 0..k-1, each used"
        raise complaint(path, wrong, REMEDY)
    return y.astype(np.int64)

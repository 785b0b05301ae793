"""The rows of a csv file, and what could not be read of them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from octant.errors import InputError

NOT_A_NUMBER = ("nan", "+nan", "-nan")


def read_csv_runs(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The rows of a csv file as text and numbers, and lines on those that could not be read.

    A blank cell is missing, NaN; a number that is written as nan is infinite here, so that the two stay apart.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            separator = max(",;\t", key=first.count)
            rows = [row for row in csv.reader(file, delimiter=separator) if any(cell.strip() for cell in row)]
    except UnicodeDecodeError:
        raise InputError(f"{path}: cannot be read as csv: its text is not UTF-8; save it as CSV UTF-8") from None
    except (OSError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as csv: {getattr(error, 'strerror', None) or error}") from None
    if len(rows) < 2:
        raise InputError(f"{path}: no runs; the first line names the columns, each other line is a run")
    names = [name.strip() for name in rows[0]]
    if twice := sorted({name for name in names if names.count(name) > 1 and name}):
        raise InputError(f"{path}: several columns are called {', '.join(twice)}")
    body = [row for row in rows[1:] if len(row) == len(names)]
    frame = pd.DataFrame(body, columns=names).drop(columns=[""], errors="ignore")
    frame = frame.apply(lambda column: column.str.strip().replace("", np.nan).astype(object))
    odd = len(rows) - 1 - len(body)
    lines = [f"lines with more or fewer cells than the first left out: {odd}"] if odd else []
    return frame.apply(_numbers), lines


def _numbers(column: pd.Series) -> pd.Series:
    """The column as numbers if every cell that is not blank is one, whole ones without blanks as integers."""
    number = pd.to_numeric(column, errors="coerce")
    number = number.mask(column.astype(str).str.lower().isin(NOT_A_NUMBER) & column.notna(), np.inf)
    words = column.notna() & number.isna()
    return number if column.notna().any() and not words.any() else column

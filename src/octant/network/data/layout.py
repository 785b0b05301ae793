"""How the text of a .csv is laid out: which separator, which decimal mark, which header, which columns of words.

Whatever has two plausible readings is refused with what to type.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from octant.network.data.files import complaint

REMEDY = "dataset.path is an .npz with numbers X (n, d) or (n, h, w) and y (n,), or a .csv with a column label"
NAME_THEM = f"give the columns names that are words, in a first line; {REMEDY}"
SEPARATORS = ",;\t| "
SAMPLE = 500  # lines that separator and header are judged by
USUAL = ("labels", "class", "classes", "target", "species", "category", "y")  # names that labels have, beside label
MISSING = ("?", "na", "n/a", "null", "none", "-", ".")  # words for a missing value: no names
_SURE = 10  # so many numbers in order, 0, 1, 2, ..., are a header even above whole numbers


@dataclass(frozen=True)
class Layout:
    """How the text is to be read; `skip` lines come before the examples. `closed`: each line ends in a separator."""

    encoding: str
    separator: str
    comma: bool
    skip: int
    names: list[str] | None
    words: frozenset[int]
    decimals: bool
    closed: bool = False

    def lines(self, path: Path) -> Iterator[str]:
        """The lines of the examples, numbers with a decimal point."""
        with path.open(encoding=self.encoding) as file:
            for text in islice(file, self.skip, None):
                line = text.rstrip().removesuffix(self.separator) if self.closed else text
                yield re.sub(r"(?<=\d),(?=\d)", ".", line) if self.comma else line


def fields_of(lines: Iterable[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped fields of each row that is not blank."""
    blank = separator == " "  # any number of blanks and tabs
    rows = csv.reader((f"{line.strip()}\n".replace("\t", " ") for line in lines) if blank else lines,
                      delimiter=separator, skipinitialspace=blank)  # fmt: skip
    for row in rows:
        if row and (len(row) > 1 or row[0].strip()):
            yield rows.line_num, [field.strip() for field in row]


def layout_of(path: Path) -> Layout:
    """Judge by the first lines; raises InputError for a file without examples or with two readings."""
    with path.open("rb") as file:
        encoding = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with path.open(encoding=encoding) as file:
        lines = list(islice(file, SAMPLE))
    comments = [i for i, line in enumerate(lines) if re.match(r'\s*#|"?sep=', line)]  # sep=; is for Excel
    begin = next((i for i, line in enumerate(lines) if line.strip() and i not in comments), len(lines))
    separator, comma = _separator(lines[begin:])
    rows = list(fields_of(lines[begin:], separator))
    if not rows:
        raise complaint(path, "is empty, it has no examples", REMEDY)
    if re.match(r"\s*<(!doctype|html|\?xml)|version https://git-lfs", lines[begin], re.IGNORECASE):
        raise complaint(path, "is a web page or Git's stand-in for a large file, not a table", "download it again")
    numbers, fields = zip(*rows, strict=True)
    closed = separator != " " and all(len(row) > 1 and not row[-1] for row in fields[1:] or fields)
    fields = tuple(row[:-1] if closed and not row[-1] else row for row in fields)
    commented = _commented_header(lines[:begin], separator, fields[0])
    first = [] if commented else [fields[0]] if _is_header(path, fields[0], fields[1:], comma) else []
    examples = fields[len(first) :]
    if not examples:
        raise complaint(path, "is empty, it has no examples", REMEDY)
    plain = [[_plain(field, comma) for field in row] for row in examples]
    if comma and _may_be_thousands([field for row in examples for field in row]):
        raise complaint(path, "its commas and points may mark decimals or thousands", "write decimals with points only")
    decimals = any(reads_as_number(field) and not _is_whole(field) for row in plain for field in row)
    skip = begin + (numbers[0] if first else 0)
    names = commented or (first or [None])[0]
    return Layout(encoding, separator, comma, skip, names, _wordy(plain), decimals, closed)


def _separator(lines: Sequence[str]) -> tuple[str, bool]:
    """The separator that leaves most fields numbers, and whether those have decimal commas."""
    best, found = (0.0, 0), (",", False)
    for separator in SEPARATORS:
        fields = [field for _, row in fields_of(lines, separator) for field in row]
        points = sum(reads_as_number(field) for field in fields)
        commas = sum(reads_as_number(_plain(field, comma=True)) for field in fields) if separator in ";\t" else 0
        count = max(points, commas)
        if (score := (count / max(len(fields), 1), count)) > best:
            best, found = score, (separator, commas > points)
    return found


def _plain(field: str, comma: bool) -> str:
    return field.replace(",", ".") if comma and "." not in field else field


def _may_be_thousands(fields: Sequence[str]) -> bool:
    """Whether a comma or point may be no decimal one: points beside commas, or three digits after each comma."""
    numbers = [field for field in fields if re.search(r"[.,]", field) and reads_as_number(_plain(field, comma=True))]
    return any("." in each for each in numbers) or all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", n) for n in numbers)


def _is_whole(field: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", field) is not None


def _wordy(rows: Sequence[Sequence[str]]) -> frozenset[int]:
    """Columns with words in half of the rows or more; a word in a column of numbers is a mistake in the file."""

    def words(c: int) -> int:
        return sum(len(row) > c and row[c] != "" and not reads_as_number(row[c]) for row in rows)

    return frozenset(c for c in range(len(rows[0])) if 2 * words(c) >= len(rows))


def _commented_header(lines: Sequence[str], separator: str, first: Sequence[str]) -> list[str] | None:
    """The names in the last comment above the examples, as np.savetxt writes them: `# x,y,label`."""
    comments = [line.strip(" \n").lstrip("#").lstrip(" ") for line in lines if "#" in line]
    names = next((row for _, row in fields_of(comments[-1:], separator)), [])
    fits = len(names) == len(first) > 1 and not any(reads_as_number(name) for name in names)
    return names if fits and any(reads_as_number(field) for field in first) else None


def _is_header(path: Path, first: Sequence[str], rest: Sequence[Sequence[str]], comma: bool) -> bool:
    """Whether the first row has the columns' names; raises InputError where that cannot be told."""
    names = [_plain(field, comma) for field in first]
    numbers = [name for name in names if reads_as_number(name)]
    words = [c for c, name in enumerate(names) if name and not reads_as_number(name)]
    if "label" in (name.lower() for name in names):
        return True
    rows = [[_plain(field, comma) for field in row] for row in rest if len(row) == len(names)]
    below = {c for c in range(len(names)) if rows and all(reads_as_number(row[c]) for row in rows)}
    if not numbers and any(c in below and names[c].lower() not in MISSING for c in words):
        return True  # and a column Na is sodium's
    if any(name.lower() in MISSING for name in names):
        return False
    if "" in names or not numbers:  # an index has no name; a value that is missing may stand in any column
        unnamed = not names[0] and not words and _in_order(numbers, len(names) - 1)
        return unnamed or (bool(words) and not numbers)
    distinct = all(map(_is_whole, numbers)) and len(set(numbers)) == len(numbers)
    repeated = {c for c in words if c not in below and names[c] in {row[c] for row in rows}}
    if words and len(repeated) == len(words):
        return False  # words among words
    if any(names[c].lower() in USUAL[:-1] for c in set(words) - repeated):
        return True
    if any(c in below for c in words):
        return distinct or (len(words) > 1 and not repeated)
    return _is_numbered(path, names, numbers, rows, below, distinct=distinct)


def _is_numbered(path: Path, names: Sequence[str], numbers: Sequence[str], rows: Sequence[Sequence[str]],
                 below: set[int], *, distinct: bool) -> bool:  # fmt: skip
    """Whether the first row has numbers for names, as pandas gives them to the columns of an array."""
    decimal = sum(all(not _is_whole(row[c]) for row in rows) for c in below)
    in_order = _in_order(numbers, len(numbers)) and len(numbers) > 1
    if in_order and (decimal >= 2 or len(numbers) >= _SURE):
        return True
    doubtful = len(numbers) < len(names) or (distinct and len(numbers) > 1 and (in_order or decimal >= 2))
    if rows and doubtful:
        raise complaint(path, f"its first line ({', '.join(names)[:40]}) may be a header or an example", NAME_THEM)
    return False


def _in_order(numbers: Sequence[str], count: int) -> bool:
    """Whether these are 0, 1, 2, ... or 1, 2, 3, ..., `count` of them."""
    return any(list(numbers) == [str(i + start) for i in range(count)] for start in (0, 1))


def reads_as_number(field: str) -> bool:
    """Whether Python and NumPy read it as a number; `1_000` is a word."""
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field

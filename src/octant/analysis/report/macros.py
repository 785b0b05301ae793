"""Numbers as LaTeX macros, a name each that a new run of octant keeps, and text that LaTeX shows as it is."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from octant.analysis.comparison.settings import is_number

_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
_SIGNS = {sign: f"\\{sign}" for sign in "&%$#{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}", "_": r"\_\allowbreak{}",
    "=": r"=\allowbreak{}", **{sign: f"{{{sign}}}" for sign in "[]*"},
}  # fmt: skip
_ACCENTS = {*"\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327"}
_KNOWN = {*"ßæœøåÆŒØÅłŁ–—‘’“”…×±·°µ²³¹©®§"}  # signs without an accent that every LaTeX has
_GREEK = re.compile(r"GREEK SMALL LETTER (?!OMICRON|FINAL)(\w+)")


@dataclass
class Macros:
    """The macros of one document: `values` has what each name stands for, `strange` the signs that LaTeX lacks,
    `names` what levels, factors and configurations are called in names, `used` the macros that a text has.
    """

    values: dict[str, str] = field(default_factory=dict)
    strange: set[str] = field(default_factory=set)
    names: Mapping[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def number(self, name: str, text: str) -> str:
        """Define the macro `name` as a number that was formatted, and use it; NaN and infinity have none."""
        if not text.strip("+-")[:1].isdigit():
            return text
        mantissa, e, power = text.partition("e")
        signed = f"{mantissa}\\cdot10^{{{int(power)}}}" if e else text
        self.values[name] = signed if signed[0].isdigit() and not e else f"\\ensuremath{{{signed}}}"
        return f"\\{name}{{}}"

    def count(self, name: str, number: int | str, /, *key: str) -> str:
        """A number in a sentence: `octRuns`, `octVerdictLeadLossCrossEntropyMinusMse`."""
        return self.number(f"oct{name}{''.join(self.names.get(each) or letters(each) for each in key)}", str(number))

    def numbers(self, frame: pd.DataFrame, kind: str, keys: Sequence[tuple[str, ...]]) -> pd.DataFrame:
        """The frame with numbers that become macros when they are formatted: `octPairPholm` and the row's key.

        A column has one capital, so that none begins with another one's name.
        """
        rows = row_names(keys)
        own = [name for name in frame if is_number(frame[name])]
        return frame.assign(**{
            str(column): pd.Series([
                _Number(value, f"oct{kind}{letters(str(column)).capitalize()}{row}", self)
                for value, row in zip(frame[column].tolist(), rows, strict=True)
            ], index=frame.index, dtype=object)
            for column in own
        })  # fmt: skip

    def text(self, text: str) -> str:
        """A text as LaTeX shows it, on one line; the macros in it stay."""
        parts = re.split(r"(\\oct[A-Za-z]+\{\})", " ".join(text.split()))
        self.used |= {part[1:-2] for part in parts} & {*self.values}
        return "".join(part if part[1:-2] in self.values else self._escaped(part) for part in parts)

    def _escaped(self, text: str) -> str:
        text = "".join(sign for sign in text if unicodedata.category(sign) not in ("Cc", "Cf", "Cs"))
        self.strange |= {sign for sign in text if not _is_known(sign)}
        text = re.sub(r"([-'])(?=\1)", r"\1{}", "".join(_SIGNS.get(sign, sign) for sign in text))
        return re.sub('"([^"]*)"', r"``\1''", text).replace('"', "''")

    def declarations(self) -> list[tuple[str, str]]:
        """The code of each sign that LaTeX lacks, and what stands for it: a Greek letter, or the code itself."""
        found = [(f"{ord(sign):04X}", _GREEK.fullmatch(unicodedata.name(sign, ""))) for sign in sorted(self.strange)]
        return [
            (code, f"\\ensuremath{{\\{greek[1].lower().replace('lamda', 'lambda')}}}" if greek else f"[U+{code}]")
            for code, greek in found
        ]


@dataclass(frozen=True)
class _Number:
    """A number of a table, which defines its macro when it is formatted."""

    value: float
    name: str
    macros: Macros

    def __format__(self, form: str) -> str:
        return self.macros.number(self.name, format(self.value, form))


def row_names(keys: Sequence[tuple[str, ...]]) -> list[str]:
    """A name of letters for each row; those that would be alike, or empty, end with a digest of their own key."""
    plain = ["Minus".join(map(letters, key)) for key in keys]
    count = Counter(plain)
    return [name if name and count[name] == 1 else f"{name}{_digest(key)}"
            for name, key in zip(plain, keys, strict=True)]  # fmt: skip


def letters(text: str) -> str:
    """The text in letters: `tanh-0.1` is TanhZeroPointOne."""
    text = re.sub(r"(?<=\d)\.(?=\d)", " point ", unicodedata.normalize("NFKD", text))
    text = re.sub(r"(?<=\de)-(?=\d)", " minus ", text)
    parts = re.split(r"[^A-Za-z]+", "".join(map(_spelled, text)))
    return "".join(part[:1].upper() + part[1:] for part in parts)


def _spelled(sign: str) -> str:
    if sign.isascii():
        return _DIGITS[int(sign)].join("  ") if sign.isdigit() else sign
    return "" if unicodedata.combining(sign) else f" {unicodedata.name(sign, '').title()} "


def _digest(key: tuple[str, ...]) -> str:
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:8]
    return "Z" + digest.translate(str.maketrans("0123456789abcdef", "abcdefghijklmnop"))


def _is_known(sign: str) -> bool:
    base, *accents = list(unicodedata.normalize("NFD", sign))
    return sign.isascii() or sign in _KNOWN or (base.isascii() and base.isalpha() and len(accents) == 1
                                                and accents[0] in _ACCENTS)  # fmt: skip

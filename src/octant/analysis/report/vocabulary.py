"""What factors, levels and configurations are called, and how long a sentence is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from octant.analysis.palette import is_numeric
from octant.analysis.report.numbers import Count, listed, plain_count
from octant.analysis.verdict import Verdict

MOST_WORDS = 25
YES_NO = ("True", "False", "true", "false", "yes", "no", "none", "-")


@dataclass(frozen=True)
class Vocabulary:
    """What factors and levels are called: `labels` has `loss` and `loss=mse` as keys; `levels` are those that vary.

    A level that is a number, or that two factors have, is said with its factor: `width 64`, `hidden sigmoid`. `count`
    is how the sentences write their numbers.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    count: Count = plain_count

    def factor(self, name: str) -> str:
        """The factor in words."""
        return self.labels.get(name) or _tail(name)

    def factors(self, names: Sequence[str]) -> str:
        """Some factors: `hidden and output activation`."""
        phrases = [self.factor(name) for name in names]
        last = phrases[0].rpartition(" ")[2]
        same = len(phrases) > 1 and all(each.endswith(f" {last}") for each in phrases)
        return listed([*(each.removesuffix(f" {last}") for each in phrases[:-1]), phrases[-1]] if same else phrases)

    def bare(self, factor: str, level: str) -> str:
        """The level by itself."""
        return self.labels.get(f"{factor}={level}", level)

    def after(self, factor: str, level: str) -> str:
        """The level where its factor has just been named: a word needs no more."""
        return self.level(factor, level) if _says_nothing(level) else self.bare(factor, level)

    def level(self, factor: str, level: str) -> str:
        """The level in words that no other factor's level has."""
        own = self.levels.get(factor, (level,))
        others = {each for name, known in self.levels.items() if name != factor for each in known}
        plain = not others & set(own) and not any(map(_says_nothing, own))
        return self.bare(factor, level) if plain else f"{_tail(factor)} {self.bare(factor, level)}"

    def configuration(self, cell: Mapping[str, str], name: str = "") -> str:
        """A configuration by its levels: `cross-entropy + hidden tanh`."""
        return " + ".join(self.level(factor, level) for factor, level in cell.items()) or name

    def start(self, phrase: str) -> str:
        """A name that begins a sentence: with a capital if the words are declared, untouched if they are strangers'."""
        return phrase[:1].upper() + phrase[1:] if self.labels else phrase


def _says_nothing(level: str) -> bool:
    return level in YES_NO or is_numeric([level])


def _tail(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")


def vocabulary(verdict: Verdict, labels: Mapping[str, str] | None = None) -> Vocabulary:
    """The words for a verdict's factors and levels."""
    levels: dict[str, list[str]] = {}
    for cell in verdict.cells.values():
        for name, level in cell.items():
            levels.setdefault(name, []).append(level)
    return Vocabulary(labels or {}, {name: tuple(dict.fromkeys(known)) for name, known in levels.items()})


def _count_words(text: str) -> int:
    """Words and numbers; signs by themselves are none."""
    return sum(any(letter.isalnum() for letter in part) for part in text.split())


def short(*candidates: str) -> str:
    """The first that is short enough; the shortest, cut, where none is."""
    found = next((each for each in candidates if _count_words(each) <= MOST_WORDS), "")
    return found or " ".join(min(candidates, key=_count_words).split()[: MOST_WORDS - 1]) + " …"

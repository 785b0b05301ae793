"""How a configuration looks: hue from the first factor, shade and dash from the second, marker from the third.

The same levels in the same order give the same styles: nothing is hashed, and no word is known beforehand. Each
configuration has a colour of its own, because MLflow draws nothing but colours. So the first factor's level gives the
hue, and the other factors' levels give its shade. The eight hues stay apart (CIELAB distance above 20) for normal
sight and for simulated protanopia, deuteranopia and tritanopia (Machado, Oliveira and Fernandes, 2009).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from octant.seal import Json

Dash = Literal["-"] | tuple[int, tuple[float, ...]]

HUES = ("#0072b2", "#d55e00", "#004830", "#9018f0", "#f0a800", "#a84878", "#48c0d8", "#181890")
RAMP = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30")  # viridis, less its end
DASHES: tuple[Dash, ...] = (
    "-", (0, (4, 1.6)), (0, (1, 1.4)), (0, (5, 1.5, 1, 1.5)), (0, (9, 2.5)), (0, (3, 1.2, 1, 1.2, 1, 1.2)),
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


class Style(NamedTuple):
    """Colour as #rrggbb, line style and marker as matplotlib has them."""

    colour: str
    dash: Dash
    marker: str


@dataclass(frozen=True)
class Styles:
    """The styles of a sweep, whose factors have these levels, as `word` writes them; the order of both decides."""

    levels: Mapping[str, tuple[str, ...]]

    def of(self, row: Mapping[str, object]) -> Style:
        """The style of a configuration, given as a value for each factor; KeyError for a level that is not known."""
        first, second, *others = [*self._places(row), 0, 0]
        sizes = [len(levels) for levels in self.levels.values()]
        rest, shade = 0, second
        for place, size in zip(others, sizes[2:], strict=False):
            rest, shade = rest * size + place, shade * size + place
        # Neighbours on a ramp differ little: their dashes tell them apart where no second factor needs them.
        dash = first if len(sizes) == 1 and self._is_ramp else second
        return Style(_shaded(self._hues[first], shade), DASHES[dash % len(DASHES)], MARKERS[rest % len(MARKERS)])

    def hue(self, level: object) -> str:
        """The unshaded colour of a level of the first factor."""
        return self._hues[next(iter(self.levels.values())).index(word(level))]

    def _places(self, row: Mapping[str, object]) -> Iterator[int]:
        for factor, levels in self.levels.items():
            if (level := word(row[factor])) not in levels:
                raise KeyError(f"{factor}={level} is not among {', '.join(levels)}")
            yield levels.index(level)

    @cached_property
    def _is_ramp(self) -> bool:
        """Whether the first factor's colours are ordered: numbers, and more levels than there are hues."""
        first = next(iter(self.levels.values()), ())
        return len(first) > len(HUES) or (len(first) > 2 and is_numeric(first))

    @cached_property
    def _hues(self) -> Sequence[str]:
        count = len(next(iter(self.levels.values()), ("",)))
        return [_on_ramp(i / (count - 1)) for i in range(count)] if self._is_ramp else HUES


def in_order(levels: Iterable[object]) -> tuple[str, ...]:
    """The different levels as words: by number where all are numbers, else by alphabet; a dash is the last."""
    words = {word(level) for level in levels}
    known = sorted(words - {"-"})
    return (*(sorted(known, key=float) if is_numeric(known) else known), *(words & {"-"}))


def word(level: Json) -> str:
    """A level as figures write it, such as 0.1, relu, True; 10 and 10.0 are the same level, None and NaN a dash."""
    text = "-" if level is None else str(level)
    if isinstance(level, str) or text in ("True", "False"):
        return text
    try:
        return "-" if float(level) != float(level) else f"{float(level):.10g}"
    except (TypeError, ValueError):
        return text


def is_numeric(levels: Sequence[object]) -> bool:
    """Whether all levels are numbers, or words for numbers."""
    try:
        return bool(levels) and all(math.isfinite(float(str(level))) for level in levels)
    except ValueError:
        return False


def _shaded(colour: str, place: int) -> str:
    """The colour itself, then lighter and darker in turn, each new pair between those before."""
    half, share, step = (place + 1) // 2, 0.0, 0.5
    while half:  # van der Corput's sequence: 1/2, 1/4, 3/4, 1/8, ...
        share, half, step = share + step * (half % 2), half // 2, step / 2
    return _mixed(colour, "#ffffff" if place % 2 else "#000000", 0.9 * share)


def _on_ramp(at: float) -> str:
    below = min(int(at * (len(RAMP) - 1)), len(RAMP) - 2)
    return _mixed(RAMP[below], RAMP[below + 1], at * (len(RAMP) - 1) - below)


def _mixed(a: str, b: str, share: float) -> str:
    pairs = [(int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in pairs)

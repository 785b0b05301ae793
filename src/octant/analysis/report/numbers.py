"""Numbers as sentences say them: differences with their unit, intervals in one form, no more places than they bear."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil, log10
from typing import Protocol

from octant.analysis.comparison import Comparison
from octant.analysis.power import ENOUGH
from octant.analysis.question import Question
from octant.analysis.speed import REACHED, horizon_of
from octant.analysis.verdict import CONFIGURATION, Decision, Difference

MOST_NAMED = 4  # in a sentence
TINY = 1e-9  # what is smaller comes of rounding


class Count(Protocol):
    """How a number is written: in digits, or as a macro of a paper whose name says what it is.

    `name` says which number it is, and the `key` of which factor, levels or configurations, if of any.
    """

    def __call__(self, name: str, number: int | str, /, *key: str) -> str:
        """The number in a sentence."""


def plain_count(name: str, number: int | str, /, *key: str) -> str:
    """In digits."""
    return str(number)


def percent(alpha: float) -> str:
    """A level in words: `4 %`, `2.4 %`."""
    return f"{100 * alpha:.2g} %"


@dataclass(frozen=True)
class Phrases:
    """Differences and means of a question's endpoint in words, with their unit."""

    question: Question
    count: Count = plain_count

    def number(self, difference: Difference) -> str:
        """The gain, with as many places as it bears; a lead that is no longer shown is another macro."""
        kind = "VerdictLead" if difference.decision is Decision.BETTER else "VerdictOpenlead"
        return self.count(kind, _number(difference), *_key(difference))

    def interval(self, difference: Difference) -> str:
        """The one form of an interval: `0.7 to 1.0`."""
        places, key = _decimals_of(difference), _key(difference)
        low, high = f"{difference.low:.{places}f}", f"{difference.high:.{places}f}"
        return f"{self.count('VerdictLow', low, *key)} to {self.count('VerdictHigh', high, *key)}"

    def repeats(self, difference: Difference, needed: int) -> str:
        """How many repeats would decide it."""
        return self.count("VerdictRepeatsneeded", needed, *_key(difference))

    def p(self, difference: Difference) -> str:
        """Its adjusted p."""
        return self.count("VerdictPholm", f"{difference.p:.2g}", *_key(difference))

    def by(self, difference: Difference, with_interval: bool = True) -> str:
        """`about 0.9 points of test accuracy (0.7 to 1.0)`; `about 0.03 in test loss (0.02 to 0.04; lower is better)`;
        `about 3 epochs (2 to 4)`.
        """
        ends = self.interval(difference) if with_interval and difference.n >= ENOUGH else ""
        inner = "; ".join(each for each in (ends, self._lower()) if each)
        many = "" if _number(difference) == "1" else "s"
        unit = f"point{many} of {self.question.words}" if self.question.is_share else f"in {self.question.words}"
        unit = f"{self.question.unit.removesuffix('s')}{many}" if self.question.unit else unit
        about = "" if self.question.exact else "about "
        return f"{about}{self.number(difference)} {unit}{f' ({inner})' if inner else ''}"

    def gains(self, leads: Sequence[Difference], of: bool = True) -> str:
        """`0.6 to 1.4 points`: the smallest and the largest of one level's leads in several cells."""
        places = max(_decimals_of(each) for each in leads)
        ends = sorted({f"{each.gain:.{places}f}" for each in leads}, key=float)
        one, shared = leads[0], [at for at in leads[0].where if all(at in each.where for each in leads)]
        every = [name for name, _ in one.where if name not in dict(shared)]
        key = (one.about, one.first, *chain(*shared), *(["Each", *every] if every else []))
        if len(ends) > 1:
            phrase = f"{self.count('VerdictLeast', ends[0], *key)} to {self.count('VerdictMost', ends[-1], *key)}"
        else:
            phrase = f"{'' if self.question.exact else 'about '}{self.count('VerdictLead', ends[0], *key)}"
        unit = (" point" if ends == ["1"] else " points") if self.question.is_share else ""
        of_it = (f" of {self.question.words}" if self.question.is_share else f" in {self.question.words}") if of else ""
        of_it = f" {self.question.unit}" if self.question.unit else of_it
        low = f" ({self._lower()})" if of and self._lower() else ""
        return f"{phrase}{unit}{of_it}{low}"

    def beats(self, first: str, second: str, amount: str, where: str = "") -> str:
        """`tanh beats sigmoid {where} by {amount}`; `tanh reaches 90 % test accuracy {amount} earlier than sigmoid`."""
        if self.question.unit:
            return f"{first} reaches {self.question.target} {amount} earlier than {second}{where.rstrip(',')}"
        return f"{first} beats {second}{where} by {amount}"

    def leads(self, second: str, amount: str) -> str:
        """What goes after `tanh is best: `."""
        return self.beats("it", second, amount) if self.question.unit else f"ahead of {second} by {amount}"

    def ahead(self, first: str, second: str, amount: str) -> str:
        """`tanh is ahead of sigmoid by {amount}`; where time counts as in `beats`."""
        if self.question.unit:
            return self.beats(first, second, amount)
        return f"{first} is ahead of {second} by {amount}"

    def equal(self) -> str:
        """`equal within the margin of 0.5 points of test accuracy`; without a margin only exact numbers are equal."""
        return (
            f"equal {f'within the margin of {self.margin()}' if self.question.margin else f'in {self.question.words}'}"
        )

    def margin(self) -> str:
        """The declared margin: `0.5 points of test accuracy`."""
        margin = self.question.margin or 0
        number = self.count("Margin", f"{margin:g}")
        if self.question.unit and margin:
            return _plural_of(margin, self.question.unit, number)
        unit = "points of" if self.question.is_share else "in"
        return f"{number} {unit} {self.question.words}"

    def span(self, numbers: Sequence[float], *names: str) -> str:
        """`test accuracy between 98.3 and 98.6 %`, of the configurations that may be the best."""
        low, high = min(numbers), max(numbers)
        forms = (".1f", ".2f") if self.question.is_share else (".3g", ".5g")
        form = forms[f"{low:{forms[0]}}" == f"{high:{forms[0]}}"]
        a, b = f"{low:{form}}", f"{high:{form}}"
        if a != b:
            size = f"between {self.count('VerdictMeanleast', a)} and {self.count('VerdictMeanmost', b)}"
        else:
            size = self.count("VerdictMean", a, *names if len(names) == 1 else ())
        if self.question.unit:
            return f"{size} {self.question.words}"
        phrase = f"{self.question.words} {size}{' %' * self.question.is_share}"
        return f"{phrase}; {self._lower()}" if self._lower() else phrase

    def format(self) -> str:
        """The format of a mean in tables."""
        return ".2f" if self.question.is_share else ".1f" if self.question.unit == "epochs" else ".4g"

    def _lower(self) -> str:
        return "lower is better" if self.question.goal == "min" and not self.question.unit else ""

    def about_speed(self, comparison: Comparison, name: Callable[[str], str]) -> list[str]:
        """Sentences for the first screen; `name` gives a configuration in words."""
        question, count, summary = self.question, self.count, comparison.summary
        horizon, lines = horizon_of(comparison.runs, question), []
        if horizon is not None:
            lacking = summary[summary[REACHED] < summary["n"]]
            lost, runs = int((lacking["n"] - lacking[REACHED]).sum()), int(summary["n"].sum())
            few = [f"{name(row['config'])} in {count('Reached', row[REACHED], row['config'])} of "
                   f"{count('Finished', row['n'], row['config'])}" for _, row in lacking.iterrows()]  # fmt: skip
            many = f"{count('Short', len(lacking))} configurations, see the ranking"
            told, last = "; ".join(few) if len(few) <= MOST_NAMED else many, float(f"{horizon:.3g}")
            end = _plural_of(last, question.unit, count("Horizon", f"{last:g}"))
            lost_of = f"{count('Unreached', lost)} of {count('Finished', runs)}"
            lines.append(f"{lost_of} finished runs did not reach {question.target} (it was reached by {told}). "
                         f"No run counts for more than {end}, the least that those need: differences are those within "
                         f"the first {end}.")  # fmt: skip
        if not summary[REACHED].sum() if REACHED in summary else False:
            lines = ["Name a level that runs reach, or train for longer."]
        if question.unit == "seconds":
            lines.append("Seconds are the wall time that training took when each run was trained: whatever else the "
                         "machine did is in them.")  # fmt: skip
        return lines

    def about_endpoint(self) -> str:
        """What the endpoint is, after its name, in a sentence on how it was measured."""
        if self.question.unit:
            until = (
                "the first one after which"
                if self.question.unit == "epochs"
                else "from the first until that after which"
            )
            spent = "" if self.question.unit == "epochs" else ", of training alone"
            return f" ({until} a run is there{spent}; a run that never is counts up to its last one, as at least that)"
        return " (the mean of epochs 1 to the last)" if self.question.of_curve else " after the last epoch"


def _key(difference: Difference) -> tuple[str, ...]:
    """What the difference is of, in the order that names of macros have."""
    about = () if difference.about == CONFIGURATION else (difference.about,)
    return (*about, difference.first, "Minus", difference.second, *chain(*difference.where))


def _number(difference: Difference) -> str:
    return f"{difference.gain:.{_decimals_of(difference)}f}"


def _decimals_of(difference: Difference) -> int:
    """As many places as the interval makes sense of, and as many as it takes to say on which side of 0 an end is."""
    half = (difference.high - difference.low) / 2
    ends = (difference.low, difference.high) if difference.n >= ENOUGH and half > TINY else ()
    half = half if ends else abs(difference.gain) / 4
    borne = max(0, ceil(-log10(half))) if half > TINY else 0
    return max([borne, *(_places(each) for each in (difference.gain, *ends))])


def _places(size: float) -> int:
    """The fewest decimal places with which a number of this size is not 0; for 0 and NaN none."""
    return next((places for places in range(9) if abs(size) > TINY and float(f"{size:.{places}f}")), 0)


def _plural_of(number: float, unit: str, said: str = "") -> str:
    return f"{said or f'{number:g}'} {unit.removesuffix('s') if number == 1 else unit}"


def is_plural(name: str) -> bool:
    """Whether a factor's name is a plural: initial weights, hidden units; not loss, bias, axis."""
    return name[-1:] == "s" and name[-2:-1] not in "aisu"


def duration(seconds: float) -> str:
    """`10 seconds`, `2.5 minutes`, `40 minutes`, from 90 minutes on `2 hours`."""
    size, unit = (1, "seconds") if seconds < 60 else (60, "minutes") if seconds < 5400 else (3600, "hours")
    number = seconds / size
    return _plural_of(float(f"{number:.0f}" if number >= 10 else f"{number:.2g}"), unit)


def plural(number: int, noun: str, said: str = "") -> str:
    """`1 seed`, `10 seeds`; the number as it is `said`."""
    return f"{said or number} {noun}{'s' * (number != 1)}"


def listed(names: Iterable[object], link: str = "and") -> str:
    """Names in a row: a, b and c."""
    *head, last = [str(name) for name in names]
    return f"{', '.join(head)} {link} {last}" if head else last

"""Numbers as sentences say them: differences with their unit, intervals in one form, no more places than they bear."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil, log10

from octant.analysis.power import ENOUGH
from octant.analysis.question import Question
from octant.analysis.verdict import Difference

TINY = 1e-9  # what is smaller comes of rounding


Count = Callable[[str, int], str]  # how a number of things is written, from its name and itself


def plain_count(name: str, number: int) -> str:
    """In digits."""
    return str(number)


def by(difference: Difference, question: Question, with_interval: bool = True) -> str:
    """`about 0.9 points of test accuracy (0.7 to 1.0)`; `about 0.03 in test loss (0.02 to 0.04; lower is better)`;
    `about 3 epochs (2 to 4)`.
    """
    ends = interval(difference) if with_interval and difference.n >= ENOUGH else ""
    inner = "; ".join(each for each in (ends, _lower(question)) if each)
    many = "" if number(difference) == "1" else "s"
    unit = f"point{many} of {endpoint(question)}" if question.is_share else f"in {endpoint(question)}"
    unit = f"{question.unit.removesuffix('s')}{many}" if question.unit else unit
    return f"{'' if question.exact else 'about '}{number(difference)} {unit}{f' ({inner})' if inner else ''}"


def gains(leads: Sequence[Difference], question: Question, of: bool = True) -> str:
    """`0.6 to 1.4 points`."""
    places = max(_decimals_of(each) for each in leads)
    ends = sorted({f"{each.gain:.{places}f}" for each in leads}, key=float)
    phrase = f"{ends[0]} to {ends[-1]}" if len(ends) > 1 else f"{'' if question.exact else 'about '}{ends[0]}"
    unit = (" point" if ends == ["1"] else " points") if question.is_share else ""
    of_it = (f" of {endpoint(question)}" if question.is_share else f" in {endpoint(question)}") if of else ""
    of_it = f" {question.unit}" if question.unit else of_it
    low = f" ({_lower(question)})" if of and _lower(question) else ""
    return f"{phrase}{unit}{of_it}{low}"


def _lower(question: Question) -> str:
    return "lower is better" if question.goal == "min" and not question.unit else ""


def beats(first: str, second: str, amount: str, question: Question, where: str = "") -> str:
    """`tanh beats sigmoid {where} by {amount}`; `tanh reaches 90 % test accuracy {amount} earlier than sigmoid`."""
    if question.unit:
        return f"{first} reaches {question.target} {amount} earlier than {second}{where.rstrip(',')}"
    return f"{first} beats {second}{where} by {amount}"


def leads(second: str, amount: str, question: Question) -> str:
    """What goes after `tanh is best: `."""
    return beats("it", second, amount, question) if question.unit else f"ahead of {second} by {amount}"


def ahead(first: str, second: str, amount: str, question: Question) -> str:
    """`tanh is ahead of sigmoid by {amount}`; where time counts as in `beats`."""
    if question.unit:
        return beats(first, second, amount, question)
    return f"{first} is ahead of {second} by {amount}"


def endpoint(question: Question) -> str:
    """The endpoint in words."""
    return question.words


def format_of(question: Question) -> str:
    """The format of a mean in tables."""
    return ".2f" if question.is_share else ".1f" if question.unit == "epochs" else ".4g"


def number(difference: Difference) -> str:
    """The gain, with as many places as it bears."""
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


def interval(difference: Difference) -> str:
    """The one form of an interval: `0.7 to 1.0`."""
    places = _decimals_of(difference)
    return f"{difference.low:.{places}f} to {difference.high:.{places}f}"


def equal(question: Question) -> str:
    """`equal within the margin of 0.5 points of test accuracy`; without a margin only exact numbers are equal."""
    return f"equal {f'within the margin of {margin(question)}' if question.margin else f'in {endpoint(question)}'}"


def margin(question: Question) -> str:
    """The declared margin: `0.5 points of test accuracy`."""
    if question.unit and question.margin:
        return plural_of(question.margin, question.unit)
    unit = "points of" if question.is_share else "in"
    return f"{question.margin:g} {unit} {endpoint(question)}"


def plural_of(number: float, unit: str) -> str:
    """`1 epoch`, `0.5 epochs`."""
    return f"{number:g} {unit.removesuffix('s') if number == 1 else unit}"


def span(numbers: Sequence[float], question: Question) -> str:
    """`test accuracy between 98.3 and 98.6 %`."""
    low, high = min(numbers), max(numbers)
    forms = (".1f", ".2f") if question.is_share else (".3g", ".5g")
    form = forms[f"{low:{forms[0]}}" == f"{high:{forms[0]}}"]
    a, b = f"{low:{form}}", f"{high:{form}}"
    if question.unit:
        return f"{f'between {a} and {b}' if a != b else a} {endpoint(question)}"
    phrase = f"{endpoint(question)} {f'between {a} and {b}' if a != b else a}{' %' * question.is_share}"
    return f"{phrase}; {_lower(question)}" if _lower(question) else phrase


def is_plural(name: str) -> bool:
    """Whether a factor's name is a plural: initial weights, hidden units; not loss, bias, axis."""
    return name[-1:] == "s" and name[-2:-1] not in "aisu"


def the_best(name: str) -> str:
    """`the best optimizer`, or `best` where a level by itself is no hidden units."""
    return "best" if is_plural(name) else f"the best {name}"


def plural(count: int, noun: str) -> str:
    """`1 seed`, `10 seeds`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def listed(names: Iterable[object], link: str = "and") -> str:
    """Names in a row: a, b and c."""
    *head, last = [str(name) for name in names]
    return f"{', '.join(head)} {link} {last}" if head else last

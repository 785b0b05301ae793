"""The sentence and the table of `octant check`, in markdown for a pull request."""

from __future__ import annotations

from octant.analysis.check import Change, alpha_of
from octant.analysis.power import ENOUGH, MOST_REPEATS, repeats_needed
from octant.analysis.report.numbers import Phrases, plural
from octant.analysis.report.words import measured_over
from octant.analysis.verdict import Decision, Difference


def verdict_line(change: Change, attempt: int) -> str:
    """The decision, and how large the difference is; undecided says how many repeats would decide."""
    question, average = change.question, change.average
    if change.same:
        return f"equal: the same numbers in all {plural(change.runs, 'run')}"
    measured = f"on average over {plural(len(change.each), 'configuration')}, {plural(average.n, question.noun)}"
    if change.decision in (Decision.BETTER, Decision.WORSE):
        shown = average if change.decision is Decision.BETTER else average.turned
        chance = "" if question.exact else f"; p = {average.p:.2g}"
        by = Phrases(question).by(shown)
        return f"{change.decision}: HEAD is {change.decision} than BASE by {by}, {measured}{chance}"
    size = f"HEAD's gain over BASE is {Phrases(question).by(average)}, {measured}"
    if change.decision is Decision.EQUAL:
        return f"equal within the margin of {question.margin or 0:g}: {size}"
    if average.n < ENOUGH and not question.exact:
        return f"undecided: {plural(average.n, question.noun)}, and at least {ENOUGH} are needed"
    alpha = alpha_of(attempt + 1)  # with more repeats it is another attempt
    needed = repeats_needed(average.gain, average.sd, average.n, question.margin, alpha=alpha, confidence=1 - alpha,
                            floor=average.floor)  # fmt: skip
    here = f" on these {change.scope.examples:,} test examples" if average.floor else ""
    more = f"; about {needed} {question.noun}s would decide it"
    if needed is None:
        more = f"; {MOST_REPEATS:,} {question.noun}s{here} would not decide it" if average.sd > 0 else ""
    return f"undecided: {size}{more if question.noun != 'fold' else ''}"


def scope_line(change: Change) -> str:
    """Over what the intervals are, and whether they know that values were chosen; empty without intervals."""
    question = change.question
    if change.same or question.exact or change.repeats < ENOUGH:
        return ""
    names = " and ".join(question.tune)
    chosen = f" Each revision takes its own {names}; intervals include that choice." if names else ""
    return f"{measured_over(change)}{chosen}"


def markdown(change: Change, names: tuple[str, str], lines: list[str]) -> str:
    """The verdict and what the ledger says, then a row per configuration; `names` are those of BASE and HEAD.

    Where no number has changed, the verdict is all there is to say.
    """
    if change.same:
        return "\n".join([f"**{lines[0]}**", *([""] if lines[1:] else []), *lines[1:], ""])
    question = change.question
    unit, form = f"{question.words}{', %' if question.is_share else ''}", Phrases(question).format()
    head = f"| {unit} | {names[0]} | {names[1]} | gain | interval | |"
    rows = [
        f"| {_cell(name)} | {old:{form}} | {new:{form}} | {_row(change.each[name])} |"
        for name, (old, new) in change.means.items()
    ]
    foot = [f"| **average** | | | {_row(change.average)} |"] if len(rows) > 1 else []
    level = f"{100 * (1 - change.alpha):.4g} %"
    note = [] if question.exact or change.repeats < ENOUGH else [
        "", f"A gain above 0 is better. Intervals hold {level}: the average's for itself, the others together."
    ]  # fmt: skip
    return "\n".join(
        [f"**{lines[0]}**", "", *lines[1:], "", head, "|---|---|---|---|---|---|", *rows, *foot, *note, ""]
    )


def _row(one: Difference) -> str:
    interval = f"{one.low:+.3g} to {one.high:+.3g}" if one.low < one.high and one.n >= ENOUGH else ""
    return f"{one.gain:+.3g} | {interval} | {one.decision}"


def _cell(name: str) -> str:
    return name.replace("|", "\\|")

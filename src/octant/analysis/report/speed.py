"""What has to be said where epochs or seconds to a level are compared: who did not reach it, and what time is."""

from __future__ import annotations

from collections.abc import Callable

from octant.analysis.comparison import Comparison
from octant.analysis.question import Question
from octant.analysis.report.numbers import plural_of
from octant.analysis.speed import REACHED, horizon_of

MOST_NAMED = 4


def about_speed(comparison: Comparison, name: Callable[[str], str]) -> list[str]:
    """Sentences for the first screen; `name` gives a configuration in words."""
    question, summary = comparison.question, comparison.summary
    horizon, lines = horizon_of(comparison.runs, question), []
    if horizon is not None:
        lacking = summary[summary[REACHED] < summary["n"]]
        lost, runs = int((lacking["n"] - lacking[REACHED]).sum()), int(summary["n"].sum())
        few = [f"{name(row['config'])} in {row[REACHED]} of {row['n']}" for _, row in lacking.iterrows()]
        told = "; ".join(few) if len(few) <= MOST_NAMED else f"{len(few)} configurations, see the ranking"
        end = plural_of(float(f"{horizon:.3g}"), question.unit)
        lines.append(f"{lost} of {runs} finished runs did not reach {question.target} (it was reached by {told}). No "
                     f"run counts for more than {end}, the least that those need: differences are those within the "
                     f"first {end}.")  # fmt: skip
    if not summary[REACHED].sum() if REACHED in summary else False:
        lines = ["Name a level that runs reach, or train for longer."]
    if question.unit == "seconds":
        lines.append("Seconds are the wall time that training took when each run was trained: whatever else the "
                     "machine did is in them.")  # fmt: skip
    return lines


def about_endpoint(question: Question) -> str:
    """What the endpoint is, after its name, in a sentence on how it was measured."""
    if question.unit:
        until = "the first one after which" if question.unit == "epochs" else "from the first until that after which"
        spent = "" if question.unit == "epochs" else ", of training alone"
        return f" ({until} a run is there{spent}; a run that never is counts up to its last one, as at least that)"
    return " (the mean of epochs 1 to the last)" if question.of_curve else " after the last epoch"

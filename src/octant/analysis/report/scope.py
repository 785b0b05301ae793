"""Over what the answer holds, in words."""

from __future__ import annotations

from octant.analysis.comparison.scope import DATA
from octant.analysis.report.numbers import endpoint, listed, plural
from octant.analysis.verdict import Verdict


def measured_over(verdict: Verdict) -> str:
    """Seeds, splits or both, and what was held fixed."""
    scope, metric = verdict.scope, endpoint(verdict.question)
    data = next((noun for noun in DATA if noun in scope.kinds), "")
    others = [noun for noun in scope.kinds if noun != data]
    count = plural(verdict.repeats, verdict.question.noun)
    if not data:
        fixed = ". Whatever else was held fixed, such as the test set,"
        if scope.fixed_split:
            fixed = ", on one split of the data: another split"
        elif scope.own_test:
            fixed = ", on the data set's own test examples: other examples"
        return f"Measured over {count}{fixed} may move {metric} too."
    about = f"This holds over {listed(f'{noun}s' for noun in (*others, data))} of this data set, not for other data."
    if scope.crossed:
        seeds = f"{others[0]}s, which are no independent repeats"
        return f"Measured over {plural(verdict.repeats, data)}, in each the mean of several {seeds}. {about}"
    each = f", each a {others[0]} with a {data} of its own" if others else ""
    return f"Measured over {count}{each}. {about}"

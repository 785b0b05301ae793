"""Looks at a sweep that grows: whether all is decided by the runs there are, from their journals alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pandas as pd

from octant.analysis.comparison import answer
from octant.analysis.decide import verdict_of
from octant.analysis.speed import with_curve_endpoints
from octant.errors import InputError
from octant.tracking.journalled import curve_of, row_of

if TYPE_CHECKING:
    from octant.runs.sweep import Sweep


def is_decided(sweep: Sweep) -> bool:
    """Whether the verdict on the runs leaves nothing undecided; says on stderr where more repeats follow."""
    read = [(run, run.journal.read()) for run in sweep.runs]
    runs = pd.DataFrame([row_of(run.identity, history) for run, history in read])
    try:
        if sweep.question.of_curve:
            points = [line for run, history in read for line in curve_of(run.fingerprint, history)]
            runs = with_curve_endpoints(runs, pd.DataFrame(points), sweep.question)
        verdict = verdict_of(answer(runs, sweep.question, settings=sweep.varied))
    except InputError:  # more repeats would not make them comparable; the conclusion says why
        return True
    looks = verdict.looks
    if not verdict.is_decided and looks.repeats < looks.planned[-1]:
        then = looks.planned[len(looks.made)]
        noun = sweep.question.noun
        print(f"octant: not decided by {looks.repeats} {noun}s; {then - looks.repeats} more are trained, of at most "
              f"{looks.planned[-1]}", file=sys.stderr, flush=True)  # fmt: skip
    return verdict.is_decided

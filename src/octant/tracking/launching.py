"""One launch, from composed settings to what the store holds: what Hydra's plugin and the command line call."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from octant.errors import InputError, printable, without_credentials
from octant.runs.run import Outcome
from octant.runs.settings import parse_launch
from octant.trainer import trainer

if TYPE_CHECKING:
    from octant.analysis.question import Question
    from octant.runs.launch import Done
    from octant.runs.lines import History
    from octant.runs.sweep import Sweep


@dataclass(frozen=True)
class Launched:
    """A sweep that is over, and how; `endpoints` has a number for each configuration asked for, in that order.

    It is what a sweeper may choose by: the endpoint on validation data, never on test data. It is NaN for a run
    without, such as one that diverged or did not finish: every sweeper takes that for a bad choice, while Hydra's
    status FAILED would end its search. `chosen` says that a sweeper chose the runs by the endpoints of earlier ones.
    """

    sweep: Sweep
    done: Done
    endpoints: list[float]
    chosen: bool = False

    @property
    def outcomes(self) -> list[Outcome]:
        """How each configuration asked for ended."""
        return [self.sweep.endings[fingerprint].outcome for fingerprint in self.sweep.asked]


@dataclass(frozen=True)
class Command:
    """What was typed, and whether it asks for an experiment as its yaml declares it, or for one without a yaml."""

    words: Sequence[str]
    is_own: bool = True


launches: list[Launched] = []  # by this process; the command line says what came out of them
commands: list[Command] = []  # of this process: the last one launches


def launch(composed: Iterable[Mapping[str, object]], *, chosen: bool = False) -> Launched:
    """Check composed settings, train what is missing and deliver it; raises InputError before any work."""
    parsed = [parse_launch(each) for each in composed]
    # Only now: a wrong setting is answered without these.
    from octant.runs.growth import growth_of
    from octant.runs.sweep import prepare_sweep

    command = commands[-1] if commands else Command(sys.argv[1:])
    typed = without_credentials(shlex.join([*_program(parsed[0][1].trainer), *command.words]))
    growth = growth_of([settings for settings, _ in parsed], parsed[0][1], chosen=chosen)
    added = [(settings, parsed[0][1]) for settings in growth.added]
    sweep = prepare_sweep([*parsed, *added], typed, is_own=command.is_own, looks=growth.looks)
    asked = len(parsed)
    del parsed, added  # thousands of runs hold their settings; one launch is enough
    print(*(f"{printable(line)}\n" for line in sweep.readings), sep="", end="", flush=True)
    launched = _trained(growth.parts(sweep), asked, chosen=chosen)
    launches.append(launched)
    return launched


def _trained(parts: Iterable[Sweep], asked: int, *, chosen: bool) -> Launched:
    """Train and deliver each part, which has the one before in it, until nothing is undecided."""
    from octant.runs import launch as launched_runs

    trained = 0
    for part in parts:
        done = launched_runs.train_and_deliver(part)
        trained += len(part.runs) - part.skipped - len(part.unfinished)
        if part.unfinished or not part.question.looks or _is_decided(part):
            break
    part.skipped = len(part.runs) - trained - len(part.unfinished)
    return Launched(part, done, _endpoints(part)[:asked], chosen)


def _is_decided(sweep: Sweep) -> bool:
    """Whether the verdict on the runs leaves nothing undecided; says on stderr where more repeats follow."""
    import pandas as pd  # not before: it takes half a second

    from octant.analysis.comparison import answer
    from octant.analysis.decide import verdict_of
    from octant.analysis.speed import with_curve_endpoints
    from octant.tracking.journalled import curve_of, row_of

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


def _program(name: str) -> tuple[str, ...]:
    """What was typed before the settings: `octant`, or a person's own file."""
    trained = trainer(name)
    file = trained.reference.partition("::")[0]
    return trained.command if file and Path(sys.argv[0]).resolve() == Path(file) else ("octant",)


def together() -> Launched | None:
    """What this process has launched, as one sweep in the store: a sweeper that goes on from results launches often."""
    if len(launches) < 2:
        return launches[0] if launches else None
    from octant.runs import launch as launched_runs
    from octant.runs.sweep import union

    sweeps = [each.sweep for each in launches]
    whole = union(sweeps)
    missing = {name: ending for each in sweeps for name, ending in each.unfinished.items()}
    over = [run for run in whole.runs if run.fingerprint not in missing or run.journal.read().outcome]
    left = [run for run in whole.runs if run not in over]
    trained = sum(len(each.runs) - each.skipped - len(each.unfinished) for each in sweeps)
    whole.runs[:] = over
    done = launched_runs.train_and_deliver(whole)  # nothing is trained again
    whole.runs += left
    whole.endings |= {run.fingerprint: missing[run.fingerprint] for run in left}
    whole.skipped = len(over) - trained
    return Launched(whole, replace(done, code=max(done.code, bool(left))), _endpoints(whole), launches[0].chosen)


def _endpoints(sweep: Sweep) -> list[float]:
    question, found = sweep.question, {}
    names = [question.validation, *([] if question.metric.startswith("test_") else [question.endpoint])]
    for run in sweep.runs:
        history = run.journal.read()
        metrics = _results(history, question) if history.is_finished else {}
        found[run.fingerprint] = next((metrics[name] for name in names if name in metrics), math.nan)
    return [found[fingerprint] for fingerprint in sweep.asked]


def _results(history: History, question: Question) -> dict[str, float]:
    """The metrics of the last epoch, and what the question takes from their curves."""
    metrics = history.epochs[-1]["metrics"]
    if question.of_curve is None or question.metric not in metrics:
        return metrics
    import pandas as pd

    from octant.analysis.speed import with_curve_endpoints
    from octant.tracking.journalled import curve_of

    curves = pd.DataFrame(curve_of("", history))
    run = with_curve_endpoints(pd.DataFrame([{"fingerprint": "", "outcome": "finished"}]), curves, question).iloc[0]
    return metrics | {name: float(run[name]) for name in (question.endpoint, question.validation) if name in run}

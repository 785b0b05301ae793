"""One launch, from composed settings to what the store holds: what Hydra's plugin and the command line call."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from octant.errors import without_credentials
from octant.runs.settings import parse_launch

if TYPE_CHECKING:
    from octant.runs.launch import Done
    from octant.runs.sweep import Sweep


@dataclass(frozen=True)
class Launched:
    """A sweep that is over, and how; `endpoints` has a number for each configuration asked for, in that order.

    It is NaN for a run that diverged or did not finish: every sweeper takes that for a bad choice, while Hydra's
    status FAILED would end its search.
    """

    sweep: Sweep
    done: Done
    endpoints: list[float]


launches: list[Launched] = []  # by this process; the command line says what came out of them


def launch(composed: Iterable[Mapping[str, Any]]) -> Launched:
    """Check composed settings, train what is missing and deliver it; raises InputError before any work."""
    parsed = [parse_launch(each) for each in composed]
    # Only now: a wrong setting is answered without these.
    from octant.runs import launch as launched_runs
    from octant.runs.sweep import prepare

    command = without_credentials(shlex.join(["octant", *sys.argv[1:]]))
    sweep = prepare(parsed, command)
    print(*(f"{line}\n" for line in sweep.readings), sep="", end="", flush=True)
    launched = Launched(sweep, launched_runs.launch(sweep), _endpoints(sweep))
    launches.append(launched)
    return launched


def _endpoints(sweep: Sweep) -> list[float]:
    name, found = sweep.launch.experiment.endpoint, {}
    for run in sweep.runs:
        story = run.journal.read()
        finished = (story.outcome or {}).get("outcome") == "finished"
        found[run.fingerprint] = story.epochs[-1]["metrics"].get(name, math.nan) if finished else math.nan
    return [found[fingerprint] for fingerprint in sweep.asked]

"""The sweeps of an experiment in MLflow, each with the question that was declared when it was launched.

A run may be in several sweeps: its tag `sweep` holds all their names. What `report`, `promote` and the comparison link
take for the experiment is its declared sweep: the one with the settings of its yaml, or, for an experiment without a
yaml, the one launched last. Variants stand under their own names.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from octant.analysis.question import Question
from octant.errors import InputError, printable, unknown_word
from octant.seal import Json
from octant.tracking.store import Connection

if TYPE_CHECKING:
    from octant.runs.sweep import Sweep

DECLARED, NEWEST = "declared_sweep", "newest_sweep"
_SWEEP = "sweep."
_MOST_SWEEPS = 150  # of one run; MLflow's tags hold 5,000 characters
_MOST_COMMAND, _MOST_TEXT = 500, 3000  # characters


@dataclass(frozen=True)
class Declared:
    """What is known of a sweep without its runs; `varied` are all settings that differ between them."""

    sweep: str
    question: Question
    varied: tuple[str, ...]
    command: str = ""
    text: str = ""
    companion: str = ""
    shared_rate: float | None = None


def sweeps_with(before: str | None, sweep: str) -> str:
    """A run's tag `sweep` once it is in another sweep as well."""
    return " ".join([*(each for each in (before or "").split() if each != sweep), sweep][-_MOST_SWEEPS:])


def of_sweep(sweep: str) -> str:
    """MLflow's filter for the runs of a sweep."""
    return f"tags.sweep LIKE '%{sweep}%'"


def asked(sweep: Sweep) -> dict[str, object]:
    """What is kept of a sweep without its runs, for JSON: see Declared."""
    experiment = sweep.launch.experiment
    return {
        "question": sweep.question.as_dict(), "varied": sweep.varied,
        "command": str(sweep.runs[0].identity["provenance"]["command"])[:_MOST_COMMAND],
        "text": sweep.text[:_MOST_TEXT], "companion": experiment.companion or "", "shared_rate": experiment.shared_rate,
    }  # fmt: skip


def declare(connection: Connection, sweep: Sweep) -> None:
    """Keep the sweep's question, and its name as the newest; as the experiment's if it is no variant, nor one run."""
    tags = {f"{_SWEEP}{sweep.name}": json.dumps(asked(sweep), ensure_ascii=False), NEWEST: sweep.name}
    if sweep.is_own and (len(sweep.runs) > 1 or DECLARED not in _tags(connection)):
        tags[DECLARED] = sweep.name
    for key, value in tags.items():
        connection.client.set_experiment_tag(connection.experiment_id, key, value)


def declared_of(connection: Connection, sweep: str | None = None) -> Declared:
    """The sweep of that name or digest, or the experiment's own; raises InputError, one line, where there is none."""
    tags = _tags(connection)
    known = {printable(key[len(_SWEEP) :]): value for key, value in tags.items() if key.startswith(_SWEEP)}
    wanted = tags.get(DECLARED) if sweep is None else sweep
    found = next((each for each in known if wanted in (each, each.rpartition("-")[2])), None)
    if found is None:
        raise InputError(_none(connection.experiment, sweep, known))
    try:
        return read_declared(found, json.loads(printable(known[found]), strict=False))
    except (ValueError, TypeError, LookupError, RecursionError):
        raise InputError(
            f"experiment {connection.experiment}: its tag {_SWEEP}{found} was not written by octant"
        ) from None


def newest_of(connection: Connection) -> str | None:
    """The name of the sweep that was launched last."""
    return _tags(connection).get(NEWEST)


def read_declared(sweep: str, kept: dict[str, Json]) -> Declared:
    """What `asked` has kept of the sweep."""
    question: dict[str, Json] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in kept.pop("question").items()
    }
    return Declared(sweep, Question(**question), tuple(kept.pop("varied")), **kept)


def _tags(connection: Connection) -> dict[str, str]:
    return dict(connection.client.get_experiment(connection.experiment_id).tags)


def _none(experiment: str, sweep: str | None, known: dict[str, str]) -> str:
    if not known:
        return f"experiment {experiment} has no sweep yet; run: octant experiment={experiment}"
    if sweep is not None:
        return unknown_word(f"--sweep, of experiment {experiment}", sweep, known)
    variants = ", ".join([*known][-5:])
    return (
        f"experiment {experiment} as its yaml declares it was not run (octant experiment={experiment} does); "
        f"name one of its variants with --sweep: {variants}"
    )

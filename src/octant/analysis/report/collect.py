"""What the store holds of a sweep, the experiment's own or a named one; test examples come from the data set itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

import pandas as pd

from octant import home
from octant.errors import InputError
from octant.seal import Json
from octant.tracking.declared import Declared, declared_of
from octant.tracking.runs import read_curves, read_errors, read_runs, read_snapshots, read_source
from octant.tracking.store import Connection
from octant.trainer import DEFAULT, Pictures, Trainer, trainer
from octant.trainer.files import is_file


@dataclass(frozen=True)
class Material:
    """A sweep's runs (one row each), curves (one row per run and epoch), and test errors by fingerprint.

    `declared` has the question that was asked when the sweep was launched. `companion` has the runs of the experiment
    that gives each configuration its own learning rate, if the store or experiments/ has them for the same data.
    `pictures` is None where the test examples are no images, or not at hand. `snapshots` reads what some of the runs
    kept for people to look at, by configuration.
    """

    experiment: str
    declared: Declared
    runs: pd.DataFrame
    curves: pd.DataFrame
    errors: dict[str, dict[str, Json]] = field(default_factory=dict)
    companion: pd.DataFrame = field(default_factory=pd.DataFrame)
    pictures: Pictures | None = None
    snapshots: Callable[[pd.DataFrame], dict[str, dict[str, Json]]] = lambda runs: {}


def collect(connection: Connection, sweep: str | None = None) -> Material:
    """Read a sweep, by name or digest, or the experiment's own; raises InputError without finished runs."""
    declared = declared_of(connection, sweep)
    runs = read_runs(connection, declared.sweep, declared.question)
    if runs.empty:
        raise InputError(f"sweep {declared.sweep} has no finished runs; this trains them: {declared.command}")
    curves = read_curves(connection, runs)
    errors = read_errors(connection, runs)
    companion = _companion(connection, declared, runs)
    pictures = _pictures(connection, runs) if errors else None
    snapshots = partial(read_snapshots, connection)
    return Material(connection.experiment, declared, runs, curves, errors, companion, pictures, snapshots)


def _companion(connection: Connection, declared: Declared, runs: pd.DataFrame) -> pd.DataFrame:
    name = declared.companion
    found = connection.client.get_experiment_by_name(name) if name else None
    theirs, shipped = pd.DataFrame(), home.experiments() / name / "results.csv"
    if found is not None:
        other = replace(connection, experiment_id=found.experiment_id, experiment=name)
        with suppress(InputError):  # only variants of it were run
            theirs = read_runs(other, declared_of(other).sweep, declared.question)
    if theirs.empty and name and shipped.is_file():  # a fresh clone has what was found, and no runs yet
        theirs = pd.read_csv(shipped, float_precision="round_trip")
    same = not theirs.empty and set(theirs["dataset_digest"]) == set(runs["dataset_digest"])
    return theirs if same else pd.DataFrame()


def _pictures(connection: Connection, runs: pd.DataFrame) -> Pictures | None:
    try:
        return pictures_at_hand(read_source(connection, runs), runs)
    except (OSError, ValueError, TypeError, LookupError, RecursionError):  # such as a source that is not octant's
        return None


def pictures_at_hand(source: Json, runs: pd.DataFrame) -> Pictures | None:
    """The test examples of the data that all the runs were trained on; None where the report is to have no pictures."""
    trained = trainer_of(runs)
    is_known = trained and isinstance(source, dict) and "dtype" in runs
    found = trained.pictures(source, runs["dtype"].iloc[0]) if trained and is_known else None
    return found if found and set(runs["dataset_digest"]) == {found.digest} else None


def trainer_of(runs: pd.DataFrame) -> Trainer | None:
    """The trainer of the runs, where it is known and at hand. A file is not imported: it may have changed."""
    known = set(runs["trainer"].dropna()) if "trainer" in runs else {DEFAULT}
    name = str(known.pop()) if len(known) == 1 else ""
    try:
        return trainer(name) if name and not is_file(name) else None
    except InputError:
        return None

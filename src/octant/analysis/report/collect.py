"""What the store holds of a sweep, the experiment's own or a named one; the test set comes from the data set itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pandas as pd

from octant import home
from octant.errors import InputError
from octant.network.data import Dataset, load
from octant.network.settings import DataSettings
from octant.tracking.declared import Declared, declared_of
from octant.tracking.runs import read_curves, read_errors, read_runs, read_snapshots, read_source
from octant.tracking.store import Connection


@dataclass(frozen=True)
class Material:
    """A sweep's runs (one row each), curves (one row per run and epoch), and test errors by fingerprint.

    `declared` has the question that was asked when the sweep was launched. `companion` has the runs of the experiment
    that gives each configuration its own learning rate, if the store or experiments/ has them for the same data.
    `test` is None when the data set is not at hand. `snapshots` reads what some of the runs kept for people to look at,
    by configuration.
    """

    experiment: str
    declared: Declared
    runs: pd.DataFrame
    curves: pd.DataFrame
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    companion: pd.DataFrame = field(default_factory=pd.DataFrame)
    test: Dataset | None = None
    snapshots: Callable[[pd.DataFrame], dict[str, dict[str, Any]]] = lambda runs: {}


def collect(connection: Connection, sweep: str | None = None) -> Material:
    """Read a sweep, by name or digest, or the experiment's own; raises InputError without finished runs."""
    declared = declared_of(connection, sweep)
    runs = read_runs(connection, declared.sweep)
    if runs.empty:
        raise InputError(f"sweep {declared.sweep} has no finished runs; this trains them: {declared.command}")
    curves = read_curves(connection, runs)
    errors = read_errors(connection, runs)
    companion = _companion(connection, declared.companion, runs)
    test = _dataset(connection, runs) if errors else None
    snapshots = partial(read_snapshots, connection)
    return Material(connection.experiment, declared, runs, curves, errors, companion, test, snapshots)


def _companion(connection: Connection, name: str, runs: pd.DataFrame) -> pd.DataFrame:
    found = connection.client.get_experiment_by_name(name) if name else None
    theirs, shipped = pd.DataFrame(), home.experiments() / name / "results.csv"
    if found is not None:
        other = replace(connection, experiment_id=found.experiment_id, experiment=name)
        with suppress(InputError):  # only variants of it were run
            theirs = read_runs(other, declared_of(other).sweep)
    if theirs.empty and name and shipped.is_file():  # a fresh clone has what was found, and no runs yet
        theirs = pd.read_csv(shipped, float_precision="round_trip")
    same = not theirs.empty and set(theirs["dataset_digest"]) == set(runs["dataset_digest"])
    return theirs if same else pd.DataFrame()


def _dataset(connection: Connection, runs: pd.DataFrame) -> Dataset | None:
    try:
        settings = DataSettings(**read_source(connection, runs))
        dataset = load(settings, runs["dtype"].iloc[0], home.state() / "cache")
    except (OSError, ValueError, TypeError, LookupError, RecursionError):  # such as a source that is not octant's
        return None  # the report says that it has no pictures
    return dataset if set(runs["dataset_digest"]) == {dataset.digest} else None

"""What the store holds of an experiment's newest sweep; the pictures of the test set come from the data set itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from octant import home
from octant.errors import InputError
from octant.network.data import Dataset, load
from octant.network.settings import DataSettings
from octant.tracking.runs import read_curves, read_errors, read_runs, read_source
from octant.tracking.store import Connection
from octant.tracking.view import experiment_tags, newest_sweep


@dataclass(frozen=True)
class Material:
    """A sweep's runs (one row each), curves (one row a run and epoch), and test errors by fingerprint.

    `asked` holds what the experiment's yaml declares. `companion` has the runs of the experiment that gives each
    configuration its own learning rate, if the store or experiments/ has them for the same data. `test` is None when
    the data set is not at hand.
    """

    experiment: str
    sweep: str
    asked: dict[str, str]
    runs: pd.DataFrame
    curves: pd.DataFrame
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    companion: pd.DataFrame = field(default_factory=pd.DataFrame)
    test: Dataset | None = None


def collect(connection: Connection, sweep: str | None = None) -> Material:
    """Read a sweep, or the newest; raises InputError without finished runs."""
    sweep = sweep or newest_sweep(connection)
    runs = read_runs(connection, sweep) if sweep else pd.DataFrame()
    if sweep is None or runs.empty:
        name = connection.experiment
        raise InputError(f"experiment {name} has no finished runs; run: octant experiment={name}")
    asked, curves = experiment_tags(connection), read_curves(connection, runs)
    errors = read_errors(connection, runs)
    companion = _companion(connection, asked.get("companion", ""), runs)
    test = _dataset(connection, runs) if errors else None
    return Material(connection.experiment, sweep, asked, runs, curves, errors, companion, test)


def _companion(connection: Connection, name: str, runs: pd.DataFrame) -> pd.DataFrame:
    found = connection.client.get_experiment_by_name(name) if name else None
    theirs, shipped = pd.DataFrame(), home.experiments() / name / "results.csv"
    if found is not None:
        other = replace(connection, experiment_id=found.experiment_id, experiment=name)
        sweep = newest_sweep(other)
        theirs = read_runs(other, sweep) if sweep else theirs
    elif name and shipped.is_file():  # a fresh clone has what was found, and no runs yet
        theirs = pd.read_csv(shipped, float_precision="round_trip")
    same = not theirs.empty and set(theirs["dataset_digest"]) == set(runs["dataset_digest"])
    return theirs if same else pd.DataFrame()


def _dataset(connection: Connection, runs: pd.DataFrame) -> Dataset | None:
    try:
        settings = DataSettings(**read_source(connection, runs))
        dataset = load(settings, runs["dtype"].iloc[0], home.state() / "cache")
    except (InputError, OSError):
        return None  # the report says that it has no pictures
    return dataset if set(runs["dataset_digest"]) == {dataset.digest} else None

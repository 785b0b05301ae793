"""`octant promote NAME`: register the best configuration's best run, by validation accuracy, as champion."""

from __future__ import annotations

import argparse

import pandas as pd

from octant.analysis.report.findings import SETTINGS
from octant.errors import InputError, printable
from octant.models.logged import model_id_of
from octant.models.registry import CHAMPION, promote
from octant.models.verified import fetch
from octant.tracking.runs import read_runs
from octant.tracking.store import Connection, Store, connect, located
from octant.tracking.view import newest_sweep

_KEYS = ["config", "learning_rate", *SETTINGS]


def best_run(runs: pd.DataFrame) -> pd.Series:
    """The run (a row) with the best validation accuracy, within the configuration whose mean over seeds is best.

    A configuration is everything but the seed. A diverged run counts as 0 %; ties go to the smaller learning rate,
    then the smaller seed. `mean` and `n` are the configuration's. No test accuracy is read. Raises InputError without
    validation accuracies, and for runs on several data sets, whose validation examples differ.
    """
    finished = runs["outcome"] == "finished"
    if (runs["outcome"] == "diverged").all():
        raise InputError(
            f"all of its runs diverged ({len(runs)}): there is no model to promote; train with a smaller learning_rate"
        )
    if not (finished & runs["validation_accuracy"].notna()).any():
        raise InputError(
            "no run has a validation accuracy, and the test set may choose nothing; train with a validation part: "
            "dataset.validation_fraction=0.1"
        )
    if runs["dataset_digest"].nunique() > 1:
        raise InputError("the sweep has several data sets or splits; sweep one of them to choose among its runs")
    known = runs.assign(chosen_by=runs["validation_accuracy"].where(finished, 0.0))
    groups = known.groupby([name for name in _KEYS if name in known], dropna=False)["chosen_by"]
    known = known.assign(mean=groups.transform("mean").round(12), n=groups.transform("size"))
    order = ["mean", "config", "learning_rate", "fingerprint_group", "chosen_by", "seed"]
    known["fingerprint_group"] = groups.ngroup()
    best = known.sort_values(order, ascending=[False, True, True, True, False, True], kind="stable")
    return best.iloc[0]


def register(store: Store, experiment: str) -> str:
    """Promote the champion of the experiment's newest sweep; returns what was done, for the terminal."""
    connection = connect(store, experiment, create=False)
    sweep = newest_sweep(connection)
    runs = read_runs(connection, sweep) if sweep else pd.DataFrame()
    if sweep is None or runs.empty:
        raise InputError(f"experiment {experiment} has no finished runs; run: octant experiment={experiment}")
    try:
        best = best_run(runs)
    except InputError as error:
        raise InputError(f"experiment {experiment}: {error}") from None
    name = f"{best['config']} lr={best['learning_rate']:g} seed={best['seed']}"
    why = (
        f"{name}: the best validation accuracy ({100 * best['chosen_by']:.2f} %) of the configuration with the best "
        f"mean ({100 * best['mean']:.2f} % over {best['n']} seeds) in {sweep}"
    )
    tags = {"experiment": experiment, "sweep": sweep, "config": best["config"], "dataset": best["dataset"]}
    _refuse_damaged(store, connection, best["run_id"], name)
    version = promote(connection, best["run_id"], tags, why)
    return f"{CHAMPION} is now version {version}\n{why}\noctant serve and octant predict answer with it"


def _refuse_damaged(store: Store, connection: Connection, run_id: str, name: str) -> None:
    """What is no model must not become the champion: a disk or a power cut may have taken its files."""
    try:
        if model_id_of(connection.client, connection.experiment_id, run_id):
            fetch(store, run_id)
    except InputError as error:
        why = str(error).partition("; ")[0]
        raise InputError(
            f"{connection.experiment}: {name} is best, but its model is damaged; octant sync logs it again ({why})"
        ) from None


def arguments(parser: argparse.ArgumentParser) -> None:
    """The experiment."""
    parser.add_argument("experiment", help="name of the experiment, such as factorial")


def run(options: argparse.Namespace) -> int:
    """Promote, and say which run it is."""
    print(printable(register(located(options.uri), options.experiment)))
    return 0

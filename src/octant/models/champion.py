"""`octant promote NAME`: register the best configuration's best run, by validation accuracy, as champion."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import pandas as pd

from octant.analysis.comparison.design import charge
from octant.analysis.comparison.settings import as_word, config_names
from octant.analysis.question import Question
from octant.errors import InputError, printable
from octant.models.verified import ALIAS, CHAMPION, REGISTERED, fetch
from octant.tracking.declared import declared_of
from octant.tracking.model import model_id_of
from octant.tracking.runs import read_runs
from octant.tracking.store import Connection, Store, connect, located
from octant.trainer.subcommand import EXPERIMENT, SWEEP, Subcommand


def _best_run(runs: pd.DataFrame, question: Question) -> pd.Series:
    """The run (a row) with the best validation metric, within the configuration whose mean over repeats is best.

    A configuration is here one level of each factor and one value of each tuned setting. A diverged run counts as 0 %
    of a share that is to be large, else as the worst of all; ties go to the smaller tuned value, then the smaller
    repeat. `mean` and `n` are the configuration's. The endpoint is not read. Raises InputError without validation
    metrics, and for runs on several data sets, whose validation examples differ.
    """
    finished, metric = runs["outcome"] == "finished", question.validation
    if (runs["outcome"] == "diverged").all():
        raise InputError(f"all of its runs diverged ({len(runs)}): there is no model to promote; train with a smaller "
                         "learning_rate")  # fmt: skip
    if metric not in runs or not (finished & runs[metric].notna()).any():
        raise InputError(f"no run has a {question.validation_of.replace('_', ' ')}, and the test set may choose "
                         "nothing; train with a validation part: dataset.validation_fraction=0.1")  # fmt: skip
    if runs["dataset_digest"].nunique() > 1:
        raise InputError("the sweep has several data sets or splits; sweep one of them to choose among its runs")
    _, charged = charge(runs, question, metric)
    known = runs.assign(config=config_names(runs, question.compare), chosen_by=charged, gain=question.sign * charged)
    groups = known.groupby(["config", *question.tune], dropna=False)
    known = known.assign(mean=groups["chosen_by"].transform("mean"), n=groups["chosen_by"].transform("size"))
    known = known.assign(rank=(question.sign * known["mean"]).round(10))
    order = ["rank", "config", *question.tune, "gain", *question.repeat]
    best = known.sort_values(order, ascending=[name not in ("rank", "gain") for name in order], kind="stable")
    return best.iloc[0]


def _register(store: Store, experiment: str, sweep: str | None = None) -> str:
    """Promote the champion of a sweep, or of the experiment's own; returns what was done, for the terminal."""
    connection = connect(store, experiment, create=False)
    declared = declared_of(connection, sweep)
    question = declared.question
    runs = read_runs(connection, declared.sweep, question)
    if runs.empty:
        raise InputError(f"sweep {declared.sweep} has no finished runs; this trains them: {declared.command}")
    try:
        best = _best_run(runs, question)
    except InputError as error:
        raise InputError(f"experiment {experiment}: {error}") from None
    name = " ".join([best["config"], *(f"{each}={as_word(best[each])}" for each in (*question.tune, *question.repeat))])
    unit, metric = " %" if question.is_share else "", question.in_words(question.validation)
    why = (
        f"{name}: the best {metric} ({best['chosen_by']:.2f}{unit}) of the configuration "
        f"with the best mean ({best['mean']:.2f}{unit} over {best['n']} {question.noun}s) in {declared.sweep}"
    )
    tags = {"experiment": experiment, "sweep": declared.sweep, "config": best["config"], "dataset": best["dataset"]}
    _refuse_damaged(store, connection, best["run_id"], name)
    version = _promote(connection, best["run_id"], tags, why)
    return f"{CHAMPION} is now version {version}\n{why}\noctant serve and octant predict answer with it"


def _promote(connection: Connection, run_id: str, tags: Mapping[str, str], description: str) -> str:
    """Register the run's model, once, and give it the alias; returns the version. Raises InputError without a model."""
    import mlflow

    client = connection.client
    mlflow.set_tracking_uri(client.tracking_uri)  # the registry looks a models:/ address up there
    model_id = model_id_of(client, connection.experiment_id, run_id)
    if model_id is None:
        raise InputError(f"run {run_id} has no model in MLflow; train it anew: add rerun=true to its command")
    if not client.search_registered_models(f"name = '{REGISTERED}'"):
        about = "Classifiers trained by octant. The alias champion is the best by validation accuracy; see its tags."
        client.create_registered_model(REGISTERED, description=about)
    versions = client.search_model_versions(f"name = '{REGISTERED}' and tags.model_id = '{model_id}'")
    version = versions[0] if versions else client.create_model_version(
        REGISTERED, f"models:/{model_id}", run_id, {"model_id": model_id}, model_id=model_id,
    )  # fmt: skip
    client.update_model_version(REGISTERED, version.version, description)
    for key, value in tags.items():
        client.set_model_version_tag(REGISTERED, version.version, key, value)
    client.set_registered_model_alias(REGISTERED, ALIAS, version.version)
    return str(version.version)


def _refuse_damaged(store: Store, connection: Connection, run_id: str, name: str) -> None:
    """What is no model must not become the champion: a disk or a power cut may have taken its files."""
    try:
        if model_id_of(connection.client, connection.experiment_id, run_id):
            fetch(store, run_id)
    except InputError as error:
        why = str(error).partition("; ")[0]
        raise InputError(f"{connection.experiment}: {name} is best, but its model is damaged; octant sync logs it "
                         f"again ({why})") from None  # fmt: skip


def _run(options: argparse.Namespace) -> int:
    print(printable(_register(located(options.uri), options.experiment, options.sweep)))
    return 0


COMMAND = Subcommand(_run, EXPERIMENT, SWEEP)

"""The runs of kind `mean`: one per configuration and sweep, for MLflow's chart alone.

MLflow colours groups of runs by a hash, but a run by its tag. Such a run has neither the tag `sweep` nor a fingerprint,
so nothing that looks for runs finds it: no report, promotion, delivery or repetition.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from octant import home
from octant.analysis.means import Mean, Means
from octant.runs.disk import Busy, locked
from octant.tracking.declared import of_sweep
from octant.tracking.search import search
from octant.tracking.store import REPLACED, Connection

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

MEAN = "mean"
_PATIENCE_SECONDS = 60.0  # a hundred means take a tenth of that
_MOST_METRICS = 900  # MLflow's limit for one batch is 1000, params and tags included


def mean_filter(sweep: str) -> str:
    """MLflow's search for the means of a sweep."""
    return f"tags.kind = '{MEAN}' and tags.mean_of = '{sweep}'"


def log_means(connection: Connection, sweep: str, means: Means) -> None:
    """Let the store have these means of the sweep and no others; what is there already is left as it is.

    Two launches of one sweep take turns: each would discard what the other is about to complete.
    """
    with suppress(Busy), locked(home.state() / "means.lock", wait=_PATIENCE_SECONDS):
        _log_means(connection, sweep, means)


def _log_means(connection: Connection, sweep: str, means: Means) -> None:
    there: dict[str, Run] = {}
    for run in list(search(connection, mean_filter(sweep))):
        digest = run.data.tags.get("digest")
        if run.info.status != "FINISHED" or digest is None or digest in there:  # of a launch that was killed
            _discard(connection, run)
        else:
            there[digest] = run
    wanted = {mean.digest for mean in means.curves}
    for digest, run in there.items():
        if digest not in wanted:
            _discard(connection, run)
    now = int(time.time() * 1000) + len(means.curves)
    for place, mean in enumerate(means.curves):
        if mean.digest not in there:
            _log(connection, sweep, mean, means.endpoint, now - place)  # the best is the newest: MLflow lists it first
    _discard_orphans(connection, sweep)


def _log(connection: Connection, sweep: str, mean: Mean, endpoint: str, started: int) -> None:
    from mlflow.entities import Metric, Param, RunTag

    client = connection.client
    about = f"Mean of {mean.repeats} runs, and their lowest and highest {endpoint}: for the chart, no run itself."
    tags = {"kind": MEAN, "mean_of": sweep, "mlflow.runColor": mean.colour, "mlflow.source.name": "octant",
            "mlflow.note.content": about}  # fmt: skip
    run = client.create_run(connection.experiment_id, started, tags, mean.name)
    client.set_terminated(run.info.run_id, end_time=started)  # first: no kill leaves it RUNNING
    points = [Metric(name, value, started, epoch) for name, epoch, value in mean.points]
    params = [Param(name, value) for name, value in {**mean.settings, "repeats": str(mean.repeats)}.items()]
    for batch in _batches(points):
        client.log_batch(run.info.run_id, batch, params, synchronous=True)
        params = []
    client.log_batch(run.info.run_id, tags=[RunTag("digest", mean.digest)], synchronous=True)  # last: it is complete


def _batches(points: list[Metric]) -> list[list[Metric]]:
    return [points[at : at + _MOST_METRICS] for at in range(0, len(points), _MOST_METRICS)]


def _discard(connection: Connection, run: Run) -> None:
    connection.client.set_tag(run.info.run_id, REPLACED, "true", synchronous=True)
    connection.client.delete_run(run.info.run_id)


def _discard_orphans(connection: Connection, sweep: str) -> None:
    """Means of sweeps that have no run any more: a larger sweep has taken them all."""
    others: dict[str, list[Run]] = {}
    for run in search(connection, f"tags.kind = '{MEAN}' and tags.mean_of != '{sweep}'"):
        others.setdefault(run.data.tags["mean_of"], []).append(run)
    for other, runs in others.items():
        if not connection.client.search_runs([connection.experiment_id], of_sweep(other), max_results=1):
            for run in runs:
                _discard(connection, run)

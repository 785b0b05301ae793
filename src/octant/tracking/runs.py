"""Read a sweep back from the store as two tidy frames: one row per run, one row per run and epoch."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pandas as pd

from octant.analysis.endpoint import DURATION
from octant.analysis.question import Question
from octant.analysis.speed import with_curve_endpoints
from octant.errors import printable
from octant.runs.disk import read_json
from octant.seal import Json
from octant.tracking.declared import of_sweep
from octant.tracking.search import search
from octant.tracking.store import Connection
from octant.tracking.tables import Point, engine_of, points_of

if TYPE_CHECKING:
    from mlflow.entities import Run
    from requests import Response

SNAPSHOTS = "snapshots.json"  # what a trainer keeps of some epochs for people to look at
TEST_ERRORS = "test_errors.json"  # what a trainer of classifiers logs; see training.test_errors
# Metrics in the order of published tables; any other follows.
METRICS = ("train_accuracy", "test_accuracy", "validation_accuracy", "train_loss", "test_loss", "validation_loss")
# Tags that say where a run comes from; they decide no number.
PROVENANCE = ("command", "mlflow.source.git.commit", "git_state", "version_octant", "version_python", "version_numpy",
              "version_numba", "version_mlflow", "blas", "cpu", "platform", "determinism")  # fmt: skip
_RUNS_AT_ONCE, _POINTS_AT_ONCE = 100, 25_000  # MLflow's server answers no more


def read_runs(connection: Connection, sweep: str, question: Question | None = None) -> pd.DataFrame:
    """Finished runs of a sweep, one row each, sorted by configuration, learning rate and seed.

    Columns: config, loss, hidden, output, init, engine, dataset, dtype, seed, ..., learning_rate, the metrics of
    the last epoch (NaN where there is none), outcome, diverged_epoch, diverged_reason, fingerprint, the tags of
    PROVENANCE, trainer (its name or file), seconds_per_epoch (of the last one), run_id, artifacts. Where the `question`
    is about whole curves, its endpoint, too; raises InputError where the runs lack that curve.
    """
    found = search(connection, of_sweep(sweep))
    rows = [_row(run) for run in found if run.info.status == "FINISHED"]
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    keys = ["config", "learning_rate", "seed", "fingerprint", "ended"]
    frame = frame.sort_values([key for key in keys if key in frame], kind="stable").drop_duplicates(
        "fingerprint", keep="last"
    )
    frame = frame.drop(columns="ended").reset_index(drop=True)
    if question is None or question.of_curve is None:
        return frame
    needed = {question.metric, question.validation_of, *([DURATION] if question.unit == "seconds" else [])}
    return with_curve_endpoints(frame, read_curves(connection, frame, needed), question)


def read_curves(connection: Connection, runs: pd.DataFrame, keys: Collection[str] = ()) -> pd.DataFrame:
    """Every epoch of `runs`: columns fingerprint, epoch, and each metric that they have, or those of `keys`; sorted."""
    prints = dict(zip(runs["run_id"], runs["fingerprint"], strict=True))
    most = int(runs["epochs"].max()) + 1 if "epochs" in runs else _POINTS_AT_ONCE // _RUNS_AT_ONCE
    found = histories(connection, list(prints), keys or _metrics(connection, runs), most)
    long = pd.DataFrame(found, columns=["fingerprint", "epoch", "key", "value"])
    long["fingerprint"] = long["fingerprint"].map(prints)
    wide = long.pivot_table(index=["fingerprint", "epoch"], columns="key", values="value", dropna=False)
    return wide.dropna(how="all").reset_index().rename_axis(columns=None)


def _metrics(connection: Connection, runs: pd.DataFrame) -> list[str]:
    """What the runs of a sweep record each epoch: those tell that lack different things, finished ones if any."""
    finished = runs[runs["outcome"] == "finished"]
    kinds = (finished if len(finished) else runs).loc[lambda known: ~known.isna().duplicated(), "run_id"]
    metrics = set().union(*(connection.client.get_run(run).data.metrics for run in kinds))
    return sorted(metrics - {DURATION})


def read_errors(connection: Connection, runs: pd.DataFrame) -> dict[str, dict[str, Json]]:
    """Fingerprint -> what the run got wrong on the test set (see training.test_errors), of the runs that kept it."""
    with ThreadPoolExecutor(4) as readers:
        found = readers.map(lambda place: _errors(connection, place), runs["artifacts"])
        return {fingerprint: errors for fingerprint, errors in zip(runs["fingerprint"], found, strict=True) if errors}


def read_snapshots(connection: Connection, runs: pd.DataFrame) -> dict[str, dict[str, Json]]:
    """Configuration -> what its run kept for people to look at, of the runs that kept something."""
    with ThreadPoolExecutor(4) as readers:
        found = readers.map(lambda place: _errors(connection, place, SNAPSHOTS), runs["artifacts"])
        return {config: kept for config, kept in zip(runs["config"], found, strict=True) if kept}


def _errors(connection: Connection, artifacts: str, name: str = TEST_ERRORS) -> dict[str, Json] | None:
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if artifacts.startswith("file:"):  # reading the file is 50 times faster than asking MLflow for it
        return read_json(Path(url2pathname(urlsplit(artifacts).path)) / name)
    with TemporaryDirectory() as folder:
        file = Path(folder) / name
        repository = get_artifact_repository(artifacts, connection.client.tracking_uri)
        download: Callable[..., object] = repository._download_file
        try:
            download(name, str(file))  # MlflowClient's way asks four times as often
            return read_json(file)
        except (MlflowException, OSError):
            return None


def read_source(connection: Connection, runs: pd.DataFrame) -> dict[str, Json]:
    """The settings of the data set that the runs were trained on."""
    inputs = connection.client.get_run(runs["run_id"].iloc[0]).inputs
    return dict(json.loads(inputs.dataset_inputs[0].dataset.source)["split"]) if inputs else {}


def _row(run: Run) -> dict[str, object]:
    params, tags = ({key: printable(value) for key, value in each.items()} for each in (run.data.params, run.data.tags))
    metrics = run.data.metrics
    others = sorted(metrics.keys() - {*METRICS, DURATION})
    return {
        "config": tags["config"],
        **{name: value_of(text) for name, text in params.items()},
        **{name: metrics.get(name, float("nan")) for name in (*METRICS, *others)},
        "outcome": tags.get("outcome", "finished"),
        "diverged_epoch": int(tags["diverged_epoch"]) if "diverged_epoch" in tags else None,
        "diverged_reason": tags.get("diverged_reason"),
        "dataset_digest": tags["dataset_digest"],
        "fingerprint": tags["fingerprint"],
        **{name: tags.get(name) for name in PROVENANCE},
        "trainer": tags.get("trainer_file") or tags.get("trainer"),
        "seconds_per_epoch": metrics.get(DURATION, float("nan")),
        "run_id": run.info.run_id,
        "artifacts": run.info.artifact_uri,
        "ended": run.info.end_time,
    }


def value_of(text: str) -> int | float | str | None:
    """A setting as it was typed: MLflow keeps all of them as text."""
    if text == "None":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def histories(connection: Connection, run_ids: list[str], keys: Collection[str], most: int) -> Iterator[Point]:
    """(run_id, step, key, value) of some metrics of runs with at most `most` points of each.

    For many runs at once: a server answers in 1 ms per run and metric instead of 50.
    """
    if engine := engine_of(connection.client):
        yield from points_of(engine, run_ids, keys)
        return
    server = connection.client._tracking_client.store.get_host_creds()
    size = max(1, min(_RUNS_AT_ONCE, _POINTS_AT_ONCE // most))
    for key in keys:
        for first in range(0, len(run_ids), size):
            yield from _asked(server, run_ids[first : first + size], key)


def _asked(server: object, run_ids: list[str], key: str) -> Iterator[Point]:
    from mlflow.utils import rest_utils

    ask: Callable[..., Response] = rest_utils.http_request
    # What MLflow's own page asks; its client has no call for it.
    route = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
    answer = ask(server, route, "GET", params={"run_id": run_ids, "metric_key": key})
    for each in rest_utils.verify_rest_response(answer, route).json()["metrics"]:
        yield each["run_id"], int(each["step"]), key, float(each["value"])

"""Read a sweep back from the store as two tidy frames: one row a run, one row a run and epoch."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pandas as pd

from octant.journal import TEST_ERRORS, read_json
from octant.tracking.store import Connection, search

if TYPE_CHECKING:
    from mlflow.entities import Run

CURVES = ("train_accuracy", "test_accuracy", "validation_accuracy", "train_loss", "test_loss")
_WORDS = ("loss", "hidden", "output", "init", "engine", "dataset", "dtype", "targets", "order", "output_step",
          "hidden_error", "split_seed")  # fmt: skip
# Tags that say where a run comes from; they decide no number.
PROVENANCE = ("command", "mlflow.source.git.commit", "git_state", "version_octant", "version_python", "version_numpy",
              "version_numba", "version_mlflow", "blas", "cpu", "platform")  # fmt: skip
_WHOLE = ("seed", "epochs", "batch_size", "hidden_units", "n_train", "n_validation", "n_test")
_MOST = 1_000_000


def read_runs(connection: Connection, sweep: str) -> pd.DataFrame:
    """Finished runs of a sweep, one row each, sorted by configuration, learning rate and seed.

    Columns: config, loss, hidden, output, init, engine, dataset, dtype, seed, ..., learning_rate, the metrics of
    the last epoch (NaN where there is none), outcome, diverged_epoch, diverged_reason, fingerprint, the tags of
    PROVENANCE, seconds_per_epoch (of the last one), run_id, artifacts.
    """
    found = search(connection, f"tags.sweep = '{sweep}'")
    rows = [_row(run) for run in found if run.info.status == "FINISHED"]
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    keys = ["config", "learning_rate", "seed", "fingerprint", "ended"]
    frame = frame.sort_values(keys, kind="stable").drop_duplicates("fingerprint", keep="last")
    return frame.drop(columns="ended").reset_index(drop=True)


def read_curves(connection: Connection, runs: pd.DataFrame) -> pd.DataFrame:
    """Every epoch of `runs`: columns fingerprint, epoch, train_accuracy and test_accuracy, sorted."""
    prints = dict(zip(runs["run_id"], runs["fingerprint"], strict=True))
    points = [
        (prints[run_id], metric.step, key, metric.value)
        for key in CURVES[:2]
        for run_id, metric in _histories(connection, list(prints), key)
    ]
    long = pd.DataFrame(points, columns=["fingerprint", "epoch", "key", "value"])
    wide = long.pivot_table(index=["fingerprint", "epoch"], columns="key", values="value", dropna=False)
    return wide.dropna(how="all").reset_index().rename_axis(columns=None)


def read_errors(connection: Connection, runs: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Fingerprint -> what the run got wrong on the test set (see training.test_errors), of the runs that kept it."""
    columns = (runs["fingerprint"], runs["run_id"], runs["artifacts"])
    found = {fingerprint: _errors(connection, *where) for fingerprint, *where in zip(*columns, strict=True)}
    return {fingerprint: errors for fingerprint, errors in found.items() if errors}


def _errors(connection: Connection, run_id: str, artifacts: str) -> dict[str, Any] | None:
    from mlflow.exceptions import MlflowException

    if artifacts.startswith("file:"):  # reading the file is 50 times faster than asking MLflow for it
        return read_json(Path(url2pathname(urlsplit(artifacts).path)) / TEST_ERRORS)
    with TemporaryDirectory() as folder:
        try:
            return read_json(Path(connection.client.download_artifacts(run_id, TEST_ERRORS, folder)))
        except (MlflowException, OSError):
            return None


def read_source(connection: Connection, runs: pd.DataFrame) -> dict[str, Any]:
    """The settings of the data set that the runs were trained on."""
    inputs: Any = connection.client.get_run(runs["run_id"].iloc[0]).inputs
    return dict(json.loads(inputs.dataset_inputs[0].dataset.source)["split"])


def _row(run: Run) -> dict[str, Any]:
    params, tags, metrics = run.data.params, run.data.tags, run.data.metrics
    return {
        "config": tags["config"],
        **{name: params[name] for name in _WORDS},
        **{name: int(params[name]) for name in _WHOLE},
        "learning_rate": float(params["learning_rate"]),
        **{name: metrics.get(name, float("nan")) for name in (*CURVES, "validation_loss")},
        "outcome": tags.get("outcome", "finished"),
        "diverged_epoch": int(tags["diverged_epoch"]) if "diverged_epoch" in tags else None,
        "diverged_reason": tags.get("diverged_reason"),
        "dataset_digest": tags["dataset_digest"],
        "fingerprint": tags["fingerprint"],
        **{name: tags.get(name) for name in PROVENANCE},
        "seconds_per_epoch": metrics.get("seconds_per_epoch", float("nan")),
        "run_id": run.info.run_id,
        "artifacts": run.info.artifact_uri,
        "ended": run.info.end_time,
    }


def _histories(connection: Connection, run_ids: list[str], key: str) -> list[tuple[str, Any]]:
    # The SQL store answers for many runs at once (0.1 ms a run instead of 2); a server is asked run by run.
    bulk = getattr(connection.client._tracking_client.store, "get_metric_history_bulk", None)
    if bulk is not None:
        chunks = [run_ids[i : i + 500] for i in range(0, len(run_ids), 500)]
        return [(each.run_id, each) for chunk in chunks for each in bulk(chunk, key, _MOST)]
    return [(run_id, each) for run_id in run_ids for each in connection.client.get_metric_history(run_id, key)]

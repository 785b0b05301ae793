"""Figures of single runs, as their artifacts: confusion matrix, hidden units' weights, misclassified test examples.

They take 0.3 s per run, more than training it on the digits: so a single run and, of a sweep, the median run of
the configuration that ranks first get them by themselves, any other on demand: `octant portraits RUN_ID ...`.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from octant import home
from octant.errors import InputError, printable
from octant.models.verified import fetch
from octant.network.data import Dataset, load
from octant.network.initialisers import Parameters
from octant.network.network import build, forward
from octant.network.settings import DataSettings, Settings
from octant.network.trainer import data, dataset_of
from octant.network.training import test_errors, train
from octant.runs.worker import same_data
from octant.seal import Json
from octant.tracking.store import Store, client_of, located
from octant.tracking.stored import read_run
from octant.trainer import Pictures
from octant.trainer.subcommand import Subcommand, option

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from octant.analysis.figures import Drawing

FOLDER, TAG = "figures", "portrait"
_MOST_WRONG = 24


def pictures(source: Mapping[str, Json], dtype: str) -> Pictures | None:
    """The test part of the data set with these settings; None where it is not at hand, or where it is no images."""
    try:
        dataset = load(DataSettings(**source), dtype, home.state() / "cache")
    except (OSError, ValueError, TypeError):
        return None
    shape = dataset.image_shape
    return Pictures(dataset.digest, dataset.test.X.reshape(-1, *shape)) if shape else None


def log_figures(store: Store, client: MlflowClient, run_ids: Sequence[str]) -> None:
    """Log the figures of runs that do not have them yet; a run without a model, such as a diverged one, has none."""
    for run_id in run_ids:
        tags = client.get_run(run_id).data.tags
        if tags.get("outcome") == "finished" and TAG not in tags:
            _log_one(store, client, run_id)


def _log_one(store: Store, client: MlflowClient, run_id: str) -> None:
    from octant.analysis.figures import as_png  # not above: matplotlib reads the environment when it is imported

    run = read_run(store, run_id)
    settings = run.settings
    try:
        same_data(data(settings), run.tags["dataset_digest"])
        dataset = dataset_of(settings.dataset, settings.dtype)
    except InputError as error:  # the run stands
        print(printable(f"octant: no figures of run {run_id}: {error}"), file=sys.stderr)
        return
    with np.load(io.BytesIO(fetch(store, run_id).weights), allow_pickle=False) as stored:
        parameters = Parameters(*(stored[name] for name in Parameters._fields))
    with TemporaryDirectory(prefix="octant-") as folder:
        for name, drawing in _portraits_of(settings, dataset, parameters):
            (Path(folder) / f"{name}.png").write_bytes(as_png(drawing.figure))
        client.log_artifacts(run_id, folder, FOLDER)
    client.set_tag(run_id, TAG, FOLDER, synchronous=True)


def _portraits_of(settings: Settings, dataset: Dataset, parameters: Parameters) -> Iterator[tuple[str, Drawing]]:
    """Name and drawing of all that can be drawn of one run."""
    from octant.analysis import figures

    network = build(settings.loss, settings.hidden, settings.output)
    errors = test_errors(dataset, forward(network, parameters, dataset.test.X).A2.argmax(axis=1))
    wrong, examples = np.array(errors["wrong"], dtype=int).reshape(-1, 3), np.array(errors["examples"])
    matrix, names = np.zeros((len(examples), len(examples))), errors["class_names"]
    np.add.at(matrix, (wrong[:, 1], wrong[:, 2]), 1)
    yield (
        "confusion",
        figures.confusion_figure({settings.configuration: 100 * matrix / np.maximum(examples, 1)[:, None]}, names),
    )
    if dataset.inputs == 2:
        yield "boundary", _boundaries(settings, dataset)
    if dataset.image_shape:
        weights, units = (parameters.W1, "hidden units") if network.has_hidden_layer else (parameters.W2, "outputs")
        yield "weights", figures.weights_figure(weights, dataset.image_shape, units)
        if len(shown := wrong[:_MOST_WRONG]):
            images = dataset.test.X[shown[:, 0]].reshape(-1, *dataset.image_shape)
            words = [f"{names[label]} read as {names[answer]}" for _, label, answer in shown]
            yield "misclassified", figures.pictures_figure(images, words)


def _boundaries(settings: Settings, dataset: Dataset) -> Drawing:
    """Training in the plane takes moments: it is repeated for what each epoch says of every point."""
    from octant.analysis import figures

    network = build(settings.loss, settings.hidden, settings.output)
    last, points = settings.epochs, figures.grid_of(dataset.test.X)[0].astype(settings.dtype)
    shown = {0, last, *(2**power for power in range(20) if 2**power < last)}
    chosen = sorted(shown)[:1] + sorted(shown)[1:][-7:]
    predicted = {
        record.epoch: forward(network, record.parameters, points).A2.argmax(axis=1)
        for record in train(settings.model_copy(update={"diagnostics": False}), dataset)
        if record.epoch in chosen and not record.diverged
    }
    return figures.boundary_figure(predicted, dataset.test.X, dataset.test.labels, dataset.class_names)


def _run(options: argparse.Namespace) -> int:
    store = located(options.uri)
    for run_id in options.run_ids:
        read_run(store, run_id)
    client = client_of(store, create=False)
    log_figures(store, client, options.run_ids)
    for run_id in options.run_ids:
        has = TAG in client.get_run(run_id).data.tags
        print(f"{run_id}: {'its figures are' if has else 'it has no figures: no'} artifacts under {FOLDER}/")
    return 0


COMMAND = Subcommand(_run, option("run_ids", nargs="+", metavar="RUN_ID", help="MLflow's id of a run"))

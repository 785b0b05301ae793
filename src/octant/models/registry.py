"""Logged models read back, checked, and registered: the registered model `octant`, whose alias `champion` is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from octant.errors import InputError
from octant.models.logged import PROBABILITIES, Config
from octant.models.verified import fetch
from octant.network.activations import Array
from octant.tracking.model import model_id_of
from octant.tracking.store import Connection, Store

REGISTERED, ALIAS = "octant", "champion"
CHAMPION = f"models:/{REGISTERED}@{ALIAS}"


@dataclass(frozen=True)
class _Loaded:
    """A model that can answer: `config` as in MLmodel (see classifier.py), `predict` X (n, d) -> (n, k).

    `predict` raises InputError for what cannot be an input.
    """

    config: Config
    probabilities: str
    predict: Callable[[Array], Array]


def promote(connection: Connection, run_id: str, tags: Mapping[str, str], description: str) -> str:
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


def load_model(store: Store, model: str) -> _Loaded:
    """The model, ready to answer; raises InputError as `fetch` does, and for weights that cannot be right."""
    verified = fetch(store, model)
    from mlflow import pyfunc
    from mlflow.exceptions import MlflowException

    with TemporaryDirectory(prefix="octant-") as folder:
        verified.write(Path(folder))
        try:
            loaded = pyfunc.load_model(folder)
        except Exception as error:  # noqa: BLE001 - whatever the weights of a stranger's folder bring about
            problem = error.message if isinstance(error, MlflowException) else f"cannot be loaded: {error!r}"
            raise InputError(f"{model}: {problem}") from None

    def predict(X: Array) -> Array:
        try:
            return np.asarray(loaded.predict(X))
        except MlflowException as error:
            raise InputError(error.message) from None

    return _Loaded(verified.config, PROBABILITIES[verified.config["output"]], predict)

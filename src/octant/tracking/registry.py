"""Logged models read back, checked, and registered: the registered model `octant`, whose alias `champion` is served."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from octant.errors import InputError
from octant.tracking.models import EXECUTED, NAME, digest_of
from octant.tracking.store import Connection, Store, client_of

REGISTERED, ALIAS = "octant", "champion"
CHAMPION = f"models:/{REGISTERED}@{ALIAS}"


@dataclass(frozen=True)
class Loaded:
    """A model that can answer: `config` as in MLmodel (see classifier.py), `predict` X (n, d) -> (n, k).

    `predict` raises InputError for what cannot be an input.
    """

    config: dict[str, Any]
    probabilities: str
    predict: Callable[[Any], Any]


def promote(connection: Connection, run_id: str, tags: Mapping[str, str], description: str) -> str:
    """Register the run's model, once, and give it the alias; returns the version. Raises InputError without a model."""
    import mlflow

    client = connection.client
    mlflow.set_tracking_uri(client.tracking_uri)  # the registry looks a models:/ address up there
    found = client.search_logged_models([connection.experiment_id], f"source_run_id = '{run_id}'", max_results=1)
    if not found:
        raise InputError(f"run {run_id} has no model in MLflow; train it anew: add rerun=true to its command")
    model_id = found[0].model_id
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


def fetch(store: Store, model: str) -> Path:
    """The folder of a model, its weights and code checked against what the store and MLmodel recorded.

    `model` is a folder, a run's id, or an address of MLflow's (models:/octant@champion, runs:/<id>/model). Raises
    InputError, one line, for a model that is not there, is not octant's, or was tampered with.
    """
    client = client_of(store, create=False)
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    described: Any
    mlflow.set_tracking_uri(store.uri)
    mlflow.set_registry_uri(store.uri)
    address = f"runs:/{model}/{NAME}" if re.fullmatch("[0-9a-f]{32}", model) else model
    try:
        folder = Path(address) if Path(address).is_dir() else Path(mlflow.artifacts.download_artifacts(address))
        described = Model.load(str(folder))
        flavor = described.flavors["python_function"]
        if {name: flavor.get(name) for name in EXECUTED} != EXECUTED or "code" in flavor:
            raise ValueError("its MLmodel names other code than octant's")
        if "sha256" not in described.metadata:
            raise ValueError("an older octant logged it; train its run anew: rerun=true")
        recorded = {described.metadata["sha256"], *_recorded(client, described.model_id)}
        found = digest_of(flavor["config"], lambda name: (folder / name).read_bytes())
    except (MlflowException, OSError, KeyError, TypeError, ValueError) as error:
        remedy = f"register one: make promote EXPERIMENT=factorial (store: {store.shown})"
        said = " ".join(str(error).split())[:150]
        raise InputError(f"{model} is no model of octant's that can be read ({said}); {remedy}") from None
    if recorded != {found}:
        raise InputError(
            f"{model}: its weights, code or config is not what the run logged, the SHA-256 differs; do not use it"
        )
    return folder


def _recorded(client: Any, model_id: str | None) -> set[str]:
    """The digest that the store has of a logged model; none where it does not know the model, such as a copy's."""
    from mlflow.exceptions import MlflowException

    try:
        return {client.get_logged_model(model_id).tags["sha256"]}
    except (MlflowException, KeyError):
        return set()


def load(store: Store, model: str) -> Loaded:
    """The model, ready to answer; raises InputError as `fetch` does, and for weights that cannot be right."""
    folder = fetch(store, model)
    from mlflow import pyfunc
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    described: Any = Model.load(str(folder))
    try:
        loaded = pyfunc.load_model(str(folder))
    except MlflowException as error:
        raise InputError(f"{model}: {error.message}") from None
    config = described.flavors["python_function"]["config"]

    def predict(X: Any) -> Any:
        try:
            return loaded.predict(X)
        except MlflowException as error:
            raise InputError(error.message) from None

    return Loaded(config, described.metadata["probabilities"], predict)

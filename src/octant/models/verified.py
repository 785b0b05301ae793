"""A logged model's bytes, checked before any of them is executed.

Whoever can write artifact files can write MLmodel, too, so nothing in a folder can vouch for it. The store alone says
which model an address means and which digest that model has. A bare folder has no store: its weights may be anybody's,
its code must be this octant's. What was checked is kept in memory, and MLflow loads a copy made from that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import yaml
from pydantic import TypeAdapter

from octant.errors import InputError, printable
from octant.models.logged import CODE, EXECUTED, Config, digest_of, shipped_code, write_model
from octant.tracking.model import NAME, model_id_of
from octant.tracking.store import Store, client_of, must_answer
from octant.tracking.stored import plain_yaml

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

REGISTERED, ALIAS = "octant", "champion"  # the registered model, and the alias of the version that is served
CHAMPION = f"models:/{REGISTERED}@{ALIAS}"
WEIGHTS = "weights.npz"
ADDRESSES = (
    f"allowed are a run's id, runs:/ID/{NAME}, models:/NAME@ALIAS, models:/NAME/VERSION, models:/m-ID and a folder"
)
_CONFIG = TypeAdapter(Config)
_FLAVOR = {*EXECUTED, "config", "env", "python_version", "streamable"}


@dataclass(frozen=True)
class _Verified:
    """A model whose config, weights and code were checked."""

    config: Config
    weights: bytes
    code: Mapping[str, bytes]

    def write(self, folder: Path) -> None:
        """Make an MLflow model of it in a folder that nobody else can write; all else in it is octant's own."""
        write_model(folder, self.config, self.weights, code=self.code)


def fetch(store: Store, model: str) -> _Verified:
    """The model under an address (see ADDRESSES), checked against what the store has recorded.

    Raises InputError, one line, for a model that is not there, is not octant's, or was tampered with.
    """
    client = client_of(store, create=False)
    from mlflow.exceptions import MlflowException

    try:
        model_id = _model_id(client, model)
        recorded = None if model_id is None else _recorded(client, model_id)
        files = _files(Path(model)) if model_id is None else _downloaded(store, model_id)
        config, own = _described(files["MLmodel"])
        found = digest_of(config, files.__getitem__)
    except (MlflowException, OSError, LookupError, TypeError, ValueError, RecursionError, yaml.YAMLError) as error:
        must_answer(client)
        remedy = f"register one: octant promote factorial (store: {store.shown})"
        problem = printable(" ".join(str(error).split())[:200])
        raise InputError(f"{model} is no model of octant's that can be read ({problem}); {remedy}") from None
    if {found} != {own, recorded or own}:
        raise InputError(f"{model}: its weights, code or config is not what the run logged, the SHA-256 differs; do "
                         "not use it")  # fmt: skip
    code = {name: files[name] for name in CODE}
    if recorded is None and code != shipped_code():
        raise InputError(f"{model}: the code in this folder is not this octant's, and no store vouches for it; name "
                         "the model by its run's id or its models:/ address")  # fmt: skip
    return _Verified(config, files[WEIGHTS], code)


def _model_id(client: MlflowClient, address: str) -> str | None:
    """The id of the model that the store has under an address; None for a folder."""
    if found := re.fullmatch(f"runs:/([0-9a-f]{{32}})/{NAME}/?|([0-9a-f]{{32}})", address):
        return _of_run(client, found[1] or found[2])
    if found := re.fullmatch("models:/(m-[0-9a-f]{32})", address):
        return found[1]
    if found := re.fullmatch("models:/([^/@]+)@([^/@]+)", address):
        return _of_version(client.get_model_version_by_alias(found[1], found[2]))
    if found := re.fullmatch("models:/([^/@]+)/([0-9]+)", address):
        return _of_version(client.get_model_version(found[1], found[2]))
    if not Path(address).is_dir():
        raise ValueError(ADDRESSES)
    return None


def _of_run(client: MlflowClient, run_id: str) -> str:
    found = model_id_of(client, client.get_run(run_id).info.experiment_id, run_id)
    if found is None:
        raise ValueError("the run has no model; train it anew: rerun=true")
    return found


def _of_version(version: ModelVersion) -> str:
    source = re.fullmatch("models:/(m-[0-9a-f]{32})", version.source or "")
    if not source:
        raise ValueError("octant did not register this version")
    return source[1]


def _recorded(client: MlflowClient, model_id: str) -> str:
    digest = client.get_logged_model(model_id).tags.get("sha256")
    if not digest:
        raise ValueError("the store has no SHA-256 of it: an older octant logged it; train its run anew: rerun=true")
    return str(digest)


def _downloaded(store: Store, model_id: str) -> dict[str, bytes]:
    import mlflow

    mlflow.set_tracking_uri(store.uri)
    mlflow.set_registry_uri(store.uri)
    with TemporaryDirectory(prefix="octant-") as scratch:
        return _files(Path(mlflow.artifacts.download_artifacts(f"models:/{model_id}", dst_path=scratch)))


def _files(folder: Path) -> dict[str, bytes]:
    """The files that decide; each is read once, so that nobody can change it between check and use."""
    for name in (paths := ("MLmodel", WEIGHTS, *CODE)):
        if not (folder / name).is_file():
            raise ValueError(f"it has no file {name}")
    return {name: (folder / name).read_bytes() for name in paths}


def _described(content: bytes) -> tuple[Config, str]:
    """Config and SHA-256 as MLmodel has them; raises ValueError where it names other code than octant's."""
    about = plain_yaml(content)
    flavor = about["flavors"].get("python_function", {})
    named = {name: flavor.get(name) for name in EXECUTED}
    if len(about["flavors"]) != 1 or named != EXECUTED or not set(flavor) <= _FLAVOR:
        raise ValueError("its MLmodel names other code than octant's")
    if "sha256" not in about["metadata"]:
        raise ValueError("an older octant logged it; train its run anew: rerun=true")
    _CONFIG.validate_python(flavor["config"])
    return flavor["config"], str(about["metadata"]["sha256"])

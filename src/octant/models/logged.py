"""A finished run's model for MLflow, built from the journal's checkpoint.

`mlflow.pyfunc.log_model` takes over a second; a sweep has hundreds of runs. So the folder is built here, with MLflow's
own classes for what it reads back, and sent through its client.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NotRequired

import numpy as np
from pydantic import ConfigDict, PositiveInt, with_config
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from octant.errors import InputError
from octant.network import activations
from octant.network.initialisers import Parameters
from octant.runs.journal import Journal
from octant.runs.lines import History, Identity
from octant.seal import Json
from octant.tracking.model import NAME, Model

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

CODE = ("model.py", "activations.py")
PROBABILITIES = {
    "softmax": "one probability a class; each row sums to 1",
    "sigmoid": "one probability a class, each for itself; a row need not sum to 1",
}
_EXAMPLE, _SERVING = "input_example.json", "serving_input_example.json"


@with_config(ConfigDict(strict=True, extra="allow"))  # a newer octant's may hold more
class Config(TypedDict):
    """What a model must know besides its weights; see classifier.py. `sha256` is that of weights.npz."""

    hidden: str
    output: Literal["softmax", "sigmoid"]
    dataset: NotRequired[str]
    inputs: PositiveInt
    classes: PositiveInt
    class_names: NotRequired[list[str]]
    input_names: NotRequired[list[str]]
    scale: float
    image_shape: list[PositiveInt] | None
    sha256: str


def model_of(journal: Journal, identity: Identity, history: History) -> Model:
    """The model of a finished run, from its checkpoint; raises InputError where that cannot be read."""
    checkpoint = journal.load_checkpoint()
    if checkpoint is None or checkpoint[0] != len(history.epochs) - 1:  # damaged this moment
        raise InputError(f"{journal.folder}/checkpoint.npz cannot be read; the command that trained the run mends it")
    epoch, state = checkpoint
    weights = _packed(Parameters(*(np.asarray(state[name]) for name in Parameters._fields)))
    config, example = _config_of(identity, weights), identity["dataset"]["example"]
    digest = digest_of(config, (_fixed() | {"weights.npz": weights}).__getitem__)
    tags = {"config": identity["configuration"], "fingerprint": journal.fingerprint}
    shown = {key: str(value) for key, value in config.items() if key in ("hidden", "output", "inputs", "classes")}

    def write(folder: Path, run_id: str, model_id: str) -> None:
        write_model(folder, config, weights, example=example, run_id=run_id, model_id=model_id)

    return Model(epoch, digest, tags, shown, write)


def digest_of(config: Config, read: Callable[[str], bytes]) -> str:
    """SHA-256 over the digests of what decides a model's answers; `read` gives a file's content."""
    decisive = [json.dumps(config, sort_keys=True).encode()]
    decisive += [read(name) for name in ("weights.npz", *CODE)]
    return hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in decisive)).hexdigest()


def digest_in(identity: Identity, artifacts: Path, model_id: str) -> str | None:
    """The digest of a run's logged model as its files are; None where one is missing or empty."""
    folder = artifacts.parents[1] / "models" / model_id / "artifacts"
    try:
        if any((folder / name).stat().st_size == 0 for name in FILES):
            return None
        config = _config_of(identity, (folder / "weights.npz").read_bytes())
        return digest_of(config, lambda name: (folder / name).read_bytes())
    except OSError:
        return None


def _packed(parameters: Parameters) -> bytes:
    """The parameters as .npz; the same parameters give the same bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **parameters._asdict())
    return buffer.getvalue()


def _config_of(identity: Identity, weights: bytes) -> Config:
    """What the model must know besides its weights."""
    settings, data = identity["settings"], identity["dataset"]
    config: Config = {
        "hidden": settings["hidden"], "output": settings["output"], "dataset": data["name"], "inputs": data["inputs"],
        "classes": data["classes"], "scale": data["scale"], "image_shape": data["image_shape"],
        "sha256": hashlib.sha256(weights).hexdigest(),
    }  # fmt: skip
    if "class_names" in data:  # journals of old have none
        config["class_names"] = list(data["class_names"])
    if "input_names" in data:
        config["input_names"] = list(data["input_names"])
    return config


def shipped_code() -> dict[str, bytes]:
    """What this octant logs as a model's code."""
    return {name: _fixed()[name] for name in CODE}


def write_model(
    folder: Path, config: Config, weights: bytes, *, example: list[float] | None = None, run_id: str | None = None,
    model_id: str | None = None, code: Mapping[str, bytes] | None = None,
) -> None:  # fmt: skip
    """The files of an MLflow model into `folder`; nothing in them names a place on this machine.

    `code` is another octant's, for a model that it logged.
    """
    import yaml
    from mlflow import pyfunc
    from mlflow.models import Model as MLmodel

    text, info = _example(tuple(example)) if example else ({}, None)
    files = _fixed() | text | {"weights.npz": weights} | dict(code or {})
    for name, content in files.items():
        (folder / name).write_bytes(content)
    about = {"probabilities": PROBABILITIES[config["output"]], "sha256": digest_of(config, files.__getitem__)}
    model = MLmodel(NAME, run_id, signature=_signature(config["inputs"], config["classes"]), model_id=model_id,
                    model_uuid=model_id, saved_input_example_info=info, metadata=about)  # fmt: skip
    pyfunc.add_to_model(
        model, python_env="python_env.yaml", model_config=dict(config), streamable=False, **EXECUTED
    )  # fmt: skip
    # Not Model.save, which takes YAML's slow dumper.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    described = yaml.dump(model.to_dict(), Dumper=dumper, default_flow_style=False)
    (folder / "MLmodel").write_text(described, encoding="utf-8")


_ARTIFACTS = {"weights": "weights.npz", "activations": "activations.py"}
# What MLmodel says is to be loaded and run; a model that says anything else is not octant's.
EXECUTED: dict[str, Json] = {
    "loader_module": "mlflow.pyfunc.loaders.code_model", "model_code_path": "model.py",
    "artifacts": {stem: {"path": name, "uri": name} for stem, name in _ARTIFACTS.items()},
}  # fmt: skip


FILES = (
    "MLmodel", "weights.npz", "model.py", "activations.py", "requirements.txt", "python_env.yaml", _EXAMPLE, _SERVING,
)  # fmt: skip


@cache
def _fixed() -> dict[str, bytes]:
    """The files that are the same for every model: code and pinned requirements."""
    pins = "".join(f"{name}=={metadata.version(name)}\n" for name in ("mlflow", "numpy"))
    python = f"python: {platform.python_version()}\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n"
    return {
        "model.py": (Path(__file__).parent / "classifier.py").read_bytes(),
        "activations.py": Path(activations.__file__).read_bytes(), "requirements.txt": pins.encode(),
        "python_env.yaml": python.encode(),
    }  # fmt: skip


@cache
def _example(row: tuple[float, ...]) -> tuple[dict[str, bytes], dict[str, object]]:
    text = {_EXAMPLE: json.dumps([row]).encode(), _SERVING: json.dumps({"inputs": [row]}).encode()}
    return text, {"artifact_path": _EXAMPLE, "serving_input_path": _SERVING, "type": "ndarray"}


@cache
def _signature(inputs: int, classes: int) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    took, gives = (Schema([TensorSpec(np.dtype("float64"), (-1, width))]) for width in (inputs, classes))
    return ModelSignature(took, gives)

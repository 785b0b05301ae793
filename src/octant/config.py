"""Typed settings with their ranges: what decides a run, where its data come from, what a sweep asks.

Values are checked once, when a model is built from a plain mapping with `parse`; below this border there are only
these frozen, typed objects. Words are checked against the catalogues of the numerics.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from octant.errors import InputError, unknown_word

# Raised whenever a change of the code changes a run's numbers: it is part of every fingerprint.
NUMERICS_VERSION = 2
_MOST_SHOWN = 200  # characters of a wrong value

DATASETS = ("digits", "mnist", "fashion_mnist", "arrays")
ENGINES = ("numpy", "numba")


def _word(kind: str, known: Iterable[str]) -> AfterValidator:
    return AfterValidator(lambda value: _check_word(kind, value, known))


def _check_word(kind: str, value: str, known: Iterable[str]) -> str:
    if value not in known:
        raise PydanticCustomError("word", "{line}", {"line": unknown_word(kind, value, known)})
    return value


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _absolute(value: str | None) -> str | None:
    if value and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("should be a name in UTF-8")
    return str(Path(os.path.expanduser(value)).absolute()) if value else value  # noqa: PTH111 - Path's may raise


Place = Annotated[str | None, AfterValidator(_absolute)]  # a run must find its data again from any folder


def _column(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if value is None or number or (isinstance(value, str) and value.strip()):
        return value
    raise PydanticCustomError(
        "path", "dataset.label is a column's name or its number, from 1, got {got}", {"got": repr(value)}
    )


class DataSettings(_Model):
    """Where a data set comes from and how it is split; fractions are of all examples, the split is fixed.

    `label` is the column with the labels of a .csv, its name or its number from 1; None: octant finds out or asks.
    """

    name: Annotated[str, _word("dataset", DATASETS)]
    root: Place = None
    path: Place = None
    label: Annotated[str | int | None, BeforeValidator(_column)] = None
    validation_fraction: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    test_fraction: Annotated[float, Field(gt=0, le=0.5)] | None = None
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @model_validator(mode="after")
    def _paths(self) -> DataSettings:
        if self.name == "arrays" and not self.path:
            raise PydanticCustomError("path", "dataset=arrays needs dataset.path=<file.npz or file.csv>")
        if self.name != "arrays" and self.path:
            raise PydanticCustomError("path", "dataset.path belongs to dataset=arrays; leave it out")
        if self.name != "arrays" and self.label is not None:
            raise PydanticCustomError("path", "dataset.label belongs to dataset=arrays; leave it out")
        return self


class Settings(_Model):
    """Everything a person chooses about one run. With the data it decides every number of the run."""

    dataset: DataSettings
    loss: str
    hidden: str
    output: str
    init: str
    engine: Annotated[str, _word("engine", ENGINES)]
    hidden_units: Annotated[int, Field(ge=1, le=65_536)]
    learning_rate: Annotated[float, Field(gt=0, le=1_000_000)]
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)]
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    dtype: Literal["float64", "float32"]
    targets: Literal["one_hot", "lecture"]
    order: Literal["shuffled", "file"]
    output_step: Literal["gradient", "divided"]
    hidden_error: Literal["gradient", "raw"]

    @model_validator(mode="after")
    def _words(self) -> Settings:
        from octant.network.activations import HIDDEN, OUTPUT  # not above: NumPy's import is a fifth of an error's time
        from octant.network.initialisers import INITIALISERS
        from octant.network.losses import LOSSES

        _check_word("loss", self.loss, LOSSES)
        _check_word("hidden", self.hidden, HIDDEN)
        _check_word("output", self.output, OUTPUT)
        _check_word("init", self.init, INITIALISERS)
        return self

    @property
    def configuration(self) -> str:
        """The corner of the cube, such as `cross_entropy-tanh-softmax`."""
        return f"{self.loss}-{self.hidden}-{self.output}"

    def fingerprint(self, data_digest: str) -> str:
        """SHA-256 over everything that decides the run's numbers; files' places do not, the label's column does so
        through the data's digest.
        """
        return fingerprint_of(self.model_dump(), data_digest)


def fingerprint_of(settings: Mapping[str, Any], data_digest: str, numerics: int = NUMERICS_VERSION) -> str:
    """The fingerprint of plain settings, such as a journal's, by the rules of a version of the numerics."""
    data = {name: value for name, value in settings["dataset"].items() if name not in ("root", "path", "label")}
    text = json.dumps([{**settings, "dataset": data}, data_digest, numerics], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Experiment(_Model):
    """A question and the endpoint declared beforehand to answer it.

    `companion` names the experiment that asks the same at each configuration's own learning rate; `shared_rate` is
    the one rate that a grid of learning rates is held against.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    question: Annotated[str, Field(max_length=4000)] = ""  # MLflow keeps tags of 5,000 characters
    endpoint: Literal["test_accuracy"] = "test_accuracy"
    companion: str | None = None
    shared_rate: Annotated[float, Field(gt=0)] | None = None


class Tracking(_Model):
    """Where MLflow keeps the runs; `uri` null means the SQLite store under mlruns/."""

    uri: str | None = None


class Cluster(_Model):
    """How runs are spread over the nodes of a cluster: conf/hydra/launcher/slurm.yaml and ray.yaml."""

    cluster: Literal["slurm", "ray"]
    tasks: Annotated[int, Field(ge=1, le=10_000)]
    runs_per_task: Annotated[int, Field(ge=1, le=100_000)]
    minutes_per_run: Annotated[float, Field(gt=0, le=10_080)]
    memory_mb: Annotated[int, Field(ge=100, le=4_000_000)]


class Slurm(Cluster):
    """Slurm, and what else its sbatch is to be told."""

    cluster: Literal["slurm"]
    sbatch: dict[str, Any] = {}


class Ray(Cluster):
    """A started Ray cluster."""

    cluster: Literal["ray"]
    address: Annotated[str, Field(min_length=1)]


class Launch(_Model):
    """One command: the settings of a run, the experiment it belongs to, and how to go about it."""

    settings: Settings
    experiment: Experiment
    tracking: Tracking
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    rerun: bool = False
    cluster: Annotated[Slurm | Ray, Field(discriminator="cluster")] | None = None


def parse_launch(composed: Mapping[str, Any]) -> Launch:
    """Check a composed configuration (plain containers) and split it into its parts.

    Raises InputError with one line a wrong key, word, type or range: what was wrong and what is allowed.
    """
    own = {"experiment", "tracking", "workers", "rerun", "cluster"}
    settings = {key: value for key, value in composed.items() if key not in own}
    rest = {key: value for key, value in composed.items() if key in own}
    try:
        return Launch(settings=Settings(**settings), **rest)
    except ValidationError as error:
        raise InputError(_one_line(error)) from None


def parse_settings(values: Mapping[str, Any]) -> Settings:
    """Settings from a plain mapping, such as a journal's; raises InputError as parse_launch does."""
    try:
        return Settings(**values)
    except ValidationError as error:
        raise InputError(_one_line(error)) from None


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"] if part != "constrained-str")
    if first["loc"][:1] == ("cluster",):
        key = ".".join(["hydra.launcher", *map(str, first["loc"][2:])])
    if first["type"] in ("word", "path"):
        return first["msg"]
    if first["type"] == "extra_forbidden":
        parent = Launch if key.split(".")[0] in Launch.model_fields else Settings
        return unknown_word("setting", key, {*Settings.model_fields, *parent.model_fields} - {"settings"})
    if first["type"] == "missing":
        return f"{key}: it is missing"
    said = first["msg"].removeprefix("Input ").removeprefix("Field ")
    got = repr(first["input"])
    return f"{key}: {said}, got {got if len(got) <= _MOST_SHOWN else got[:_MOST_SHOWN] + ' ...'}"

"""The settings of the network: typed, with their ranges; words are checked against the catalogues."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from octant import trainer
from octant.errors import unknown_word

TABLES = ("iris", "wine", "breast_cancer")
PLANES = ("moons", "circles", "spirals")
DATASETS = ("digits", "mnist", "fashion_mnist", *TABLES, *PLANES, "point", "arrays")
ENGINES = ("numpy", "numba")


def _word(kind: str, known: Iterable[str]) -> AfterValidator:
    return AfterValidator(lambda value: _check_word(kind, value, known))


def _check_word(kind: str, value: str, known: Iterable[str]) -> str:
    if value not in known:
        raise PydanticCustomError("word", "{line}", {"line": unknown_word(kind, value, known)})
    return value


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


class DataSettings(trainer.Part):
    """Where a data set comes from and how it is split; fractions are of all examples, the split is fixed.

    `label` is the column with the labels of a .csv, its name or its number from 1; None: octant finds out or asks.
    `examples` and `noise` (SD) are of points in the plane; `split_seed` draws these, too. Of 1 / test_fraction folds
    `fold` is the one to test, from 0.
    """

    name: Annotated[str, _word("dataset", DATASETS)] = "digits"
    root: Place = None
    path: Place = None
    label: Annotated[str | int | None, BeforeValidator(_column)] = None
    validation_fraction: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    test_fraction: Annotated[float, Field(gt=0, le=0.5)] | None = None
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    fold: Annotated[int, Field(ge=0)] | None = None
    examples: Annotated[int, Field(ge=10, le=1_000_000)] | None = None
    noise: Annotated[float, Field(ge=0, le=10)] | None = None

    @model_serializer(mode="wrap")
    def _without_folds(self, inner: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Fingerprints of runs without folds are those of before there were any."""
        return {name: value for name, value in inner(self).items() if name != "fold" or value is not None}

    @model_validator(mode="after")
    def _paths(self) -> DataSettings:
        if self.name == "arrays" and not self.path:
            raise PydanticCustomError("path", "dataset=arrays needs dataset.path=<file.npz or file.csv>")
        if self.name != "arrays" and self.path:
            raise PydanticCustomError("path", "dataset.path belongs to dataset=arrays; leave it out")
        if self.name != "arrays" and self.label is not None:
            raise PydanticCustomError("path", "dataset.label belongs to dataset=arrays; leave it out")
        drawn = (self.examples, self.noise)
        if (self.name in PLANES and None in drawn) or (self.name not in PLANES and drawn != (None, None)):
            words = f"dataset.examples and dataset.noise belong, both, to dataset={', '.join(PLANES)}"
            raise PydanticCustomError("path", words)
        return self


class Settings(trainer.Settings):
    """Everything a person chooses about one run of the network; the defaults are those of conf/config.yaml."""

    places: ClassVar[tuple[str, ...]] = ("dataset.root", "dataset.path", "dataset.label")
    optional: ClassVar[tuple[str, ...]] = ("dataset.examples", "dataset.noise")

    dataset: DataSettings = DataSettings(test_fraction=0.2)
    loss: str = "cross_entropy"
    hidden: str = "sigmoid"
    output: str = "softmax"
    init: str = "scaled"
    engine: Annotated[str, _word("engine", ENGINES)] = "numba"
    hidden_units: Annotated[int, Field(ge=1, le=65_536)] = 100
    learning_rate: Annotated[float, Field(gt=0, le=1_000_000)] = 0.1
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 30
    dtype: Literal["float64", "float32"] = "float64"
    targets: Literal["one_hot", "lecture"] = "one_hot"
    order: Literal["shuffled", "file"] = "shuffled"
    output_step: Literal["gradient", "divided"] = "gradient"
    hidden_error: Literal["gradient", "raw"] = "gradient"
    diagnostics: bool = True

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

"""The network as octant's trainer: the functions that the contract of octant.trainer asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from octant import home
from octant.errors import InputError
from octant.network.activations import Array
from octant.network.data import Dataset, cache, load, state_of
from octant.network.diagnostics import STEP
from octant.network.initialisers import Parameters
from octant.network.network import build
from octant.network.settings import DataSettings, Settings
from octant.network.snapshots import NAME, is_kept, page, snapshot
from octant.network.training import Start, test_errors
from octant.network.training import train as epochs
from octant.trainer import Data, Epoch

if TYPE_CHECKING:
    from octant.trainer import Value

TEST_ERRORS = "test_errors.json"


@dataclass(frozen=True)
class NetworkEpoch(Epoch):
    """An epoch with the classes that the network gives to the test examples, (n_test,), and the snapshots so far."""

    predicted: Array | None = None
    snapshots: str = "[]"


def dataset_of(settings: DataSettings, dtype: str) -> Dataset:
    """The data set as it is now, memory-mapped from the cache in the state folder; loaded once per process."""
    return _loaded(settings, dtype, home.state() / "cache", state_of(settings))


@lru_cache(maxsize=2)
def _loaded(settings: DataSettings, dtype: str, cache: Path, _: str) -> Dataset:
    return load(settings, dtype, cache)


def train(settings: Settings, state: Mapping[str, Any] | None = None) -> Iterator[NetworkEpoch]:
    """Yield epoch 0 and each epoch after it, or, from `state`, its epoch again and those that follow."""
    start, kept = None, "[]"
    if state:
        parameters = Parameters(*(state[name] for name in Parameters._fields))
        start, kept = Start(int(state["epoch"]), parameters, float(state[STEP])), str(state["snapshots"])
    network = build(settings.loss, settings.hidden, settings.output)
    dataset = dataset_of(settings.dataset, settings.dtype)
    for record in epochs(settings, dataset, start):
        is_new = start is None or record.epoch > start.epoch
        if record.predicted is not None and is_new and settings.diagnostics and is_kept(record.epoch, settings.epochs):
            shown = snapshot(network, record.parameters, dataset, record.epoch, record.predicted)
            kept = json.dumps([*json.loads(kept), shown])
        after: dict[str, Value] = {"epoch": record.epoch, STEP: record.metrics.get(STEP, 0.0), "snapshots": kept}
        after |= record.parameters._asdict()
        yield NetworkEpoch(record.epoch, record.metrics, after, record.diverged, record.seconds, record.predicted, kept)


def data(settings: Settings) -> Data:
    """The data set, with its sizes, shapes and first training example.

    Raises InputError for words that do not go together, a data set that cannot be read, and too large a batch.
    """
    build(settings.loss, settings.hidden, settings.output)
    found = dataset_of(settings.dataset, settings.dtype)
    if settings.batch_size > len(found.train):
        raise InputError(
            f"batch_size: {settings.batch_size} is more than the {len(found.train)} training examples of {found.name}"
        )
    facts = {
        "n_train": len(found.train),
        "n_validation": len(found.validation),
        "n_test": len(found.test),
        "inputs": found.inputs,
        "classes": found.classes,
        "class_names": found.class_names,
        "scale": found.scale,
        "image_shape": found.image_shape,
        "example": found.train.X[0].tolist(),
    }
    if found.input_names:
        facts["input_names"] = found.input_names
    where = settings.dataset.path or settings.dataset.root or found.name
    return Data(found.name, found.digest, str(where), found.reading, facts)


def files(settings: Settings, last: Epoch) -> dict[str, bytes]:
    """What the trained network gets wrong on the test set (see training.test_errors), and its snapshots."""
    if not isinstance(last, NetworkEpoch) or last.predicted is None:
        return {}
    dataset = dataset_of(settings.dataset, settings.dtype)
    found = {TEST_ERRORS: (json.dumps(test_errors(dataset, last.predicted)) + "\n").encode()}
    if settings.diagnostics and last.state:
        parameters = Parameters(*(np.asarray(last.state[name]) for name in Parameters._fields))
        words = {"loss": settings.loss, "hidden": settings.hidden, "output": settings.output}
        found[NAME] = page(last.snapshots, words, dataset, parameters)
    return found


def discard_damaged() -> int:
    """Throw away what is damaged in the cache of decoded data sets; how many."""
    return cache.discard_entries(home.state() / "cache")


def preload(runs: list[Settings]) -> list[str]:
    """Modules that a worker should find imported."""
    compiled = ["octant.network.engines.compiled"] if any(each.engine == "numba" for each in runs) else []
    return ["octant.network.trainer", *compiled]

"""Data sets: fetched, verified, decoded, split and digested; decoded once and shared between workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from octant.network.data import arrays, published, shipped
from octant.network.data import cache as store
from octant.network.data.dataset import Dataset, Examples, Prepared, Source
from octant.network.settings import PLANES, TABLES, DataSettings

__all__ = ["Dataset", "Examples", "load", "state_of"]


class Reader(NamedTuple):
    """`read` decodes (slow); `identity` tells one state of the source from another without reading it."""

    read: Callable[[DataSettings], Source]
    identity: Callable[[DataSettings], list[object]]


def load(settings: DataSettings, dtype: str = "float64", cache: Path | None = None, *, whole: bool = False) -> Dataset:
    """The data set of the settings, with inputs in `dtype` (float64 or float32).

    With a `cache` folder it is decoded there once, and memory-mapped from then on: later loads neither decode
    nor verify, and processes share the pages; `whole` compares every byte with the checksum, and what is damaged is
    written anew. Without, it is decoded into memory.

    Raises InputError, one line, for bad data; OSError, naming the folder, when the cache or the folder of
    downloads cannot be written.
    """
    source = SOURCES[settings.name]
    if cache is None:
        return _in_memory(Prepared.of(source.read(settings), settings), dtype)
    entry = cache / store.entry_name(settings, source.identity(settings), dtype)
    found = store.find_entry(entry, dtype, whole=whole)
    return found or store.make_entry(entry, Prepared.of(source.read(settings), settings), dtype)


def state_of(settings: DataSettings) -> str:
    """What tells one state of the source from another without reading it; raises InputError as `load` does."""
    return json.dumps(SOURCES[settings.name].identity(settings))


def _in_memory(prepared: Prepared, dtype: str) -> Dataset:
    return Dataset.of(prepared.facts, np.concatenate(list(prepared.blocks(dtype))), prepared.labels)


SOURCES: dict[str, Reader] = {
    "digits": Reader(shipped.read_digits, shipped.shipped_state),
    **{name: Reader(shipped.read_shipped, shipped.shipped_state) for name in TABLES},
    "point": Reader(shipped.read_point, lambda settings: []),
    **{name: Reader(shipped.read_plane, lambda settings: []) for name in PLANES},
    "mnist": Reader(published.read_published, published.published_state),
    "fashion_mnist": Reader(published.read_published, published.published_state),
    "arrays": Reader(arrays.read_own, arrays.own_state),
}

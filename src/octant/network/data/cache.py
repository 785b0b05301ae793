"""Decoded data sets on disk: written once, then memory-mapped, so that all workers share the same pages.

Their SHA-256 stands beside the arrays. It is compared at each load of a small data set (2 ms for the digits), and by
`rerun` and `doctor` for all (0.7 s for MNIST).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from pydantic import TypeAdapter

from octant import home
from octant.network.data.dataset import Array, Dataset, Facts, Prepared
from octant.network.settings import DataSettings
from octant.seal import sealed, unsealed

FORMAT = 5  # raised whenever what is stored, or how it is decoded, changes
SMALL = 8 << 20  # bytes of inputs that are compared with their SHA-256 at each load
_FACTS = TypeAdapter(Facts)


def entry_name(settings: DataSettings, identity: list[object], dtype: str) -> str:
    """Name of the cache entry for this state of the source, this split and this dtype."""
    chosen = settings.model_dump(exclude={"root", "path"})
    return sha256(json.dumps([FORMAT, dtype, chosen, identity], sort_keys=True).encode()).hexdigest()


def find_entry(entry: Path, dtype: str, *, whole: bool = False) -> Dataset | None:
    """Map the entry; None when there is none or it is damaged. `whole` compares every byte of a large one, too."""
    try:
        stored = json.loads(unsealed((entry / "meta.json").read_bytes()) or b"")
        digests, facts = stored["sha256"], _FACTS.validate_python(stored)
        X = _mapped(entry / "X.npy", dtype, (sum(facts.counts), facts.inputs))
        labels = _mapped(entry / "labels.npy", "int64", (sum(facts.counts),))
        # An engine trusts labels as indices: one outside would read and write beyond its arrays.
        sound = (
            labels.min() >= 0 and labels.max() < facts.classes and sha256(labels.data).hexdigest() == digests["labels"]
        )
        if whole or X.nbytes <= SMALL:
            sound = sound and sha256(X.data).hexdigest() == digests["X"]
        return Dataset.of(facts, X, labels) if sound else None
    except Exception:  # noqa: BLE001 - whatever is wrong with a cache, the cure is to write it anew
        return None


def discard_entries(cache: Path) -> int:
    """Throw away entries of which a bit is not as it was written, or which an older octant wrote; their number."""
    damaged = [entry for entry in cache.glob("[!.]*") if not _is_whole(entry)]
    if damaged:
        with _workplace(cache) as work:
            for entry in damaged:
                entry.rename(work / entry.name)
    return len(damaged)


def _is_whole(entry: Path) -> bool:
    try:
        dtype = np.load(entry / "X.npy", mmap_mode="r", allow_pickle=False).dtype
    except Exception:  # noqa: BLE001 - as in find_entry
        return False
    return find_entry(entry, dtype.name, whole=True) is not None


def make_entry(entry: Path, prepared: Prepared, dtype: str) -> Dataset:
    """Decode into a folder beside the entry, rename it into place, and map it.

    Any number of processes may do this at once. Raises InputError as Prepared.blocks does, and OSError that
    names the cache when it cannot be written.
    """
    with _workplace(entry.parent) as work:
        new = work / "new"
        _fill(new, prepared, dtype)
        mine = find_entry(new, dtype)
        _publish(new, entry, dtype)
        found = find_entry(entry, dtype) or mine  # a map outlives the name of its file
        if found is None:
            raise OSError(None, "the data cache does not hold what was written to it")
        return found


def _mapped(path: Path, dtype: str, shape: tuple[int, ...]) -> Array:
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    sound = (mapped.dtype, mapped.shape, mapped.flags.c_contiguous) == (np.dtype(dtype), shape, True)
    if not sound or path.stat().st_size != mapped.offset + mapped.nbytes:
        raise ValueError(path)
    return np.asarray(mapped)


@contextmanager
def _workplace(cache: Path) -> Iterator[Path]:
    """A folder of one's own within the cache, gone at the end; an OSError names the cache."""
    try:
        home.make(cache.parent)
        cache.mkdir(exist_ok=True)
        home.discard_drafts(cache)
        work = Path(mkdtemp(prefix=f".partial-{os.getpid()}-", dir=cache))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        wrong = f"the data cache cannot be written: {error.strerror or error}"
        raise OSError(error.errno, wrong, str(cache)) from error


def _fill(folder: Path, prepared: Prepared, dtype: str) -> None:
    folder.mkdir()
    shape = (len(prepared.labels), prepared.facts.inputs)
    digests = {
        "X": _save(folder / "X.npy", shape, dtype, prepared.blocks(dtype)),
        "labels": _save(folder / "labels.npy", shape[:1], "int64", [prepared.labels]),
    }
    (folder / "meta.json").write_bytes(sealed(json.dumps(asdict(prepared.facts) | {"sha256": digests})))


def _save(path: Path, shape: tuple[int, ...], dtype: str, blocks: Iterable[Array]) -> str:
    """Write an .npy block by block, one of them in memory at a time; it is on the disk at the return.

    Returns the SHA-256 (hex) of its content.
    """
    digest = sha256()
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(block.data)
            digest.update(block.data)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _publish(new: Path, entry: Path, dtype: str) -> None:
    """Rename into place, unless another process was first; a damaged entry is moved out of the way."""
    for attempt in range(3):
        try:
            new.rename(entry)
        except OSError:
            if find_entry(entry, dtype, whole=True) is not None:
                return
            if attempt == 2:
                raise
            with suppress(FileNotFoundError):
                entry.rename(new.with_name(f"damaged-{attempt}"))
        else:
            return

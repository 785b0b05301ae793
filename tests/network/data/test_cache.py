"""The cache of decoded data: the same numbers, no second decoding, and no trust in a damaged or half-written one."""

import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from octant.errors import InputError
from octant.network.data import SOURCES, Reader, arrays, load
from octant.network.data import cache as store
from octant.network.data.dataset import Prepared
from octant.network.settings import DataSettings


@pytest.fixture
def chosen(tmp_path):
    """Settings for 500 pictures of 5 x 5 bytes in three classes."""
    draw = np.random.default_rng(0)
    X = draw.integers(0, 256, (500, 25), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", X=X, y=np.arange(500) % 3)
    return DataSettings(name="arrays", path=str(tmp_path / "a.npz"), test_fraction=0.2)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "deep" / "cache"


@pytest.fixture
def no_decoding(monkeypatch):
    """Call it, and decoding fails from then on."""

    def fail(_):
        raise AssertionError("decoded again")

    return lambda: monkeypatch.setitem(SOURCES, "arrays", Reader(fail, SOURCES["arrays"].identity))


def parts(data):
    return [array for part in (data.train, data.validation, data.test) for array in (part.X, part.labels)]


def assert_same(one, other):
    for attribute in ("name", "classes", "digest", "image_shape", "inputs"):
        assert getattr(one, attribute) == getattr(other, attribute), attribute
    for left, right in zip(parts(one), parts(other), strict=True):
        assert (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())


def entry(cache):
    (found,) = cache.iterdir()
    return found


def is_mapped(array):
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("validation", [0.2, 0.0])
def test_cold_warm_and_uncached_are_equal(chosen, cache, no_decoding, dtype, validation):
    chosen = chosen.model_copy(update={"validation_fraction": validation})
    plain, cold = load(chosen, dtype), load(chosen, dtype, cache)
    no_decoding()
    warm = load(chosen, dtype, cache)
    assert_same(plain, cold)
    assert_same(plain, warm)
    assert warm.image_shape == (5, 5)


def test_cached_arrays_are_mapped(chosen, cache):
    for data in (load(chosen, cache=cache), load(chosen, cache=cache)):
        for array in parts(data):
            assert type(array) is np.ndarray
            assert is_mapped(array)
            assert array.flags.c_contiguous
            assert array.flags.aligned
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0


def test_blocks_give_the_same(chosen, cache, monkeypatch):
    whole = load(chosen)
    monkeypatch.setattr("octant.network.data.dataset.BLOCK", 7)
    assert_same(whole, load(chosen, cache=cache))
    assert_same(whole, load(chosen))


def test_fortran_arrays_are_stored_by_rows(chosen, cache):
    plain = load(chosen)
    with np.load(chosen.path) as archive:
        X, y = archive["X"], archive["y"]
    np.savez(chosen.path, X=np.asfortranarray(X), y=y)
    assert_same(load(chosen), plain)
    assert_same(load(chosen, cache=cache), plain)


@pytest.mark.parametrize(
    "change",
    [{"split_seed": 1}, {"validation_fraction": 0.1}, {"test_fraction": 0.1}, {"dtype": "float32"}],
    ids=str,
)
def test_other_settings_another_entry(chosen, cache, change):
    load(chosen, cache=cache)
    change = dict(change)
    dtype = change.pop("dtype", "float64")
    other = chosen.model_copy(update=change)
    assert_same(load(other, dtype, cache), load(other, dtype))
    assert len(list(cache.iterdir())) == 2


def test_changed_file_is_decoded_anew(chosen, cache):
    path = Path(chosen.path)
    before, status = load(chosen, cache=cache), path.stat()
    with np.load(path) as archive:
        X, y = archive["X"].copy(), archive["y"]
    X[0, 0] ^= 1
    np.savez(path, X=X, y=y)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert load(chosen, cache=cache).digest != before.digest


def test_relative_path_same_entry(chosen, cache, no_decoding, monkeypatch):
    load(chosen, cache=cache)
    no_decoding()
    monkeypatch.chdir(Path(chosen.path).parent)
    load(chosen.model_copy(update={"path": "a.npz"}), cache=cache)


def _cut(path, size):
    os.truncate(path, max(0, path.stat().st_size + size) if size < 0 else size)


def _append(path, more):
    with path.open("ab") as file:
        file.write(more)


def _label_outside(folder):
    labels = np.load(folder / "labels.npy")
    labels[7] = 3
    np.save(folder / "labels.npy", labels)


DAMAGES = {
    "X cut": lambda folder: _cut(folder / "X.npy", -1),
    "X empty": lambda folder: _cut(folder / "X.npy", 0),
    "X longer": lambda folder: _append(folder / "X.npy", bytes(64)),
    "X gone": lambda folder: (folder / "X.npy").unlink(),
    "X of another dtype": lambda folder: np.save(folder / "X.npy", np.ones((500, 25), "f4")),
    "X of another shape": lambda folder: np.save(folder / "X.npy", np.ones((501, 25))),
    "X in another layout": lambda folder: np.save(folder / "X.npy", np.ones((25, 500)).T),
    "labels cut": lambda folder: _cut(folder / "labels.npy", -8),
    "label outside": _label_outside,
    "meta empty": lambda folder: (folder / "meta.json").write_text(""),
    "meta not text": lambda folder: (folder / "meta.json").write_bytes(b"\xff\xfe{}"),
    "meta of another kind": lambda folder: (folder / "meta.json").write_text("[1]"),
    "meta incomplete": lambda folder: (folder / "meta.json").write_text('{"counts": [1, 2, 3]}'),
    "meta gone": lambda folder: (folder / "meta.json").unlink(),
    "a file instead": lambda folder: (folder.rename(folder.with_name("x")), folder.write_text("")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_entry_is_written_anew(chosen, cache, no_decoding, damage):
    load(chosen, cache=cache)
    plain, folder = load(chosen), entry(cache)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    damage(folder)
    assert_same(load(chosen, cache=cache), plain)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    no_decoding()
    load(chosen, cache=cache)
    assert not list(cache.glob(".partial-*"))


def flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("name", ["X.npy", "labels.npy", "meta.json"])
def test_flipped_bit_anywhere_is_noticed(chosen, cache, monkeypatch, name, small):
    """Of inputs too large to be compared at each load: by whoever asks for the whole."""
    monkeypatch.setattr(store, "SMALL", store.SMALL if small else 0)
    plain, draw = load(chosen), np.random.default_rng(0)
    load(chosen, cache=cache)
    path = entry(cache) / name
    content = path.read_bytes()
    for bit in [*range(0, 8 * 128, 37), *draw.integers(0, 8 * len(content), 80)]:
        path.write_bytes(content)
        flip(path, int(bit))
        assert_same(load(chosen, cache=cache, whole=not small), plain)
        assert_same(load(chosen, cache=cache), plain)


def test_damaged_entries_are_thrown_away(chosen, cache, monkeypatch):
    monkeypatch.setattr(store, "SMALL", 0)
    assert store.discard_entries(cache) == 0
    for dtype in ("float64", "float32"):
        load(chosen, dtype, cache)
    assert store.discard_entries(cache) == 0
    first, second = sorted(cache.iterdir())
    flip(first / "X.npy", 8 * 5000)
    assert store.discard_entries(cache) == 1
    assert list(cache.iterdir()) == [second]


@pytest.mark.parametrize("damaged", [False, True])
def test_many_at_once_leave_one_entry(chosen, cache, damaged):
    plain = load(chosen)
    if damaged:
        load(chosen, cache=cache)
        (entry(cache) / "meta.json").write_text("")
    with ThreadPoolExecutor(8) as pool:
        for data in pool.map(lambda _: load(chosen, cache=cache), range(16)):
            assert_same(data, plain)
    assert store.find_entry(entry(cache), "float64") is not None


def test_first_entry_stays(chosen, cache):
    load(chosen, cache=cache)
    folder, prepared = entry(cache), Prepared.of(arrays.read_own(chosen), chosen)
    before = folder.stat().st_ino
    assert_same(store.make_entry(folder, prepared, "float64"), load(chosen))
    assert folder.stat().st_ino == before


def test_killed_writer_leaves_no_entry(chosen, cache):
    code = (
        "import os, sys, pathlib; from octant.network.settings import DataSettings\n"
        "from octant.network.data import load\n"
        "os.fsync = lambda _: os._exit(9)\n"
        f"load(DataSettings(**{chosen.model_dump()}), cache=pathlib.Path(sys.argv[1]))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(cache)], check=False).returncode == 9
    (left,) = cache.iterdir()
    assert left.name.startswith(".partial-")
    assert_same(load(chosen, cache=cache), load(chosen))
    assert left.exists()  # it might be another process's, at work
    os.utime(left, (0, time.time() - 2 * 86400))
    load(chosen, "float32", cache)
    assert not left.exists()


def test_full_disk_names_the_cache(chosen, cache, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="cache cannot be written: No space left on device") as caught:
        load(chosen, cache=cache)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(cache)
    assert "\n" not in str(caught.value)
    assert list(cache.iterdir()) == []


def test_unusable_cache_is_named(chosen, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cache cannot be written") as caught:
        load(chosen, cache=tmp_path / "file" / "cache")
    assert str(tmp_path / "file" / "cache") in str(caught.value)


def test_bad_input_leaves_no_entry(chosen, cache):
    X = np.ones((500, 2))
    X[499] = np.nan
    np.savez(chosen.path, X=X, y=np.arange(500) % 2)
    for _ in range(2):
        with pytest.raises(InputError, match="NaN"):
            load(chosen, cache=cache)
    assert list(cache.iterdir()) == []

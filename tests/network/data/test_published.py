"""MNIST and its like: the IDX format, the files a person has, the files that are downloaded."""

import gzip
import hashlib
import os
import struct
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from octant.analysis.report import pages
from octant.errors import InputError
from octant.network.data import load, published
from octant.network.data.idx import read_idx
from octant.network.data.published import _DownloadBar
from octant.network.settings import DataSettings
from support.command import run_here

NAMES = [*published.IMAGES, *published.LABELS]
TRAIN_IMAGES, TEST_IMAGES, TRAIN_LABELS, TEST_LABELS = NAMES


def idx(shape, values, magic=None):
    """An IDX file by hand: two zeros, 8 for unsigned bytes, the number of axes, the axes, the bytes."""
    return (magic or bytes([0, 0, 8, len(shape)])) + struct.pack(f">{len(shape)}I", *shape) + bytes(values)


def images(n, start=0):
    """`n` pictures; picture i is full of the byte start + i."""
    return idx((n, 28, 28), [start + i for i in range(n) for _ in range(784)])


CONTENT = {
    TRAIN_IMAGES: images(40),
    TEST_IMAGES: images(10, start=100),
    TRAIN_LABELS: idx((40,), [i % 10 for i in range(40)]),
    TEST_LABELS: idx((10,), range(10)),
}


def place(folder, content, gz=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in content.items():
        (folder / f"{name}.gz" if gz else folder / name).write_bytes(gzip.compress(data, 1) if gz else data)
    return folder


@pytest.fixture
def small(monkeypatch):
    """MNIST shrunk to 40 + 10 pictures, known by its SHA-256; Fashion-MNIST likewise by its MD5."""
    for name, algorithm in (("mnist", "sha256"), ("fashion_mnist", "md5")):
        sums = {file: f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}" for file, data in CONTENT.items()}
        monkeypatch.setitem(published.CHECKSUMS, name, sums)


def mnist(root=None, name="mnist", **values):
    return DataSettings(name=name, root=root and str(root), **{"validation_fraction": 0.1, **values})


# ---------------------------------------------------------------- the files a person has


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_files_are_decoded_scaled_and_split(tmp_path, small, gz, name):
    data = load(mnist(place(tmp_path, CONTENT, gz), name))
    assert (data.name, data.classes, data.inputs, data.image_shape) == (name, 10, 784, (28, 28))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [36, 4, 10]
    assert data.test.X.tolist() == [[(100 + i) / 255] * 784 for i in range(10)]
    assert data.test.labels.tolist() == list(range(10))
    pixels = np.round(data.train.X[:, 5] * 255).astype(int)
    held = np.round(data.validation.X[:, 5] * 255).astype(int)
    assert sorted([*pixels, *held]) == list(range(40))
    assert (data.train.labels == pixels % 10).all()
    assert (data.validation.labels == held % 10).all()


def test_train_images_in_file_order(tmp_path, small):
    data = load(mnist(place(tmp_path, CONTENT), validation_fraction=0), "float32")
    assert data.train.X[:, 0].tolist() == (np.arange(40, dtype="f4") / np.float32(255)).tolist()
    assert len(data.validation) == 0
    assert data.validation.X.shape == (0, 784)


def test_digest_is_of_pixels_alone(tmp_path, small, monkeypatch):
    digests = {
        load(mnist(place(tmp_path / where, CONTENT, gz)), dtype).digest
        for where, gz in (("a", False), ("b", True))
        for dtype in ("float64", "float32")
    }
    changed = {**CONTENT, TEST_IMAGES: CONTENT[TEST_IMAGES][:-1] + b"\x00"}
    checksum = f"sha256:{hashlib.sha256(changed[TEST_IMAGES]).hexdigest()}"
    monkeypatch.setitem(published.CHECKSUMS["mnist"], TEST_IMAGES, checksum)
    digests.add(load(mnist(place(tmp_path / "c", changed))).digest)
    assert len(digests) == 2


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize(
    "form",
    ["{dotted}", "{name}/{dotted}", "{dotted}/{name}", "{dotted}/{dotted}", "MNIST/raw/{name}", "{name}/{name}"],
)
def test_names_and_folders_that_archives_make(tmp_path, small, form, gz):
    expected = load(mnist(place(tmp_path / "plain", CONTENT))).digest
    root = tmp_path / "unpacked"
    for name, data in CONTENT.items():
        path = root / form.format(name=name, dotted=name.replace("-idx", ".idx"))
        gz = gz and path.parent.name in ("unpacked", "raw")  # nobody packs what lies in a folder of its name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{path.name}.gz" if gz else path.name).write_bytes(gzip.compress(data) if gz else data)
    assert load(mnist(root)).digest == expected


def _flip(data, place, bit=1):
    made = bytearray(data)
    made[place] ^= bit
    return bytes(made)


BAD = {
    "one pixel": (TRAIN_IMAGES, _flip(CONTENT[TRAIN_IMAGES], 5000), "wrong checksum"),
    "one label": (TEST_LABELS, _flip(CONTENT[TEST_LABELS], 10), "wrong checksum"),
    "label out of range": (TRAIN_LABELS, _flip(CONTENT[TRAIN_LABELS], 20, 128), "wrong checksum"),
    "rows and columns": (TEST_IMAGES, idx((10, 14, 56), CONTENT[TEST_IMAGES][16:]), "wrong checksum"),
    "wrong magic": (TRAIN_IMAGES, _flip(CONTENT[TRAIN_IMAGES], 3), "wrong magic number 0x00000802"),
    "labels for images": (TEST_IMAGES, CONTENT[TEST_LABELS], "wrong magic number 0x00000801"),
    "floats": (TEST_LABELS, idx((10,), range(10), b"\0\0\x0d\x01"), "wrong magic number 0x00000d01"),
    "not IDX": (TRAIN_LABELS, b"<html>not found</html>", "wrong magic number"),
    "empty": (TRAIN_LABELS, b"", "ends within its header"),
    "header cut": (TRAIN_IMAGES, CONTENT[TRAIN_IMAGES][:9], "ends within its header"),
    "cut": (TRAIN_IMAGES, CONTENT[TRAIN_IMAGES][:-1], "wrong length: 31359 bytes of values"),
    "too long": (TEST_LABELS, CONTENT[TEST_LABELS] + b"\0", "wrong length"),
    "absurd header": (TEST_LABELS, idx((2**32 - 1,), range(10)), "wrong length"),
    "lengths differ": (TEST_LABELS, CONTENT[TRAIN_LABELS], "40 labels for the 10 images"),
}


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize(("file", "data", "said"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, small, gz, file, data, said):
    place(tmp_path, {**CONTENT, file: data}, gz)
    with pytest.raises(InputError, match=said) as caught:
        load(mnist(tmp_path), cache=tmp_path / "cache")
    assert len(str(caught.value).splitlines()) == 1
    assert str(tmp_path / file) in str(caught.value)
    assert not (tmp_path / "cache").exists()


def _cut(data):
    return data[: len(data) // 2]


def _flip_sum(data):
    return _flip(data, len(data) - 6)


@pytest.mark.parametrize("damage", [_cut, _flip_sum, lambda _: b"\x1f\x8b", lambda _: b"plain"])
def test_bad_gzip(tmp_path, small, damage):
    path = place(tmp_path, CONTENT, gz=True) / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="cannot be read") as caught:
        load(mnist(tmp_path))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: os.mkfifo(path)])
def test_missing_files_are_named(tmp_path, small, make):
    place(tmp_path, CONTENT)
    (tmp_path / TRAIN_LABELS).unlink()
    make(tmp_path / TRAIN_LABELS)
    for cache in (None, tmp_path / "cache"):
        with pytest.raises(InputError, match=f"has no readable {TRAIN_LABELS}; dataset.root=<folder>") as caught:
            load(mnist(tmp_path), cache=cache)
        assert all(name in str(caught.value) for name in NAMES)


@pytest.mark.parametrize("root", ["nowhere", "file", "a\nb", "x" * 300, "~nobody-of-that-name", "\x00"])
def test_root_that_is_no_folder(tmp_path, small, root):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="has no readable") as caught:
        load(mnist(tmp_path / root))
    assert len(str(caught.value).splitlines()) == 1


def test_own_test_images_and_test_fraction(tmp_path, small):
    with pytest.raises(InputError, match=r"test_fraction=0.2 contradicts.*null"):
        load(mnist(place(tmp_path, CONTENT), test_fraction=0.2))


def test_header_is_checked_first(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(idx((3,), [1, 2, 3]))
    file = read_idx(path, 1, "do this")
    file.verify("md5:" + hashlib.md5(path.read_bytes()).hexdigest(), "do this")
    assert file.values.tolist() == [1, 2, 3]
    with pytest.raises(InputError, match=r"do this$"):
        file.verify("md5:" + "0" * 32, "do this")


# ---------------------------------------------------------------- the files that are downloaded


@pytest.fixture
def server(tmp_path):
    """A mirror on this machine: its folder, its address, and the files it was asked for."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(Path(self.path).name)

    asked = []
    folder = place(tmp_path / "mirror", CONTENT, gz=True)
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{httpd.server_port}/", asked
    httpd.shutdown()
    thread.join()
    httpd.server_close()


CLOSED = "http://127.0.0.1:9/"  # the discard port: nothing listens


@pytest.fixture
def downloads(tmp_path, small, monkeypatch):
    """Download from the mirrors given, into a folder of the test's own, which is returned."""

    def use(*mirrors, name="mnist"):
        monkeypatch.setitem(published.MIRRORS, name, mirrors)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)
        return tmp_path / "octant" / name

    return use


def left_over(folder):
    return sorted(path.name for path in folder.iterdir() if path.name not in NAMES)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_second_mirror_is_tried(downloads, server, tmp_path, name):
    _, address, asked = server
    folder = downloads(CLOSED, address, name=name)
    first, again = load(mnist(name=name)), load(mnist(name=name))
    assert first.digest == again.digest == load(mnist(place(tmp_path / "own", CONTENT), name)).digest
    assert sorted(asked) == sorted(f"{file}.gz" for file in NAMES)
    assert left_over(folder) == []


def test_damaged_download_is_fetched_again(downloads, server):
    _, address, asked = server
    folder = downloads(address)
    load(mnist())
    (folder / TEST_LABELS).write_bytes(b"damaged")
    load(mnist())
    assert asked.count(f"{TEST_LABELS}.gz") == 2
    assert len(asked) == 5


def test_decoded_data_needs_no_net(downloads, server, tmp_path):
    folder = downloads(server[1])
    first = load(mnist(), cache=tmp_path / "cache")
    for file in folder.iterdir():
        file.unlink()
    downloads(CLOSED)
    assert load(mnist(), cache=tmp_path / "cache").digest == first.digest


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(b"something else"), "wrong checksum"),
        (gzip.compress(CONTENT[TRAIN_IMAGES])[:40], "EOFError"),
        (b"<html>moved</html>", "BadGzipFile"),
        (None, "HTTPError"),
    ],
    ids=["other content", "cut", "not gzip", "not there"],
)
def test_mirror_with_bad_files(downloads, server, content, said):
    mirror, address, _ = server
    (mirror / f"{TRAIN_IMAGES}.gz").unlink()
    if content is not None:
        (mirror / f"{TRAIN_IMAGES}.gz").write_bytes(content)
    folder = downloads(address)
    with pytest.raises(InputError, match=rf"127.0.0.1:\d+: {said}") as caught:
        load(mnist())
    assert len(str(caught.value).splitlines()) == 1
    assert left_over(folder) == []
    assert not (folder / TRAIN_IMAGES).exists()


def test_offline_says_what_to_do(downloads, tmp_path):
    downloads(CLOSED, CLOSED)
    with pytest.raises(InputError, match=r"offline\?.*dataset.root=<folder>") as caught:
        load(mnist(), cache=tmp_path / "cache")
    assert len(str(caught.value).splitlines()) == 1
    assert all(name in str(caught.value) for name in NAMES)
    assert not (tmp_path / "cache").exists()


def test_unwritable_downloads_are_named(downloads, server, tmp_path):
    folder = downloads(server[1])
    (tmp_path / "octant").write_text("in the way")
    with pytest.raises(OSError, match="cannot store downloads") as caught:
        load(mnist())
    assert not isinstance(caught.value, InputError)
    assert str(folder) in str(caught.value)


def test_progress_on_terminals_only(downloads, server, capsys, monkeypatch):
    folder = downloads(server[1])
    load(mnist())
    assert capsys.readouterr() == ("", "")
    (folder / TEST_LABELS).unlink()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    load(mnist())
    said = capsys.readouterr().err
    assert said.startswith(f"\r{TEST_LABELS}.gz")
    assert said.endswith("100 % of 0.0 MB\n")


def test_progress_without_a_known_length(capsys):
    progress = _DownloadBar("file")
    progress.update(1000)
    progress.close()
    assert capsys.readouterr().err == "\rfile   0 % of 0.0 MB\n"


def test_mirrors_and_sums_are_complete():
    assert set(published.MIRRORS) == set(published.CHECKSUMS) == {"mnist", "fashion_mnist"}
    for sums in published.CHECKSUMS.values():
        assert sorted(sums) == sorted(NAMES)
    assert all(mirror.endswith("/") for mirrors in published.MIRRORS.values() for mirror in mirrors)


# ---------------------------------------------------------------- the real one


@pytest.fixture(scope="module")
def real():
    root = os.environ.get("OCTANT_MNIST")
    if not root or not any(Path(root).glob("train-images-idx3-ubyte*")):
        pytest.skip("set OCTANT_MNIST to a folder with MNIST's four IDX files to test with the real ones")
    return root


def test_real_mnist_in_little_memory(real, tmp_path):
    settings = mnist(real, validation_fraction=0)
    code = (
        "import pathlib, re, sys; from octant.network.settings import DataSettings\n"
        "from octant.network.data import load\n"
        f"load(DataSettings(**{settings.model_dump()}), 'float32', pathlib.Path(sys.argv[1]))\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', status.read_text())[1] if status.exists() else 0)"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 250 * 1024  # KiB; the peak in getrusage would be that of whoever forked it, if larger
    data = load(settings, "float32", tmp_path)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [60_000, 0, 10_000]
    # The first labels, the classes' frequencies and the mean pixel are well known.
    assert data.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    known = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.train.labels).tolist() == known
    assert data.train.X.mean(dtype="f8") == pytest.approx(0.1307, abs=5e-5)


# ---------------------------------------------------------------- beside other data sets


def test_both_count_in_datasets(tmp_path, small, monkeypatch):
    """A command of docs/extending.md; one root for both, as torchvision unpacks them."""
    monkeypatch.setattr(pages, "draw", lambda found: iter(()))  # figures take most of the time
    for folder in ("MNIST", "FashionMNIST"):
        place(tmp_path / "data" / folder / "raw", CONTENT)
    words = ["dataset=iris,mnist,fashion_mnist", f"dataset.root={tmp_path / 'data'}", "hidden=tanh", "output=softmax"]
    assert run_here(tmp_path / "home", "experiment=datasets", *words, "epochs=1", "seed=0", "engine=numpy") == 0
    (ranks,) = (tmp_path / "home").glob("reports/datasets-*/ranks.csv")
    assert {"iris", "mnist", "fashion_mnist"} <= {*pd.read_csv(ranks).columns}

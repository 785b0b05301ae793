"""MNIST and Fashion-MNIST: four IDX files with known names and known content.

They are read from `dataset.root`, plain or `.gz`, or downloaded with pooch. Their uncompressed content is verified.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from octant.errors import InputError
from octant.network.data.dataset import Source
from octant.network.data.files import complaint, expanded, stamp
from octant.network.data.idx import Idx, copy_idx, read_idx
from octant.network.settings import DataSettings

IMAGES = ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte")
LABELS = ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")

# Folders on the net that hold the files, each with `.gz` added to its name; tried in turn.
MIRRORS = {
    "mnist": ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
    "fashion_mnist": ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
}

# Of each file's uncompressed content.
CHECKSUMS = {
    "mnist": {
        IMAGES[0]: "sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        IMAGES[1]: "sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        LABELS[0]: "sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        LABELS[1]: "sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist": {
        IMAGES[0]: "md5:f4a8712d7a061bf5bd6d2ca38dc4d50a",
        IMAGES[1]: "md5:8181f5470baa50b63fa0f6fddb340f0a",
        LABELS[0]: "md5:9018921c3c673c538a1fc5bad174d6f9",
        LABELS[1]: "md5:15d484375f8d13e6eb1aabb0c3f46965",
    },
}

TIMEOUT = (5, 30)  # seconds to connect, seconds of silence


def read_published(settings: DataSettings) -> Source:
    """The 60,000 train examples in file order, then the 10,000 test examples, which stay the test set.

    Raises InputError when a file is missing, unreadable, not IDX, does not fit its partner or is not the
    published one, when nothing can be downloaded, and when `test_fraction` is given.
    """
    name = settings.name
    if settings.test_fraction is not None:
        wrong = f"keeps its own 10,000 test images, dataset.test_fraction={settings.test_fraction} contradicts"
        raise complaint(name, wrong, "leave dataset.test_fraction out (null)")
    folder = expanded(settings.root) if settings.root else _download(name, MIRRORS[name], CHECKSUMS[name])
    images, labels = _verified(name, _find(folder, name))
    X = np.concatenate([file.values.reshape(len(file.values), -1) for file in images])
    y = np.concatenate([file.values for file in labels]).astype(np.int64)
    return Source(name, X, y, 255.0, (28, 28), own_test=len(labels[1].values))


def published_state(settings: DataSettings) -> list[object]:
    """The state of the files in `root`; without it the published content itself, which `read_published` guarantees."""
    if not settings.root:
        return [CHECKSUMS[settings.name]]
    return [stamp(path, "try again") for path in _find(expanded(settings.root), settings.name).values()]


def _find(folder: Path, name: str) -> dict[str, Path]:
    """Each of the four files in `folder`, plain before `.gz`; InputError names all that are missing.

    Their names may have a dot (train-images.idx3-ubyte); archives unpack into folders of the files' names, torchvision
    into MNIST/raw.
    """
    raw = Path({"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}[name]) / "raw"
    choices = {file: [folder / each for each in _spellings(file, raw)] for file in IMAGES + LABELS}
    has_file = os.path.isfile  # unlike Path's, it does not raise
    found = {file: [path for path in paths if has_file(path)] for file, paths in choices.items()}
    missing = [file for file, paths in found.items() if not paths]
    if missing:
        remedy = f"dataset.root=<folder> of {name} needs {', '.join(choices)} (or with .idx), plain or .gz"
        raise complaint(folder, f"has no readable {', '.join(missing)}", remedy)
    return {file: paths[0] for file, paths in found.items()}


def _spellings(file: str, raw: Path) -> list[Path]:
    dotted = file.replace("-idx", ".idx")
    names = [f"{stem}{suffix}" for suffix in ("", ".gz") for stem in (file, dotted)]
    nested = [Path(folder) / name for folder in (file, dotted) for name in (file, dotted)]
    return [*map(Path, names), *nested, *(raw / name for name in names)]


def _verified(name: str, files: dict[str, Path]) -> tuple[list[Idx], list[Idx]]:
    """The two image files and the two label files (train, test); the checksum comes last, it says least."""
    remedy = f"put the published file of {name} there; other data: dataset=arrays dataset.path=<file.npz>"
    images = [read_idx(files[file], 3, remedy) for file in IMAGES]
    labels = [read_idx(files[file], 1, remedy) for file in LABELS]
    for pictures, classes in zip(images, labels, strict=True):
        if len(pictures.values) != len(classes.values):
            wrong = f"{len(classes.values)} labels for the {len(pictures.values)} images of {pictures.path.name}"
            raise complaint(classes.path, wrong, remedy)
    for file, idx in zip(IMAGES + LABELS, images + labels, strict=True):
        idx.verify(CHECKSUMS[name][file], remedy)
    return images, labels


class _DownloadBar:
    """The few methods of a tqdm bar that pooch calls, written to standard error; pooch sets `total` (bytes)."""

    def __init__(self, label: str) -> None:
        self.label, self.total, self.done = label, 0, 0

    def update(self, count: int) -> None:
        self.done += count
        percent = 100 * min(self.done, self.total) // max(self.total, 1)
        sys.stderr.write(f"\r{self.label} {percent:3d} % of {self.total / 1e6:.1f} MB")
        sys.stderr.flush()

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        sys.stderr.write("\n")


def _download(name: str, mirrors: Iterable[str], checksums: Mapping[str, str]) -> Path:
    """The folder of `name` in the user's cache, with every file of `checksums` in it, uncompressed.

    A file that is there is verified, a missing or damaged one is downloaded (`<mirror>/<file>.gz`).
    Raises InputError when no mirror gives it, OSError when the folder cannot be written.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    folder = Path(pooch.os_cache("octant")) / name
    for file, checksum in checksums.items():
        _download_one(folder, file, checksum, mirrors, sorted(checksums))
    return folder


def _download_one(folder: Path, file: str, checksum: str, mirrors: Iterable[str], files: list[str]) -> None:
    import pooch
    from requests.exceptions import RequestException

    failures = []
    for mirror in mirrors:
        try:
            pooch.retrieve(f"{mirror}{file}.gz", checksum, file, folder, downloader=_uncompressed)
            return
        except (RequestException, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
            why = "wrong checksum" if type(error) is ValueError else type(error).__name__
            failures.append(f"{urlsplit(mirror).netloc}: {why}")
        except OSError as error:
            raise OSError(error.errno, f"cannot store downloads: {error.strerror or error}", str(folder)) from error
    raise InputError(
        f"{file} could not be downloaded ({', '.join(failures)}); offline? put {', '.join(files)} "
        "(plain or .gz) into a folder and give dataset.root=<folder>"
    )


def _uncompressed(url: str, output: str, _: Any) -> None:
    """A pooch downloader that writes the uncompressed content, so that pooch's checksum is of that."""
    import pooch

    bar = _DownloadBar(url.rpartition("/")[2]) if sys.stderr.isatty() else False
    received = io.BytesIO()
    pooch.HTTPDownloader(bar, 1 << 16, timeout=TIMEOUT)(url, received, None)
    received.seek(0)
    with gzip.open(received) as content, Path(output).open("wb") as file:
        copy_idx(content, file)

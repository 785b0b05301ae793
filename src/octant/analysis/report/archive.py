"""A sweep in one file: all that its report is written from, without a store. Nothing in it is code or is unpickled.

It is a zip. What each file in it holds stands in its README.txt, which is `_README` here. Floats are written so that
they are read back to the last bit; the same sweep gives the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from octant import __version__
from octant.analysis.report.collect import Material
from octant.analysis.report.findings import find
from octant.analysis.report.pages import terminal, write_files
from octant.errors import InputError, printable
from octant.runs.disk import replace
from octant.seal import Json
from octant.tracking.declared import read_declared
from octant.trainer import Pictures

VERSION = 1
_README = """A sweep as octant archive wrote it. Its report is written again by: octant report FILE.zip

sweep.json       the experiment, its question, the command, the settings that vary
runs.json        a table, column by column: settings, last metrics, outcome, commit, versions, machine of each run
curves.json      a table, column by column: every metric of every epoch of every run, which `fingerprint` names
companion.json   a table: runs of the experiment that the report compares with, if there is one
errors.json      what each run got wrong on the test set, by fingerprint: [example, class, answer]
snapshots.json   what each configuration's median run kept for people to look at
pictures.bin     the test examples as images, raw numbers: their shape and type stand in sweep.json
"""
_PIXELS = ("<f4", "<f8")
_LARGEST, _MOST_GROWTH = 100_000_000, 200  # bytes that any archive may unpack to; times its size, beyond that
_NONSENSE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, MemoryError, EOFError,
             zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)  # fmt: skip


def write_archive(material: Material, file: Path) -> None:
    """Write the sweep to `file`, in full or not at all. Raises InputError where its runs cannot be compared."""
    found = find(material)
    median = found.main.runs[found.main.runs["run_id"].isin(found.typical())]
    pictures, images = _flat(material.pictures)
    about = {"version": VERSION, "octant": __version__, "experiment": material.experiment, "pictures": pictures}
    content = {
        "README.txt": _README.encode(), "sweep.json": json.dumps(about | asdict(material.declared), indent=1).encode(),
        "runs.json": _columns(material.runs), "curves.json": _columns(material.curves),
        "companion.json": _columns(material.companion), "errors.json": json.dumps(material.errors).encode(),
        "snapshots.json": json.dumps(material.snapshots(median)).encode(), "pictures.bin": images,
    }  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, each in content.items():
            about_file = zipfile.ZipInfo(name)  # with no time of its own
            about_file.external_attr = 0o644 << 16
            archive.writestr(about_file, each, zipfile.ZIP_DEFLATED)
    replace(file, packed.getvalue())


def report_archived(file: Path, folder: Path) -> tuple[Path, str]:
    """Write the report of an archive to `folder`; returns its page and what the terminal shows.

    Raises InputError, one line, for a file that is no archive, is damaged, or makes no sense.
    """
    with _one_line(file):
        found = find(_read(file))
        return write_files(found, folder, explore=True)[0], printable(terminal(found))


@contextmanager
def _one_line(file: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: there is no such file") from None
    except _NONSENSE as error:
        why = printable(" ".join(f"{type(error).__name__}: {error}".split()))[:150]
        raise InputError(f"{file} is no whole archive of octant's ({why}); octant archive writes one") from None


def _read(file: Path) -> Material:
    content = _content(file)
    about: dict[str, Json] = json.loads(content["sweep.json"])
    if about.pop("version") != VERSION:
        raise InputError(f"{file} was written by octant {about['octant']}, whose archives this one does not know")
    experiment, pictures, _ = (about.pop(name) for name in ("experiment", "pictures", "octant"))
    kept: dict[str, dict[str, Json]] = json.loads(content["snapshots.json"])
    return Material(
        experiment, read_declared(about.pop("sweep"), about), _frame(content["runs.json"]),
        _frame(content["curves.json"]), json.loads(content["errors.json"]), _frame(content["companion.json"]),
        _pictures(pictures, content["pictures.bin"]),
        lambda runs: {config: kept[config] for config in runs["config"] if config in kept},
    )  # fmt: skip


def _content(file: Path) -> dict[str, bytes]:
    """The files of the archive: nothing is unpacked onto the disk, and none is read beyond the length it tells of."""
    with zipfile.ZipFile(file) as archive:
        if {each.compress_type for each in archive.infolist()} - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise InputError(f"{file} is compressed in another way than any archive of octant's")
        size = sum(each.file_size for each in archive.infolist())
        if size > max(_LARGEST, _MOST_GROWTH * file.stat().st_size):
            raise InputError(f"{file} would unpack to {size / 1e6:.0f} MB, more than any archive of octant's its size")
        return {each.filename: _part(archive, each) for each in archive.infolist()}


def _part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    """`ZipFile.read` would unpack all that there is before it looks at the length."""
    with archive.open(part) as stream:
        return stream.read(part.file_size)


def _columns(frame: pd.DataFrame) -> bytes:
    """The columns as lists, which give the same types when they are read; a path says nothing on another machine."""
    return json.dumps(frame.drop(columns="artifacts", errors="ignore").to_dict("list")).encode()


def _frame(content: bytes) -> pd.DataFrame:
    columns: dict[str, list[Json]] = json.loads(content)
    return pd.DataFrame({printable(name): [*map(_clean, values)] for name, values in columns.items()})


def _clean(value: Json) -> Json:
    return printable(value) if isinstance(value, str) else value


def _flat(pictures: Pictures | None) -> tuple[dict[str, Json] | None, bytes]:
    if pictures is None:
        return None, b""
    images = np.ascontiguousarray(pictures.images, dtype="<f4" if pictures.images.dtype.itemsize == 4 else "<f8")
    return {"digest": pictures.digest, "shape": images.shape, "dtype": images.dtype.str}, images.tobytes()


def _pictures(about: dict[str, Json] | None, images: bytes) -> Pictures | None:
    if about is None:
        return None
    if about["dtype"] not in _PIXELS:
        raise ValueError(f"pictures of {about['dtype']}")
    return Pictures(about["digest"], np.frombuffer(images, about["dtype"]).reshape(about["shape"]))

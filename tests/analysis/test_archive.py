"""`octant archive`: the report of the file is that of the store, whatever the file suffers is told in a line."""

from __future__ import annotations

import dataclasses
import io
import json
import signal
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from octant.analysis.report.archive import report_archived, write_archive
from octant.analysis.report.collect import Material
from octant.analysis.report.findings import find
from octant.analysis.report.pages import write_files
from octant.errors import InputError
from octant.trainer import Pictures
from support.command import environment, run_here
from support.comparison_frames import frame, noise
from support.report_frames import grid, material


def pages(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.mark.filterwarnings("ignore")  # SQLAlchemy's, of MLflow
def test_store_and_archive_report_alike(swept: tuple[Path, str], tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.zip" for name in ("one", "two")]
    for file in files:
        assert run_here(swept[0], "archive", "smoke", "--out", str(file)) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    nowhere, folder = tmp_path / "nowhere", tmp_path / "report"
    assert run_here(nowhere, "report", str(files[0]), "--out", str(folder)) == 0
    assert pages(folder) == pages(swept[0] / "reports" / "smoke")
    assert not nowhere.exists()
    runs = zipfile.ZipFile(files[0]).read("runs.json").decode()
    assert len(json.loads(runs)["seed"]) == 16
    assert str(swept[0]) not in runs


def odd() -> Material:
    """What tables may hold: no metric, no number, large and odd settings, another experiment's runs, pictures."""
    runs = frame(noise(5)).assign(run_id=lambda runs: runs["fingerprint"])
    rare: dict[str, object] = {"none": None, "empty": np.nan, "large": 2**70, "word": "None", "tiny": 5e-324}
    runs = runs.assign(**rare, mixed=[1, "1", 1.5, None] * (len(runs) // 4), diverged_epoch=None)
    companion = grid().assign(epochs=6, dataset_digest="d1")
    images = np.random.default_rng(0).normal(size=(50, 3, 4)).astype(np.float32)
    found = material(runs, companion="rated")
    return dataclasses.replace(found, companion=companion, pictures=Pictures("d1", images))


def test_odd_tables_come_back(tmp_path: Path) -> None:
    given = odd()
    expected = {path.name: path.read_bytes() for path in write_files(find(given), tmp_path / "a", explore=True)}
    write_archive(given, tmp_path / "odd.zip")
    page, text = report_archived(tmp_path / "odd.zip", tmp_path / "b")
    assert {name: (page.parent / name).read_bytes() for name in expected} == expected
    assert "hardest.svg" in expected
    assert text.split()[:2] == ["loss", "hidden"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("whole") / "whole.zip"
    write_archive(odd(), file)
    return file


def with_part(name: str, change: Callable[[bytes], bytes | None]) -> Callable[[bytes], bytes]:
    """An archive with one part changed, or without it."""

    def damage(content: bytes) -> bytes:
        packed = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(content)) as before,
            zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as after,
        ):
            for each in before.namelist():
                part = change(before.read(each)) if each == name else before.read(each)
                if part is not None:
                    after.writestr(each, part)
        return packed.getvalue()

    return damage


def told(**values: object) -> Callable[[bytes], bytes]:
    """sweep.json with other values."""
    return with_part("sweep.json", lambda part: json.dumps(json.loads(part) | values).encode())


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


def lying(way: int) -> Callable[[bytes], bytes]:
    """An archive of a part that tells of 10 bytes and is 300 MB; bzip2 Python unpacks as a whole."""

    def bomb(content: bytes) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", way) as archive:
            archive.writestr("sweep.json", b"0" * 300_000_000)
        return packed.getvalue().replace(struct.pack("<L", 300_000_000), struct.pack("<L", 10))

    return bomb


PICTURES = {"digest": "d1", "shape": [10**9, 3, 4], "dtype": "<f4"}
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "text": lambda content: b"config,accuracy\na,1\n",
    "cut": lambda content: content[:-100],
    "bit": flipped,
    "no runs": with_part("runs.json", lambda part: None),
    "empty runs": with_part("runs.json", lambda part: b""),
    "other runs": with_part("runs.json", lambda part: b'{"a": [1]}'),
    "ragged runs": with_part("runs.json", lambda part: b'{"config": ["a"], "seed": [1, 2]}'),
    "a list": with_part("sweep.json", lambda part: b"[]"),
    "deep": with_part("errors.json", lambda part: b"[" * 100_000),
    "numbers as curves": with_part("curves.json", lambda part: b"5"),
    "bomb": with_part("errors.json", lambda part: b"0" * 150_000_000),
    "lying bzip2": lying(zipfile.ZIP_BZIP2),
    "lying deflate": lying(zipfile.ZIP_DEFLATED),
    "version": told(version=2),
    "objects": told(pictures=PICTURES | {"dtype": "O"}),
    "endless pictures": told(pictures=PICTURES),
    "no question": told(question=5),
    "other question": told(question={"compare": ["nothing"]}),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_archives_get_one_line(what: str, whole: Path, tmp_path: Path) -> None:
    file = tmp_path / "sweep.zip"
    file.write_bytes(DAMAGE[what](whole.read_bytes()))
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as refused:
            report_archived(file, tmp_path / "report")
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
    assert "\n" not in str(refused.value)
    assert str(file) in str(refused.value)
    assert not (tmp_path / "report").exists()


def test_archives_of_others_do_nothing_else(tmp_path: Path) -> None:
    """Paths in them lead nowhere, and a name tells the terminal nothing."""
    given = material(frame(noise(5)).assign(run_id=lambda runs: runs["fingerprint"]))
    named = given.runs.assign(loss=given.runs["loss"].map(lambda name: f"{name}\x1b]0;mine\x07"))
    file = tmp_path / "in" / "sweep.zip"
    file.parent.mkdir()
    write_archive(dataclasses.replace(given, runs=named), file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../../slipped.txt", "x")
        archive.writestr(str(tmp_path / "slipped.txt"), "x")
    assert "\x1b" not in report_archived(file, tmp_path / "report")[1]
    assert {path.name for path in tmp_path.iterdir()} == {"in", "report"}


KILLED = """
import os, signal, sys
steps, real = iter(range(100)), {"fsync": os.fsync, "rename": os.rename, "replace": os.replace}
def counted(name):
    def step(*given, **more):
        if next(steps) == %d:
            os.kill(os.getpid(), signal.SIGKILL)
        return real[name](*given, **more)
    return step
for name in real:
    setattr(os, name, counted(name))
from pathlib import Path
from octant.analysis.report.archive import write_archive
from support.comparison_frames import frame, noise
from support.report_frames import material
runs = frame(noise(5)).assign(run_id=lambda runs: runs["fingerprint"])
write_archive(material(runs), Path(sys.argv[1]))
"""


@pytest.mark.parametrize("step", range(3))
def test_kills_leave_an_archive_whole(step: int, whole: Path, tmp_path: Path) -> None:
    """At each step to the disk: before it is synced, before it has its name, before the name is synced."""
    file, tests = tmp_path / "sweep.zip", Path(__file__).parents[1]
    file.write_bytes(whole.read_bytes())
    own = environment(tmp_path, PYTHONPATH=f"{tests.parent / 'src'}:{tests}", MPLCONFIGDIR=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", KILLED % step, str(file)], capture_output=True, text=True, env=own)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (file.read_bytes() == whole.read_bytes()) == (step < 2)
    assert zipfile.ZipFile(file).testzip() is None


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("archive", "smoke", "--out", "sweep.tar"), "does not end with .zip"),
        (("archive", "smoke", "--out", "no/such/sweep.zip"), "no file to write"),
        (("report", "no.zip"), "there is no such file"),
        (("report", __file__), "is a file, but no archive; name an experiment, or a FILE.zip that octant archive"),
        (("report", "no.zip", "--sweep", "a"), "leave them out"),
        (("report", "smoke", "--out", "a"), "of an archive alone"),
    ],
)
def test_wrong_words_get_one_line(words: tuple[str, ...], line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=line):
        run_here(tmp_path, *words)

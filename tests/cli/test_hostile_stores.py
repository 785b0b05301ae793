"""What others put into a store or into a file that octant reads: it neither steers a terminal nor fills memory."""

from __future__ import annotations

import gzip
import io
import shutil
import sqlite3
import time
import tracemalloc
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from octant.errors import InputError, printable
from octant.network.data.idx import copy_idx, read_idx
from octant.runs.settings import Tracking
from octant.servers import ui
from octant.tracking.declared import DECLARED, NEWEST
from octant.tracking.store import locate
from octant.tracking.stored import plain_yaml
from support.command import Database, run_octant
from support.warm import Warm

ONE = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=2")
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\r\nbit-identical: 99 values of 9 metrics\n"
RAISING = """import octant

Settings = octant.Settings

def train(settings, state=None):
    raise ValueError("\\x1b[2J\\x9b31mred")
    yield
"""
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % ((here, here, *(9 * [here - 1])))
    for here in range(ord("b"), ord("j"))
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("original") / "home"
    assert run_octant(home, *ONE).returncode == 0
    return home


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("compared") / "home"
    assert run_octant(home, "-m", *ONE, "hidden=sigmoid,tanh").returncode == 0
    return home


@pytest.mark.parametrize(
    ("command", "name", "code"),
    [("rerun", "RUN", 0), ("report", "octant", 0), ("report", "none", 2), ("promote", "octant", 0)],
    ids=["rerun", "report", "error", "promote"],
)
def test_no_escape_reaches_terminal(
    command: str, name: str, code: int, compared: Path, warm: Warm, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(compared, tmp_path / "home"))
    (run_id,) = Database(home).query("select run_uuid from runs where name not like 'report%'")[0]
    with closing(sqlite3.connect(home / "mlflow.db")) as store, store:
        store.execute("update runs set name = ? || name", (ESCAPES,))
        store.execute("update tags set value = ? || value where key in ('cpu', 'launch', 'config')", (ESCAPES,))
        store.execute("update params set value = ? || value where key = 'hidden'", (ESCAPES,))
        columns = "lifecycle_stage, creation_time, last_update_time, workspace"
        row = f"select 99, ?, artifact_location, {columns} from experiments where name = 'octant'"
        store.execute(f"insert into experiments (experiment_id, name, artifact_location, {columns}) {row}", (ESCAPES,))
        store.execute("update experiment_tags set value = ? || value where key = 'question'", (ESCAPES,))
        mark = '"text": "'
        store.execute("update experiment_tags set value = replace(value, ?, ?)", (mark, mark + ESCAPES))
    done = warm.run(home, command, name.replace("RUN", str(run_id)))
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "owned" in said
    assert [each for each in said if not each.isprintable() and each != "\n"] == []
    if command == "rerun":
        assert not any(line.startswith("bit-identical: 99") for line in said.splitlines())


def test_no_escape_of_a_file_reaches_terminal(warm: Warm, tmp_path: Path) -> None:
    """Of labels, which are told before training, and of what a trainer raises about them."""
    (tmp_path / "a.csv").write_text("x,label\n" + "1.5,\x1b[2Jred\n2.5,\x9b31mblue\n" * 9)
    (tmp_path / "mine.py").write_text(RAISING)
    own, file = f"trainer={tmp_path / 'mine.py'}", f"dataset.path={tmp_path / 'a.csv'}"
    for words in ((*ONE[:2], "batch_size=2", "epochs=1", "dataset=arrays", file), (own,)):
        done = warm.run(tmp_path / "home", *words)
        assert "red" in done.stdout + done.stderr, done.stderr
        assert [each for each in done.stdout + done.stderr if not each.isprintable() and each != "\n"] == []


def test_no_experiment_forges_a_link(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = SimpleNamespace(name=ESCAPES, experiment_id="1", tags={NEWEST: "s", DECLARED: "s"})
    monkeypatch.setattr(ui, "client_of", lambda _: SimpleNamespace(search_experiments=lambda **_: [made]))
    (line,) = ui._links(locate(Tracking(), tmp_path), "http://here/")
    assert line.isprintable()
    assert "owned" in line


def test_printable_keeps_letters_and_lines() -> None:
    assert printable("Zürich 日本 ✓\n█") == "Zürich 日本 ✓\n█"
    assert printable("a\x1b[31mb\x00\x07\u202e\r\t\x9b") == "a[31mb"


@pytest.mark.parametrize(
    "text",
    [BOMB, b"[" * 50_000, b"a: &a [*a]", b"a: {" * 20_000, b"x" * 200_000],
    ids=["bomb", "deep", "itself", "deep mappings", "large"],
)
def test_yaml_bomb_is_refused(text: bytes, original: Path, warm: Warm, tmp_path: Path) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match="too large or too deep, or has aliases"):
        plain_yaml(text)
    assert time.process_time() - began < 5
    home = Path(shutil.copytree(original, tmp_path / "home"))
    (config,) = (home / "artifacts").rglob("config.yaml")
    config.write_bytes(text)
    (run_id,) = Database(home).query("select run_uuid from runs where name not like 'report%'")[0]
    done = warm.run(home, "rerun", str(run_id))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


DEEP = "[" * 4000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("update experiment_tags set value = ? where key like 'sweep.%'", 2),
        ("update datasets set dataset_source = ?", 0),
    ],
    ids=["question", "data"],
)
def test_deep_json_is_no_sweep(change: str, code: int, original: Path, warm: Warm, tmp_path: Path) -> None:
    """What JSON cannot be read is not octant's; a report without its data set has no pictures of it."""
    home = Path(shutil.copytree(original, tmp_path / "home"))
    with closing(sqlite3.connect(home / "mlflow.db")) as store, store:
        assert store.execute(change, (DEEP,)).rowcount
    for path in home.rglob("test_errors.json"):
        path.write_text(DEEP)
    done = warm.run(home, "report", "octant")
    assert (done.returncode, done.stderr.count("\n")) == (code, code // 2), done.stderr


def idx(count: int, body: bytes) -> bytes:
    return b"\0\0\x08\x01" + count.to_bytes(4, "big") + body


@pytest.mark.parametrize("announced", [10, 2**32 - 1])
def test_gzip_bomb_is_not_inflated(announced: int, tmp_path: Path) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(idx(announced, bytes(300_000_000)), 1))
    tracemalloc.start()
    with pytest.raises(InputError, match="wrong length"):
        read_idx(path, 1, "remedy")
    with gzip.open(path) as source, (tmp_path / "copy").open("wb") as target, pytest.raises(ValueError):  # noqa: PT011
        copy_idx(source, target)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000
    assert (tmp_path / "copy").stat().st_size < 1000


@pytest.mark.parametrize("content", [b"", b"\0\0\x08", b"\0\0\x08\0", b"<html>", b"\0\0\x08\x03\0\0\0\x01"])
def test_what_is_no_idx_is_not_copied(content: bytes) -> None:
    with pytest.raises(ValueError, match="not an IDX file"):
        copy_idx(io.BytesIO(content), io.BytesIO())
    whole = io.BytesIO()
    copy_idx(io.BytesIO(idx(3, b"abc")), whole)
    assert whole.getvalue() == idx(3, b"abc")

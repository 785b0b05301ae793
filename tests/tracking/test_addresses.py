"""Where runs are kept, as people write it: it works, or is refused before training with what to type."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from octant import home
from octant.errors import InputError, StoreAway
from octant.runs.settings import Tracking, parse_launch
from octant.runs.sweep import prepare_sweep
from octant.tracking import sqlite
from octant.tracking.content import run_tags
from octant.tracking.sqlite import _revisions
from octant.tracking.store import client_of, locate
from support.command import environment, run_octant
from support.settings import settings

NAMES = [
    "a b",
    "at@x",
    "qu'ote",
    'dq"x',
    "back\\slash",
    "한글",
    "semi;x",
    "eq=&x",
    "[x]",
    "pc%20x",
    "q?x",
    "h#x",
    "pc%",
]


@pytest.mark.filterwarnings("ignore")  # SQLAlchemy's, of MLflow
def test_odd_paths_work_or_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One store is made with the real MLflow, for all names that are taken at once."""
    taken = []
    for name in NAMES:
        (tmp_path / name).mkdir()
        monkeypatch.setenv("OCTANT_HOME", str(tmp_path / name))
        try:
            store = locate(Tracking(uri=f"sqlite:///{tmp_path / name / 'x.db'}"), tmp_path)
        except InputError as error:
            assert "in it, which an address cannot" in str(error)
            with pytest.raises(InputError, match="which an address cannot"):
                home.state()
        else:
            taken.append(name)
            assert home.state() == tmp_path / name
            assert store.artifacts == tmp_path / name / "artifacts"
    assert taken == NAMES[:9]
    deep = tmp_path.joinpath(*taken) / "x.db"
    client_of(locate(Tracking(uri=f"sqlite:///{deep}"), tmp_path))
    assert deep.is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)


def test_refused_store_trains_nothing(tmp_path: Path) -> None:
    (tmp_path / "a%20b").mkdir()
    done = run_octant(tmp_path / "home", "engine=numpy", f"tracking.uri=sqlite:///{tmp_path}/a%20b/x.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"octant: tracking.uri: {tmp_path}/a%20b/x.db has % in it")
    assert not (tmp_path / "home" / "journal").exists()


@pytest.mark.parametrize("page", ["/#/experiments/1", "/#/experiments/1/runs?searchFilter=x", "/?a=b"])
def test_pasted_page_is_refused(page: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="that is the address of a page"):
        locate(Tracking(uri=f"http://127.0.0.1:5000{page}"), tmp_path)
    if "#" in page:
        done = run_octant(tmp_path, f"tracking.uri=http://127.0.0.1:5000{page}")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "write the server's alone" in done.stderr


def test_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; name a file in it"):
        locate(Tracking(uri=f"sqlite:///{tmp_path}"), tmp_path)


@pytest.mark.parametrize("how", ["exclusive", "immediate"])
def test_locked_file_is_away(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else writes: waiting helps, so it is no bad input; whoever only reserved it does not hinder reading."""
    monkeypatch.setattr(sqlite, "PATIENCE_SECONDS", 0.1)
    with closing(sqlite3.connect(tmp_path / "x.db")) as holder:
        for table in ("experiments", "runs", "alembic_version"):
            holder.execute(f"create table {table} (name text)")
        holder.commit()
        holder.execute(f"begin {how}")
        if how == "exclusive":
            with pytest.raises(StoreAway, match=r"x\.db does not answer: database is locked"):
                sqlite.refuse_unusable(tmp_path / "x.db")
        else:
            sqlite.refuse_unusable(tmp_path / "x.db")
        holder.rollback()
    sqlite.refuse_unusable(tmp_path / "x.db")


def test_long_question_is_refused(tmp_path: Path) -> None:
    composed = settings().model_dump() | {"tracking": {}}
    with pytest.raises(InputError, match=r"experiment.question: .*at most 4000 characters, got '?x") as caught:
        parse_launch(composed | {"experiment": {"name": "x", "question": "x" * 20_000}})
    assert len(str(caught.value)) < 400


def test_long_command_is_cut() -> None:
    identity = {"dataset": {"digest": "d"}, "provenance": {"command": "x" * 20_000}, "configuration": "a-b-c",
                "fingerprint": "f", "trainer": "network", "code": {"digest": "c", "own": "c"},
                "settings": {}}  # fmt: skip
    assert len(run_tags(identity, "s")["command"]) < 5000


SCHEMAS = {"old": "mlflow db upgrade 'sqlite:///", "none": "newer MLflow", "new": ""}


@pytest.mark.parametrize("version", SCHEMAS)
def test_other_schema_is_refused_before_training(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "state", lambda: tmp_path / "home")
    said = SCHEMAS[version]
    parents = _revisions()
    (newest,) = parents.keys() - parents.values()
    found = {"old": parents[newest], "none": "0123456789ab", "new": newest}[version]
    file = tmp_path / "x.db"
    with closing(sqlite3.connect(file)) as tables, tables:
        for table in ("experiments", "runs", "alembic_version"):
            tables.execute(f"create table {table} (version_num text)")
        tables.execute("insert into alembic_version values (?)", (found,))
    tracking = {"experiment": {"name": "x"}, "tracking": {"uri": f"sqlite:///{file}"}}
    with pytest.raises(InputError, match=said) if said else nullcontext():
        prepare_sweep([parse_launch(settings().model_dump() | tracking)], "octant")


@pytest.mark.parametrize("words", ["seed=1", "doctor"])
def test_vanished_folder_is_one_line(words: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    env = environment(tmp_path / "home") | {"PYTHONPATH": str(Path(home.__file__).parents[1])}
    script = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m octant {words}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=env, check=False)
    assert (done.returncode, done.stderr) == (2, "octant: the folder that you are in is gone; cd to one that exists\n")

"""octant rerun through its real command; and the provenance it rests on."""

from __future__ import annotations

import math
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import octant
from octant import home as places
from octant.models import rerun
from octant.models.rerun import _circumstances
from octant.runs import provenance
from octant.runs.lines import History
from octant.tracking.stored import StoredRun
from support.command import Database, environment, run_octant

ROOT = Path(__file__).parents[2]
TINY = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=2", "hidden=tanh", "learning_rate=1e-05")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run in a store of which nothing but MLflow's own files is left."""
    home = tmp_path_factory.mktemp("trained") / "home"
    done = run_octant(home, *TINY)
    assert done.returncode == 0, done.stderr
    (run_id,) = Database(home).query("select run_uuid from runs")[0]
    shutil.rmtree(home / "journal")
    shutil.rmtree(home / "cache")
    return home, str(run_id)


def test_rerun_is_bit_identical(trained: tuple[Path, str]) -> None:
    done = run_octant(trained[0], "rerun", trained[1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bit-identical: 39 values of 13 metrics" in done.stdout
    assert "made by another process (launch " in done.stdout
    dirty = provenance.describe().get("git_state") == "dirty"
    assert ("this tree is dirty" in done.stdout) == dirty
    assert not (trained[0] / "journal").exists()


def test_one_last_bit_is_seen(trained: tuple[Path, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(trained[0], home)
    with sqlite3.connect(home / "mlflow.db") as database:
        database.execute("update metrics set value = value * (1 + 2.3e-16) where key = 'test_loss' and step = 2")
        database.execute("update tags set value = 'an older one' where key = 'cpu'")
        database.execute("update tags set value = 'dirty' where key = 'git_state'")
    database.close()
    done = run_octant(home, "rerun", trained[1])
    assert done.returncode == 1, done.stdout + done.stderr
    assert "they differ by up to 2e-16 of a number:\n  test_loss at epoch 2: " in done.stdout
    assert "differs: CPU an older one then" in done.stdout
    is_clone = Path(octant.__file__).is_relative_to(ROOT)  # an installed package knows no commit
    assert ("the run's tree was dirty" in done.stdout) is is_clone


def test_no_name_looks_like_verdict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Names, tags and metrics are whatever others wrote into the store; each stays on its line, and steers nothing."""
    bad = "\x1b[2J\x9b31m\u202e\r\nbit-identical: 99 values of 9 metrics\r\n"
    tags = dict.fromkeys(("launch", "cpu", "blas", "version_numpy", "attempts", "attempts_from", "outcome"), bad)
    stored = StoredRun("0", bad, "FINISHED", None, tags, {(bad, 0): 1.0})
    monkeypatch.setattr(rerun, "_check_data", lambda *_: None)
    monkeypatch.setattr(rerun, "_train", lambda *_: History([{"epoch": 0, "time": 0, "seconds": 0.0, "metrics": {}}]))
    assert rerun.rerun(stored, None) == rerun.DIFFERENT
    said = capsys.readouterr().out
    assert said.replace("\n", "").isprintable()
    assert not [line for line in said.splitlines() if line.strip().startswith("bit-identical")]
    assert said.count("bit-identical: 99") > 7


def foreign(home: Path) -> str:
    code = "import mlflow\nwith mlflow.start_run() as run: mlflow.log_metric('a', 1.0)\nprint(run.info.run_id)"
    env = environment(home, MLFLOW_TRACKING_URI=f"sqlite:///{home / 'mlflow.db'}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=home, check=True)
    return done.stdout.split()[-1]


def test_unrepeatable_run_is_one_line(trained: tuple[Path, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(trained[0], home)
    cases: Iterator[tuple[list[str], str]] = iter([
        (["nope"], "is not in"),
        ([foreign(home)], "was not made by octant"),
        ([trained[1], "--data", "x"], "comes with octant"),
    ])  # fmt: skip
    for arguments, expected in cases:
        done = run_octant(home, "rerun", *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert expected in done.stderr


def test_repeat_command_trains_run(trained: tuple[Path, str], tmp_path: Path) -> None:
    database = Database(trained[0])
    command = str(database.query("select value from tags where key = 'repeat'")[0][0])
    done = run_octant(tmp_path, *shlex.split(command)[1:])
    assert done.returncode == 0, done.stderr
    fingerprint = "select value from tags where key = 'fingerprint'"
    assert Database(tmp_path).query(fingerprint) == database.query(fingerprint)
    assert database.query("select value from tags where key = 'blas'")


def test_differences_within_a_tolerance_are_told() -> None:
    from octant.models.rerun import _verdict

    then = {("loss", 1): 2.0, ("loss", 2): 1.0}
    assert _verdict(then, then | {("loss", 2): 1.0 + 1e-9}).startswith(
        "equal within a tolerance of 1e-05, not to the bit"
    )
    assert _verdict(then, then | {("loss", 2): 1.1}) == "different:"
    assert _verdict(then, {("loss", 1): 2.0}) == "different:"
    for lost in (math.nan, math.inf, -math.inf):
        assert _verdict(then | {("loss", 1): lost}, then) == _verdict(then, then | {("loss", 2): lost}) == "different:"


def test_circumstances_name_each_difference() -> None:
    now = {"cpu": "a", "version_numpy": "2", "git_state": "clean"}
    assert _circumstances(now, now) == []
    said = _circumstances(now | {"cpu": "b", "git_state": "dirty"}, now | {"git_state": "dirty"})
    assert [line.split(":")[0] for line in said] == ["differs", "the run's tree was dirty", "this tree is dirty"]


def test_diff_is_bounded_and_applies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.delenv("GIT_DIR", raising=False)
    git("init")
    (tmp_path / "kept.txt").write_text("one\n\n")
    findings = tmp_path / "experiments" / "factorial" / "README.md"
    findings.parent.mkdir(parents=True)
    findings.write_text("tables\n")
    git("add", ".")
    git("commit", "-m", "x")
    monkeypatch.setattr(places, "in_checkout", lambda: True)
    monkeypatch.setattr(places, "project", lambda: tmp_path)
    read = provenance.uncommitted.__wrapped__
    state = provenance.describe.__wrapped__
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "of another repository"))  # as in a hook
    findings.write_text("a sweep's new tables\n")
    assert read() is None
    assert state()["git_state"] == "clean"
    (tmp_path / "secret.txt").write_text("untracked")
    (tmp_path / "kept.txt").write_bytes(b"two \xff\n\n")
    assert state()["git_state"] == "dirty"
    text = read()
    assert text is not None
    assert "+two" in text
    assert "untracked" not in text
    (tmp_path / "kept.txt").write_text("two\n\n")
    (tmp_path.parent / "patch").write_text(str(read()))
    monkeypatch.delenv("GIT_DIR")
    git("checkout", "kept.txt")
    git("apply", str(tmp_path.parent / "patch"))
    (tmp_path / "kept.txt").write_text("long\n" * 100_000)
    assert len(str(read())) < provenance.MOST_DIFF + 100


def test_dead_store_is_no_difference(tmp_path: Path) -> None:
    done = run_octant(tmp_path, "rerun", "0" * 32, "--uri", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (75, "", 1)
    assert "does not answer" in done.stderr

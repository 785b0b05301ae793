"""A run that was interrupted says which epochs are of which commit: in the journal, in MLflow, to rerun."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from octant import home as places
from octant.runs import attempts
from octant.runs.disk import read_json, replace, write_json
from octant.runs.journal import ATTEMPTS, Journal
from octant.runs.run import Outcome, Run
from octant.runs.settings import parse_launch
from octant.runs.sweep import prepare_sweep
from octant.runs.worker import execute
from octant.seal import sealed
from support.command import Database, run_octant
from support.settings import settings

ONE = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=6")


def of_commit(job: Run, commit: str) -> Run:
    facts = {"mlflow.source.git.commit": commit, "git_state": "clean", "version_numpy": "9", "node": "here"}
    return dataclasses.replace(job, identity=job.identity | {"provenance": facts})


def interrupt(journal: Journal, after: int) -> None:
    """The state after a kill with so many epochs in the journal."""
    lines = (journal.folder / "epochs.jsonl").read_bytes().splitlines(keepends=True)
    replace(journal.folder / "epochs.jsonl", b"".join(lines[:after]))
    (journal.folder / "checkpoint.npz").unlink()


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(places, "state", lambda: tmp_path)
    values = settings(hidden_units=3, epochs=6, batch_size=100).model_dump()
    (found,) = prepare_sweep([parse_launch(values | {"experiment": {"name": "x"}, "tracking": {}})], "octant").runs
    return found


def test_each_attempt_is_in_journal(job: Run) -> None:
    assert execute(of_commit(job, "aaa")).outcome is Outcome.FINISHED
    assert attempts.tags(attempts.read(job.journal.folder)) == {}
    interrupt(job.journal, 4)
    assert execute(of_commit(job, "bbb")).outcome is Outcome.FINISHED
    interrupt(job.journal, 6)
    assert execute(of_commit(job, "bbb")).outcome is Outcome.FINISHED
    told = attempts.read(job.journal.folder)
    assert [(each["attempt"], each["epoch"], each["facts"]["commit"]) for each in told] == [
        (1, 0, "aaa"), (2, 4, "bbb"), (3, 6, "bbb"),
    ]  # fmt: skip
    assert told[0]["facts"] == {"commit": "aaa", "tree": "clean", "numpy": "9", "node": "here"}
    assert attempts.tags(told) == {
        "attempts": "3", "attempts_from": "epoch 0: commit aaa, tree clean; epoch 4: commit bbb",
    }  # fmt: skip
    job.journal.discard()
    assert attempts.read(job.journal.folder) == []


def test_lost_epochs_count_as_later(job: Run) -> None:
    """Of the second attempt nothing is left; the first one's line is damaged later on."""
    for commit, after in (("aaa", 5), ("bbb", 3), ("ccc", 0)):
        assert execute(of_commit(job, commit)).outcome is Outcome.FINISHED
        if after:
            interrupt(job.journal, after)
    folder = job.journal.folder
    assert "epoch 0: commit aaa, tree clean; epoch 3: commit ccc" in attempts.tags(attempts.read(folder)).values()
    lines = (folder / ATTEMPTS).read_bytes().splitlines(keepends=True)
    (folder / ATTEMPTS).write_bytes(b"?" + lines[0][1:] + b"".join(lines[1:]) + b'{"torn')
    attempts.note(folder, 7, {})
    assert [each["attempt"] for each in attempts.read(folder)] == [2, 3, 4]
    assert attempts.tags(attempts.read(folder))["attempts"] == "4"


def test_attempt_precedes_its_epochs(job: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(file), real(file))[1])
    attempts.note(job.journal.folder.parents[1], 0, job.identity)
    assert synced


def test_mlflow_and_rerun_tell_of_attempts(tmp_path: Path) -> None:
    assert run_octant(tmp_path, *ONE).returncode == 0
    (folder,) = (tmp_path / "journal").iterdir()
    told = "select key, value from tags where key like 'attempts%' order by 1"
    assert Database(tmp_path).query(told) == []
    (first,) = attempts.read(folder)
    first["facts"] |= {"commit": "an-older-one"}
    (folder / ATTEMPTS).write_bytes(sealed(json.dumps(first)))
    interrupt(Journal(folder), 3)
    (path,) = folder.glob("tracking-*.json")
    write_json(path, (read_json(path) or {}) | {"status": "RUNNING", "sent": 3})
    again = run_octant(tmp_path, *ONE)
    assert again.returncode == 0, again.stderr
    (count, commits) = Database(tmp_path).query(told)
    assert count == ("attempts", "2")
    assert str(commits[1]).startswith("epoch 0: commit an-older-one")
    assert "; epoch 3: commit " in str(commits[1])
    rerun = run_octant(tmp_path, "rerun", str((read_json(path) or {})["run_id"]))
    assert "the run took 2 attempts, from epoch 0: commit an-older-one" in rerun.stdout


TRAINER = """
import octant

class Settings(octant.Settings):
    epochs: int = 3

def train(settings, state=None):
    for epoch in range(state["epoch"] + 1 if state else 1, settings.epochs + 1):
        yield octant.Epoch(epoch, {"test_accuracy": epoch / 10}, {"epoch": epoch})
"""


def test_run_killed_before_its_outcome_line_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last state is stored, and the trainer has nothing left to yield."""
    monkeypatch.setattr(places, "state", lambda: tmp_path / "home")
    (tmp_path / "mine.py").write_text(TRAINER)
    asked = {"trainer": str(tmp_path / "mine.py"), "experiment": {"name": "x"}, "tracking": {}}
    (job,) = prepare_sweep([parse_launch(asked)], "octant").runs
    assert execute(job).outcome is Outcome.FINISHED
    before = (job.journal.folder / "epochs.jsonl").read_bytes()
    replace(job.journal.folder / "epochs.jsonl", b"".join(before.splitlines(keepends=True)[:-1]))
    ending = execute(job)
    assert (ending.outcome, ending.reason, ending.earlier) == (Outcome.FINISHED, "", False)
    assert [line["epoch"] for line in job.journal.read().epochs] == [1, 2, 3]

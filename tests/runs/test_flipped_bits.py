"""One flipped bit in any file of a run: noticed, trained again to the same numbers, never delivered."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from octant import home as places
from octant.network.trainer import TEST_ERRORS, train
from octant.runs.disk import read_json, replace, write_json
from octant.runs.journal import FILES as KEPT
from octant.runs.journal import Journal
from octant.runs.launch import _take_stock
from octant.runs.run import Outcome
from octant.runs.settings import parse_launch
from octant.runs.sweep import Sweep, prepare_sweep
from octant.runs.worker import execute
from octant.seal import sealed, unsealed
from support.command import Database, environment, run_octant
from support.services import wait_for
from support.settings import settings

ERRORS = f"{KEPT}/{TEST_ERRORS}"
FILES = ("epochs.jsonl", "run.json", "checkpoint.npz", ERRORS)
FLIPS = 120  # in each file
SWEEP = ("-m", "engine=numpy", "hidden_units=4", "batch_size=50", "epochs=120", "workers=2", "seed=range(12)")


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    path.write_bytes(content)


def numbers(journal: Journal) -> list[Any]:
    """What a journal tells, without times; None for each part that it does not hold."""
    story, checkpoint = journal.read(), journal.load_checkpoint()
    said = {name: value for name, value in (story.outcome or {}).items() if name != "time"}
    weights = checkpoint and {name: np.asarray(each).tolist() for name, each in checkpoint[1].items()}
    errors = read_json(journal.folder / ERRORS)
    return [[line["metrics"] for line in story.epochs], said, checkpoint and checkpoint[0], weights, errors]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, and the journal of one finished run of 6 epochs."""
    folder = tmp_path_factory.mktemp("flipped")
    draw = np.random.default_rng(0)
    np.savez(folder / "mine.npz", X=draw.random((60, 4)), y=np.arange(60) % 3)
    with pytest.MonkeyPatch.context() as patch:
        (job,) = checked(folder / "mine.npz", folder / "state", patch).runs
    assert execute(job).outcome is Outcome.FINISHED
    return folder / "state"


def checked(data: Path, state: Path, patch: pytest.MonkeyPatch) -> Sweep:
    patch.setattr(places, "state", lambda: state)
    dataset = {"name": "arrays", "path": str(data), "test_fraction": 0.2, "validation_fraction": 0.2}
    values = settings(hidden_units=3, epochs=6, batch_size=5).model_dump() | {"dataset": dataset}
    return prepare_sweep([parse_launch(values | {"experiment": {"name": "x"}, "tracking": {}})], "octant")


@pytest.mark.parametrize("over", [True, False], ids=["finished", "unfinished"])
@pytest.mark.parametrize("name", FILES)
def test_every_flip_ends_in_the_same_numbers(
    name: str, over: bool, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = (state / "journal").iterdir()
    sweep, draw = checked(state.parent / "mine.npz", tmp_path, monkeypatch), random.Random(name)
    (job,) = sweep.runs
    good, there, noticed = numbers(Journal(folder)), job.journal.folder, 0
    second = next(epoch.state or {} for epoch in train(job.settings) if epoch.number == 2)
    for _ in range(FLIPS):
        shutil.rmtree(there, ignore_errors=True)
        shutil.copytree(folder, there)
        if not over:  # killed after its fifth line
            lines = (there / "epochs.jsonl").read_bytes().splitlines(keepends=True)
            (there / "epochs.jsonl").write_bytes(b"".join(lines[:5]))
            job.journal.checkpoint(2, second, force=True)
        before = job.journal.read()
        flip(there / name, draw.randrange(8 * (there / name).stat().st_size))
        told, damaged = job.journal.read(), job.journal.is_damaged
        assert told.epochs == before.epochs[: len(told.epochs)]
        assert told.outcome in (None, before.outcome)
        noticed += damaged or told.size != before.size or job.journal.load_checkpoint() is None
        sweep.deliveries, sweep.endings = [], {}
        for each in _take_stock(sweep):
            assert execute(each).outcome is Outcome.FINISHED
        assert numbers(job.journal) == good
    if over or name != ERRORS:  # which is written at the end
        assert noticed > FLIPS * 0.7  # the others are in the CRC's own key


def test_only_known_outcomes_end_run(tmp_path: Path) -> None:
    for word in ("finishee", "", None, 1, ["finished"]):
        journal = Journal(tmp_path / "run")
        journal.begin({"settings": {}})
        journal.append({"outcome": word, "time": 1})
        assert journal.read().outcome is None
        assert journal.read().size == 0
    journal.begin({})
    journal.append({"outcome": "diverged", "time": 1, "epoch": 0, "reason": "x"})
    assert journal.read().outcome


@pytest.mark.parametrize("what", ["of another epoch", "gone"])
def test_finished_run_needs_its_checkpoint(what: str, state: Path, tmp_path: Path) -> None:
    (folder,) = (state / "journal").iterdir()
    journal = Journal(shutil.copytree(folder, tmp_path / folder.name))
    epoch, last = journal.load_checkpoint() or pytest.fail("no checkpoint")
    assert journal.read().outcome
    if what == "gone":
        (journal.folder / "checkpoint.npz").unlink()
    else:
        journal.checkpoint(epoch - 1, last, force=True)
    assert journal.read().outcome is None
    assert len(journal.read().epochs) == epoch + 1


def test_run_s_identity_must_give_its_name(state: Path, tmp_path: Path) -> None:
    """Other settings under a CRC of their own, such as another run's file."""
    (folder,) = (state / "journal").iterdir()
    journal = Journal(shutil.copytree(folder, tmp_path / folder.name))
    identity = journal.identity or pytest.fail("no identity")
    for changed in (
        identity | {"settings": identity["settings"] | {"seed": 1}},
        identity | {"dataset": identity["dataset"] | {"digest": "0" * 64}},
        identity | {"settings": None},
        identity | {"code": identity["code"] | {"digest": "0" * 64}},
    ):
        write_json(journal.folder / "run.json", changed)
        assert journal.identity is None
        assert journal.is_damaged


def test_seal_holds_for_every_bit(tmp_path: Path) -> None:
    content = sealed('{"sent": 31, "run_id": "0a"}')
    assert unsealed(content) == b'{"sent": 31, "run_id": "0a"}'
    path = tmp_path / "receipt.json"
    for bit in range(8 * len(content)):
        path.write_bytes(content)
        flip(path, bit)
        assert unsealed(path.read_bytes()) is None
        read = read_json(path)
        assert read is None or (read["sent"], read["run_id"]) == (31, "0a")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    done = run_octant(home, *SWEEP)
    assert done.returncode == 0, done.stderr
    return home


def damage(home: Path, seed: int) -> None:
    """One bit in one file of each run: its journal's, its receipt."""
    draw = random.Random(seed)
    for number, folder in enumerate(sorted((home / "journal").iterdir())):
        names = [*FILES, *(path.name for path in folder.glob("tracking-*.json"))]
        path = folder / names[(number + seed) % len(names)]
        if path.exists() and path.stat().st_size:
            flip(path, draw.randrange(8 * path.stat().st_size))


@pytest.mark.parametrize("delivered", [True, False], ids=["delivered", "not yet"])
def test_command_mends_a_finished_sweep(delivered: bool, undisturbed: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(undisturbed, tmp_path / "home"))
    if not delivered:
        (home / "mlflow.db").unlink()
        for path in home.glob("journal/*/tracking-*.json"):
            path.unlink()
    damage(home, 1)
    doctor = run_octant(home, "doctor")
    assert "Traceback" not in doctor.stderr
    done = run_octant(home, *SWEEP)
    assert done.returncode == 0, done.stderr
    same(home, undisturbed)


def same(home: Path, undisturbed: Path) -> None:
    """Every point once with its value; one finished run per fingerprint, with its model."""
    assert Database(home).statuses() == {"FINISHED": 12}
    assert Database(home).histories() == Database(undisturbed).histories()
    models = "select count(distinct source_run_id) from logged_models join runs on run_uuid = source_run_id "
    assert Database(home).query(models + "where runs.lifecycle_stage = 'active'") == [(12,)]


@pytest.mark.parametrize("seed", [0, 1])
def test_command_mends_killed_sweep(seed: int, undisturbed: Path, tmp_path: Path) -> None:
    """Killed in the middle: lines sent, or not, whose receipts know of it, or not, before they are damaged."""
    home = tmp_path / "home"
    sweep = subprocess.Popen(
        [sys.executable, "-m", "octant", *SWEEP], env=environment(home), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    wait_for(lambda: len(list(home.glob("journal/*/checkpoint.npz"))) > 4, 120, "the fifth run")
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.communicate()
    damage(home, seed)
    done = run_octant(home, *SWEEP)
    assert done.returncode == 0, done.stderr
    same(home, undisturbed)


def test_lines_trained_again_are_not_sent_twice(undisturbed: Path, tmp_path: Path) -> None:
    """The store has taken all; the receipt tells of 20; the journal's lines from 10 on are lost."""
    home = Path(shutil.copytree(undisturbed, tmp_path / "home"))
    for folder in (home / "journal").iterdir():
        lines = (folder / "epochs.jsonl").read_bytes().splitlines(keepends=True)
        replace(folder / "epochs.jsonl", b"".join([*lines[:10], b"\0" + lines[10][1:], *lines[11:]]))
        (path,) = folder.glob("tracking-*.json")
        receipt = read_json(path) or {}
        write_json(path, receipt | {"status": "RUNNING", "sent": 20})
    done = run_octant(home, *SWEEP)
    assert done.returncode == 0, done.stderr
    same(home, undisturbed)

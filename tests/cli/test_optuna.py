"""`hydra/sweeper=optuna` with the real Optuna: a killed study goes on, and no trial is trained twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hydra_plugins import octant_optuna
from octant.errors import InputError
from octant.runs.run import Outcome
from support.command import Database, environment
from support.services import need_python

pytestmark = [pytest.mark.slow, pytest.mark.services]
TRIALS = 20
TINY = ["engine=numpy", "hidden_units=4", "batch_size=100", "epochs=1"]
SPACE = ["learning_rate=tag(log,interval(0.01,1))", "hidden=tanh,sigmoid"]
COMMAND = [sys.executable, "-m", "octant", "-m", "hydra/sweeper=optuna", f"hydra.sweeper.n_trials={TRIALS}"]


@pytest.fixture(autouse=True)
def optuna() -> None:
    need_python("optuna", "optuna")


def study(home: Path) -> list[tuple[str, float | None]]:
    """State and value of each trial, read without Optuna."""
    if not (home / "optuna.db").exists():
        return []
    with closing(sqlite3.connect(f"file:{home / 'optuna.db'}?mode=ro", uri=True)) as connection:
        try:
            return connection.execute(
                "select state, value from trials left join trial_values using (trial_id) order by trial_id"
            ).fetchall()
        except sqlite3.OperationalError:  # its tables are being made
            return []


def finished(home: Path) -> int:
    return sum(state == "COMPLETE" for state, _ in study(home))


def kill_in_the_middle(home: Path, command: list[str]) -> None:
    with (home / "output").open("w") as output:
        begun = subprocess.Popen(command, env=environment(home), stdout=output, stderr=output, start_new_session=True)
        deadline = time.monotonic() + 120
        while finished(home) < 5:
            assert begun.poll() is None, (home / "output").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(begun.pid, signal.SIGKILL)
        begun.wait()


def test_killed_study_goes_on(tmp_path: Path) -> None:
    command = [*COMMAND, *TINY, *SPACE]
    kill_in_the_middle(tmp_path, command)
    before, journals = study(tmp_path), trained(tmp_path)
    assert 5 <= len(before) < TRIALS
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    after = study(tmp_path)
    assert [state for state, _ in after] == ["COMPLETE"] * TRIALS
    assert all(now == then for then, now in zip(before, after, strict=False) if then[0] == "COMPLETE")
    database = Database(tmp_path)
    assert database.query("select lifecycle_stage, count(*) from runs group by 1") == [("active", TRIALS)]
    assert database.query("select count(distinct value) from tags where key = 'fingerprint'") == [(TRIALS,)]
    stored = [values[-1][1] for (_, name), values in database.histories().items() if name == "validation_accuracy"]
    assert sorted(stored) == sorted(value for _, value in after if value is not None)
    assert journals.items() <= trained(tmp_path).items()
    assert f"the best is trial {max(range(TRIALS), key=lambda i: after[i][1] or 0)} with" in done.stdout
    assert f"{TRIALS} runs: {TRIALS - len(journals)} trained, {len(journals)} were there already" in done.stdout
    assert "nothing is compared: the sweeper chose these runs by their results" in done.stdout


def trained(home: Path) -> dict[str, int]:
    """The journals of finished runs, and when each was last written to."""
    found = {path: path.read_bytes() for path in (home / "journal").glob("*/epochs.jsonl")}
    return {path.parent.name: path.stat().st_mtime_ns for path, text in found.items() if b'"outcome"' in text}


def opened(storage: str | None = None, **changed: Any) -> Any:
    options = {
        "sampler": {"_target_": "optuna.samplers.RandomSampler", "seed": 1}, "direction": None, "storage": storage,
        "study_name": "mine", "n_trials": 4, "n_jobs": 2, "params": None,
    } | changed  # fmt: skip
    sweeper = octant_optuna.OptunaSweeper(**options)
    sweeper._direction = options["direction"] or "maximize"
    sweeper._config = SimpleNamespace(experiment=SimpleNamespace(name="octant"))  # type: ignore[assignment]
    return sweeper._study(["seed=0"])


@pytest.mark.parametrize(("direction", "best"), [("maximize", 0.9), ("minimize", 0.2)])
def test_diverged_trial_is_never_the_best(direction: str, best: float) -> None:
    study = opened(direction=direction)
    told = [(0.2, Outcome.FINISHED), (float("nan"), Outcome.DIVERGED), (0.9, Outcome.FINISHED),
            (float("nan"), Outcome.KILLED)]  # fmt: skip
    for value, outcome in told:
        octant_optuna._tell(study, study.ask(), value, outcome)
    assert [each.state.name for each in study.trials] == ["COMPLETE", "PRUNED", "COMPLETE", "RUNNING"]
    assert study.best_value == best
    first = next(octant_optuna._batches(study, 5, 2))
    upgraded = f"octant_optuna.py was read in Optuna {octant_optuna.READ_FROM}; read it again, then raise READ_FROM"
    assert [each.number for each in first] == [0, 1, 2, 3], upgraded
    octant_optuna._tell(study, first[3], 0.5, Outcome.FINISHED)
    octant_optuna._tell(study, first[0], 0.7, Outcome.FINISHED)
    assert [each.value for each in study.trials[:4]] == [0.2, None, 0.9, 0.5]


def test_study_of_another_question_is_refused(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    opened(storage)
    with pytest.raises(InputError, match="the study mine has another one"):
        opened(storage, direction="minimize")
    opened(storage).set_user_attr("asked", "seed=1")
    with pytest.raises(InputError, match="the study mine is of another question"):
        opened(storage)


def test_seed_chooses_trials_of_a_resumed_study(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    chosen = [opened(storage).ask().suggest_float("x", 0, 1) for _ in range(2)]
    assert chosen[0] != chosen[1]


def test_runs_without_validation_are_refused() -> None:
    study = opened()
    with pytest.raises(InputError, match="no validation metric to choose by"):
        octant_optuna._tell(study, study.ask(), float("nan"), Outcome.FINISHED)


def test_unusable_storage_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hydra/sweeper=optuna: no study: [^\n]*$"):
        opened(f"sqlite:///{tmp_path / 'nowhere' / 'study.db'}")

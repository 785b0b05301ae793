"""A trainer's determinism is measured: bit-exact, within a tolerance, or not reproducible."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from octant import home
from octant.analysis.report.origin import origin
from octant.cli.main import run
from octant.errors import InputError
from octant.runs.journal import Journal
from octant.runs.lines import History
from octant.runs.probe import _Deviations, known
from octant.runs.tolerance import WITHIN, apart
from octant.runs.worker import _keep
from octant.trainer import Epoch, trainer

TRAINER = """
import numpy as np
import octant

class Settings(octant.Settings):
    epochs: int = 5

def train(settings, state=None):
    random = np.random.default_rng({seed})
    w, first = random.normal(), 1
    if state:
        w, first = state["w"], state["epoch"] + 1
        {restored}
    for epoch in range(first, settings.epochs + 1):
        w = 0.9 * w + random.normal()
        jitter = {jitter} * np.random.default_rng().uniform(1, 2)
        {fault}
        state = {{"w": w, "epoch": epoch, "random": random.bit_generator.state}}
        yield octant.Epoch(epoch, {{"test_loss": w * (1 + jitter)}}, {carried})
"""
RESTORED = "random.bit_generator.state = state['random']"
GOOD = {"seed": "settings.seed", "restored": RESTORED, "jitter": "0", "fault": "pass", "carried": "state"}


def written(folder: Path, **changes: str) -> str:
    (folder / "mine.py").write_text(TRAINER.format(**(GOOD | changes)))
    return str(folder / "mine.py")


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTANT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(home, "_used", [])


@pytest.mark.parametrize(
    ("changes", "code", "verdict"),
    [
        ({}, 0, "mine.py: bit-exact: two epochs twice are the same, resumed after the first are the same"),
        ({"carried": "None"}, 0, "mine.py: bit-exact: two epochs twice are the same, there is no state to go on from"),
        ({"jitter": "1e-12"}, 0, "mine.py: equal within a tolerance of 1e-05: two epochs twice differ by up to "),
        ({"seed": "None"}, 1, "mine.py: not reproducible: two epochs twice differ by up to "),
        ({"restored": "pass"}, 1, "mine.py: not reproducible: two epochs twice are the same, resumed after"),
    ],
    ids=["exact", "stateless", "jitter", "unseeded", "forgetful"],
)
def test_probe_tells_them_apart(
    changes: dict[str, str], code: int, verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, **changes)
    assert run(["doctor", "--probe", file]) == code
    said = capsys.readouterr().out
    assert said.startswith(verdict)
    assert said.splitlines()[0] == f"mine.py: {known(trainer(file))['determinism']}"  # what runs are tagged with


def test_probe_that_fails_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^mine.py, line 17: KeyError: 'lost'$"):
        run(["doctor", "--probe", written(tmp_path, fault="raise KeyError('lost')")])


def test_relative_difference_is_of_the_larger() -> None:
    then = {("a", 1): 2.0, ("a", 2): 0.0}
    assert apart(then, dict(then)) == 0
    assert apart(then, {("a", 1): 1.0, ("a", 2): 0.0}) == 0.5
    assert apart(then, {("a", 1): 2.0}) == math.inf
    assert str(_Deviations(0.0, math.inf)).endswith("resumed after the first differ in what they record")
    assert not _Deviations(0.0, 2e-5).is_reproducible


def test_report_says_what_was_measured() -> None:
    runs = pd.DataFrame({"trainer": ["/a/mine.py", "/a/mine.py::settings=C"], "determinism": ["bit-exact: yes", None]})
    assert ["determinism", "bit-exact: yes"] in origin(runs)
    assert ["determinism", "not measured: octant doctor --probe mine.py, before a sweep"] in origin(
        runs.drop(columns="determinism")
    )
    assert "determinism" not in dict(origin(runs.assign(trainer="network", determinism=None)))


def test_resumed_run_may_differ_as_measured(tmp_path: Path) -> None:
    """Epochs that are trained again must be the same to the bit, unless the trainer was measured not to be exact."""
    journal = Journal(tmp_path)
    history = History([{"epoch": 1, "time": 0, "seconds": 0.0, "metrics": {"loss": 1.0}}])
    near, far = (Epoch(1, {"loss": value}) for value in (1 + 1e-9, 1.1))
    identity: Any = {"provenance": {}}
    with pytest.raises(RuntimeError, match=r"came out differently.*octant doctor --probe measures"):
        _keep(journal, history, near, identity)
    identity["provenance"]["determinism"] = f"{WITHIN}: two epochs twice differ by up to 1e-09 of a number"
    _keep(journal, history, near, identity)
    with pytest.raises(RuntimeError, match=r"came out differently.*with rerun=true$"):
        _keep(journal, history, far, identity)

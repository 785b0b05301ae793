"""experiment.max_repeats on the command line: it stops early, goes to its limit, and is the same after a kill."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from octant.analysis.report import pages
from octant.tracking.declared import declared_of
from octant.tracking.store import connect, located
from support.command import Database, environment, run_here

APART = [
    "experiment=smoke",
    "hidden=tanh",
    "output=softmax",
    "epochs=2",
    "workers=2",
    "experiment.endpoint=mean_of_test_accuracy",
    "experiment.max_repeats=20",
]
# Recording more changes no number: the two are equal, and without a margin never decided.
LEVEL = ["experiment=smoke", "loss=mse", "hidden=tanh", "output=softmax", "epochs=1", "workers=2",
         "diagnostics=true,false", "experiment.compare=[diagnostics]", "experiment.max_repeats=12"]  # fmt: skip
LOOKED = "Looked 3 times, after 5, 10 and 12 of at most 12 seeds; limits for repeated looks (Lan and DeMets 1983)."


def pairs(home: Path) -> pd.DataFrame:
    (file,) = home.glob("reports/smoke-*/pairs.csv")
    return pd.read_csv(file)


def train(home: Path, *words: str) -> tuple[str, str]:
    """What a command that ends well prints, on stdout and stderr."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        assert run_here(home, *words) == 0
    return out.getvalue(), err.getvalue()


@pytest.fixture(scope="module", autouse=True)
def undrawn() -> Iterator[None]:
    """Figures take most of a small sweep's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "draw", lambda found: iter(()))
        yield


@pytest.fixture(scope="module")
def limit(tmp_path_factory: pytest.TempPathFactory, undrawn: None) -> tuple[Path, str, str]:
    """A sweep that went to its limit: its state folder, and what it printed."""
    home = tmp_path_factory.mktemp("limit") / "home"
    return home, *train(home, *LEVEL, "rerun=true")


def test_large_difference_stops_early(tmp_path: Path) -> None:
    out, err = train(tmp_path, *APART)
    assert "10 runs: 10 trained, 0 were there already" in out
    assert "Looked once, after 5 of at most 20 seeds" in out
    assert "more are trained" not in err
    assert Database(tmp_path).statuses() == {"FINISHED": 10}
    assert pairs(tmp_path)["shown"].all()


def test_level_ones_go_to_the_limit(limit: tuple[Path, str, str]) -> None:
    """Each run is trained once, also where all are to be trained anew."""
    home, out, err = limit
    assert "24 runs: 24 trained, 0 were there already" in out
    assert LOOKED in out
    assert "next:" not in out
    assert "not decided by 5 seeds; 5 more are trained, of at most 12" in err
    assert "not decided by 10 seeds; 2 more are trained, of at most 12" in err
    assert Database(home).statuses() == {"FINISHED": 24}
    assert pairs(home)["n"].tolist() == [12]


def test_killed_sweep_ends_the_same(limit: tuple[Path, str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "octant", *LEVEL]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          env=environment(tmp_path), start_new_session=True) as child:  # fmt: skip
        assert child.stderr is not None
        while "not decided by 5 seeds" not in (line := child.stderr.readline()):
            assert line, "it ended before"
        child.kill()
    assert LOOKED in train(tmp_path, *LEVEL)[0]
    pd.testing.assert_frame_equal(pairs(tmp_path), pairs(limit[0]))
    assert [path.name for path in tmp_path.glob("reports/*")] == [path.name for path in limit[0].glob("reports/*")]


def test_report_knows_the_looks_from_the_store(limit: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    home = limit[0]
    (name,) = (path.name for path in home.glob("reports/smoke-*"))
    assert LOOKED in train(home, "report", "smoke", "--sweep", name)[0]
    monkeypatch.setenv("OCTANT_HOME", str(home))
    assert declared_of(connect(located(None), "smoke", create=False), name).question.looks == (5, 10, 12)

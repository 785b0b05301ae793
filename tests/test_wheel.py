"""A wheel of octant in an environment and a folder of its own: no clone, no make, no git."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.services import missing

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.services, pytest.mark.xdist_group("wheel")]

Say = Callable[..., str]


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel; what it needs is read from the one that runs this test."""
    if find_spec("hatchling") is None:
        missing("hatchling (make setup)")
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = ["wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = folder.glob("octant_sweep-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    (packages,) = (folder / "venv").glob("lib/*/site-packages")
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"))
    return python.parent


@pytest.fixture(scope="module")
def say(bin_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Say:
    """Run a program of that environment in one empty folder; returns what it prints, after its exit code."""
    folder = tmp_path_factory.mktemp("empty")

    def run(program: str, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [bin_folder / program, *words],
            cwd=folder,
            env={"PATH": str(bin_folder), "HOME": str(folder), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    return run


def test_wheel_answers_from_anywhere(say: Say) -> None:
    state = re.search(r"reports lie in (\S+); OCTANT_HOME", say("octant", "--help"))
    assert state
    first = say("octant", "experiment=smoke")
    assert "16 runs: 16 trained" in first
    assert f"report      {state[1]}/reports/smoke/report.html" in first
    assert "published" not in first
    best = re.search(r"so far (.*) is best", first)
    assert best
    assert best[0] in say("octant", "report", "smoke")
    compared = say("octant", "compare", f"{state[1]}/reports/smoke/results.csv", "--out", "compared")
    assert "compared: loss, hidden, output;" in compared
    assert say("octant", "doctor").startswith("journals: 16 finished")
    assert "in a clone" in say("octant", "publish", "smoke", code=2)
    assert "octant predict" in say("octant", "promote", "smoke")
    Path(state[1], "..", "digit.csv").write_text(",".join(["0.5"] * 64) + "\n")
    assert re.search(r"^class \d$", say("octant", "predict", "digit.csv"), re.MULTILINE)


def test_hints_fit_installed_octant(say: Say) -> None:
    line = say("python", "-c", "from octant import home; print(home.install('server'))")
    assert line == "pip install 'mlflow[auth]>=3.17' 'psycopg2-binary>=2.9'\n"

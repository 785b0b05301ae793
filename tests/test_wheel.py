"""A wheel of octant in an environment and a folder of its own: no clone, no make, no git."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
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
    """The programs of an environment that the Containerfile's own lines made, from the package index alone.

    No engine is needed: its COPY and RUN lines in their order, beside a wheel, where nothing but pip is installed.
    """
    if find_spec("hatchling") is None:
        missing("hatchling (make setup)")
    folder = tmp_path_factory.mktemp("container")
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*wheel, "--wheel-dir", folder / "dist", ROOT], check=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    there = {name: value for name, value in os.environ.items() if not name.startswith(("OCTANT_", "PYTHON"))}
    there |= {"PATH": f"{folder / 'venv' / 'bin'}:/usr/bin:/bin"}
    for word, line in steps():
        if word == "COPY":
            for source in line.split()[:-1]:
                top = ROOT if (ROOT / source).is_file() else folder
                for file in list(top.glob(source)):
                    shutil.copy(file, folder)
        elif word == "RUN":
            command = ["/bin/sh", "-ec", line.replace("--no-cache-dir", "--quiet")]
            subprocess.run(command, cwd=folder, env=there, check=True)
    return folder / "venv" / "bin"


def steps() -> list[tuple[str, str]]:
    """The Containerfile's instructions and what stands behind them."""
    lines = (line.partition(" ") for line in (ROOT / "Containerfile").read_text().splitlines())
    return [(word, line) for word, _, line in lines if word.isupper()]


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


def test_container_starts_with_help(say: Say) -> None:
    entry, words = (json.loads(line) for word, line in steps() if word in ("ENTRYPOINT", "CMD"))
    assert steps()[0] == ("FROM", "python:3.11-slim")
    assert ("ENV", "OCTANT_HOME=/work/mlruns") in steps()
    assert "a sweep of your own" in say(*entry, *words)

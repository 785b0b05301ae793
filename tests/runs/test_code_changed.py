"""The fingerprint knows the trainer's code: an edited derivative trains anew, an edited comment does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = ("engine=numpy", "hidden=tanh", "hidden_units=4", "batch_size=100", "epochs=2", "seed=0,1")
SLOPE = "return dA * (1.0 - A * A)"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of its own, with two runs trained."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    assert "2 runs: 2 trained" in octant(folder).stdout
    return folder


def octant(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(folder / 'src')!r}); from octant.__main__ import main; main()"
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env |= {"OCTANT_HOME": str(folder / "state"), "PYTHONPATH": str(folder / "src")}
    command = [sys.executable, "-c", code, "-m", *RUN, *more]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "src" / "octant" / "network" / "activations.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_comments_and_layout_train_nothing(copy: Path) -> None:
    edit(copy, SLOPE, f"# The slope.\n    return dA * (\n        1.0\n        - A * A\n    )  # not {SLOPE}")
    edit(copy, '"""dz = da * (1 - a^2)."""', '"""The pullback of tanh."""')
    done = octant(copy)
    assert "2 runs: 0 trained, 2 were there already" in done.stdout
    assert "changed" not in done.stderr


def test_edited_derivative_trains_anew(copy: Path) -> None:
    edit(copy, "1.0\n        - A * A", "1.0\n        - 0.999 * A * A")
    first = octant(copy)
    assert "2 runs: 2 trained" in first.stdout
    assert "activations.py changed since" in first.stderr
    assert "2 runs: 0 trained" in octant(copy).stdout
    edit(copy, "1.0\n        - 0.999 * A * A", "1.0\n        - 0.998 * A * A")
    digest = next(iter(sorted((copy / "state" / "journal").iterdir()))).name[32:]
    same = octant(copy, f"code={digest}")
    assert "2 runs: 0 trained, 2 were there already" in same.stdout

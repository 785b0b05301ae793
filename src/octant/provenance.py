"""Where a run comes from: commit, versions, machine, command. Names are the tags that MLflow shows."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from octant import home


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, no shell
            ["git", "-C", str(home.project()), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


@cache
def describe() -> dict[str, str]:
    """Commit, branch, dirty or clean, versions of what computes the numbers, CPU; unknown ones are left out."""
    status = _git("status", "--porcelain") if home.in_checkout() else None
    found = {
        "mlflow.source.git.commit": _git("rev-parse", "HEAD") if home.in_checkout() else None,
        "mlflow.source.git.branch": _git("rev-parse", "--abbrev-ref", "HEAD") if home.in_checkout() else None,
        "git_state": None if status is None else ("dirty" if status else "clean"),
        "version_python": platform.python_version(),
        **{f"version_{name}": metadata.version(name) for name in ("octant", "numpy", "numba", "mlflow")},
        "cpu": _cpu(),
        "platform": f"{sys.platform} {platform.machine()}",
    }
    return {name: value for name, value in found.items() if value}

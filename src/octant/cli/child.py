"""A launch of octant in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def launched(words: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Its exit code; it says itself how far it is and what went wrong, and its conclusion is not shown."""
    command = [sys.executable, "-m", "octant", *words]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as child:  # noqa: S603
        try:
            return child.wait()
        except BaseException:  # Ctrl-C reaches the child as well, which saves its runs
            child.terminate()
            child.wait()
            raise

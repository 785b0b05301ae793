"""What a trainer prints goes to the run's journal, by file descriptor, so that compiled libraries' output does, too."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OUTPUT = "output.txt"


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Write stdout and stderr of this process to `output.txt` in the folder; without output there is no file."""
    path = folder / OUTPUT
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    before = [(number, os.dup(number)) for number in (1, 2)]
    _flush()
    try:
        for number, _ in before:
            os.dup2(file, number)
        yield
    finally:
        _flush()
        for number, kept in before:
            os.dup2(kept, number)
            os.close(kept)
        os.close(file)
        with suppress(OSError):
            if not path.stat().st_size:
                path.unlink()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()

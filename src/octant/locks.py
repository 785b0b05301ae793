"""The operating system's file locks, in one place. A process that ends, however it ends, lets go of what it held."""

from __future__ import annotations

import fcntl
from typing import IO


def lock_alone(file: IO[str] | IO[bytes] | int, *, wait: bool = True) -> None:
    """Hold the open file's lock, and nobody else; raises BlockingIOError where somebody has it and `wait` is False."""
    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def lock_shared(file: IO[str] | IO[bytes] | int) -> None:
    """Hold the open file's lock beside others that share it; waits for one that holds it alone."""
    fcntl.flock(file, fcntl.LOCK_SH)

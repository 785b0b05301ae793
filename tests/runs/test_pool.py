"""What workers need of the machine."""

from __future__ import annotations

import errno

import pytest

from octant.errors import line_of
from octant.runs import pool
from octant.trainer import trainer


def test_missing_shared_memory_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers have /dev/shm read-only, or none: Python says "Read-only file system", and not of what."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refused)
    with pytest.raises(OSError, match="workers need") as caught:
        pool._context(trainer(), [], 1)
    assert line_of(caught.value) == "workers need to write there (Read-only file system): /dev/shm"

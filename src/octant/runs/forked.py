"""Imported by the fork server alone: a worker forked at the moment its launcher ends goes without a traceback.

Its pipe and semaphores are gone then. A worker that cannot start for another reason is seen by the pool, and
exceptions of jobs never come here. A trainer that is a file is imported here once, for all workers.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from types import TracebackType

from octant.errors import InputError
from octant.trainer import trainer
from octant.trainer.files import PRELOAD


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, (OSError, EOFError)):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _hook


if _file := os.environ.get(PRELOAD):
    with suppress(InputError), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        trainer(_file)  # where it cannot be imported, each worker says so

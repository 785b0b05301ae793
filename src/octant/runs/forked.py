"""Imported by the fork server alone: a worker forked at the moment its launcher ends goes without a traceback.

Its pipe and semaphores are gone then. A worker that cannot start for another reason is seen by the pool, and
exceptions of jobs never come here.
"""

from __future__ import annotations

import sys
from types import TracebackType


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, (OSError, EOFError)):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _hook

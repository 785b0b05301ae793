"""The ledger of `octant check`: what was tried against which code, so that many attempts are not many chances.

One sealed line per attempt. The file is kept whole by its writer, who holds the lock of the check.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from octant.runs.disk import make_folder, replace
from octant.seal import sealed, unsealed


@dataclass(frozen=True)
class LedgerLine:
    """One attempt. `base` and `head` say what was compared, `base_code` digests the trainer's code of BASE.

    `runs` digests the runs of both and the question: the same again is the same attempt. `gain`, `low` and `high` are
    the estimate and its interval at the level 1 - `alpha`.
    """

    experiment: str
    base_code: str
    runs: str
    number: int
    alpha: float
    base: str
    head: str
    gain: float
    low: float
    high: float
    decision: str
    time: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


class Ledger:
    """The lines of one file; where it is not there, none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        content = path.read_bytes() if path.exists() else b""
        self._kept = content.splitlines(keepends=True)
        whole = [unsealed(line) for line in self._kept]
        self.lines = [LedgerLine(**json.loads(body)) for body in whole if body]
        self._damaged = whole.count(None)

    def number(self, experiment: str, base_code: str, runs: str) -> int:
        """Which attempt against this code it is, from 1: that of the same runs, or one more than there are.

        A damaged line may have been any attempt: it counts as one.
        """
        tried = [line for line in self.lines if (line.experiment, line.base_code) == (experiment, base_code)]
        return next((line.number for line in tried if line.runs == runs), len(tried) + self._damaged + 1)

    def note(self, line: LedgerLine) -> None:
        """Add an attempt, unless it is there."""
        if self.is_noted(line, self.lines):
            return
        make_folder(self._path.parent)
        ends = [each if each.endswith(b"\n") else each + b"\n" for each in self._kept]
        self._kept = [*ends, sealed(json.dumps(asdict(line)))]
        replace(self._path, b"".join(self._kept))
        self.lines.append(line)

    @staticmethod
    def is_noted(line: LedgerLine, lines: Sequence[LedgerLine]) -> bool:
        """Whether the same attempt is among the lines."""
        same = (line.experiment, line.base_code, line.runs)
        return any((each.experiment, each.base_code, each.runs) == same for each in lines)

"""What run.json and the lines of a journal hold, as types, and all lines together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NotRequired, Required, TypedDict

from octant.seal import Json


class _Code(TypedDict):
    """The trainer's code: the digest that counts, its own, and a digest per file."""

    digest: str
    own: str
    files: dict[str, str]


class Identity(TypedDict):
    """Content of run.json: everything that says what the run is. `dataset` has name, digest, reading and facts."""

    trainer: str
    trainer_file: NotRequired[str]
    settings: dict[str, Json]
    places: list[str]
    configuration: str
    fingerprint: str
    code: _Code
    dataset: dict[str, Json]
    provenance: dict[str, str]
    uncommitted: str | None


class Attempt(TypedDict):
    """One line of attempts.jsonl: the attempt's number, its first epoch, and where it ran."""

    attempt: int
    epoch: int
    time: int
    facts: dict[str, str]


class EpochLine(TypedDict):
    """One epoch; `time` in milliseconds since 1970."""

    epoch: int
    time: int
    seconds: float
    metrics: dict[str, float]


class OutcomeLine(TypedDict, total=False):
    """The last line: of a finished run with `has_state` and the CRC of each file, of a diverged one with the reason."""

    outcome: Required[str]
    time: Required[int]
    has_state: bool
    files: dict[str, int]
    epoch: int
    reason: str


@dataclass(frozen=True)
class History:
    """What a journal holds: the epochs, and the outcome once the run is over."""

    epochs: list[EpochLine] = field(default_factory=list)
    outcome: OutcomeLine | None = None
    size: int = 0  # bytes of complete, valid lines

    @property
    def files(self) -> dict[str, int]:
        """What the trainer logged at the end, with the CRC of each file."""
        return self.outcome.get("files", {}) if self.outcome else {}

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end, and did not diverge."""
        return self.outcome is not None and self.outcome["outcome"] == "finished"

"""A run, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from octant.runs.journal import Journal
from octant.runs.lines import Identity
from octant.trainer import Settings


class Outcome(StrEnum):
    """How a run, or the attempt at it, ended."""

    FINISHED = "finished"
    DIVERGED = "diverged"
    FAILED = "failed"
    KILLED = "killed"
    BUSY = "busy"  # another process trains it

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to train."""
        return self in (Outcome.FINISHED, Outcome.DIVERGED)


@dataclass(frozen=True)
class Ending:
    """An outcome with its reason in words; `earlier` where another launch has trained the run in the meantime."""

    outcome: Outcome
    reason: str = ""
    earlier: bool = False


@dataclass(frozen=True)
class Run:
    """One run from the command to the report: what is trained by whom, and the folder of all state.

    `identity` is the content of run.json: everything that says what the run is, in plain values.
    """

    trainer: str
    settings: Settings
    fingerprint: str
    state: Path
    identity: Identity

    @property
    def journal(self) -> Journal:
        """The durable record of the run."""
        return Journal(self.state / "journal" / self.fingerprint)

    @property
    def configuration(self) -> str:
        """The name of what is compared."""
        return str(self.identity["configuration"])

    @property
    def name(self) -> str:
        """What people call the run."""
        return f"{self.configuration} seed={self.settings.seed}".strip()

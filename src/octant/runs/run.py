"""A run, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from octant.runs.journal import Journal
from octant.runs.lines import Identity
from octant.trainer import Settings, trainer


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

    `identity` is the content of run.json: everything that says what the run is, in plain values. `trainer` is a name or
    a file's reference.
    """

    trainer: str
    settings: Settings
    fingerprint: str
    state: Path
    identity: Identity

    @classmethod
    def restored(cls, state: Path, identity: Identity) -> Run:
        """The run that another process sent as its identity; raises InputError where its trainer is not to be had."""
        name = str(identity.get("trainer_file") or identity["trainer"])
        settings = trainer(name).parse(identity["settings"])
        return cls(name, settings, identity["fingerprint"], state, identity)

    @property
    def journal(self) -> Journal:
        """The durable record of the run."""
        return Journal(self.state / "journal" / self.fingerprint)

    @property
    def is_of_this_launch(self) -> bool:
        """Whether the command that made this object has begun to train it already."""
        begun = self.journal.identity
        return begun is not None and begun["provenance"]["launch"] == self.identity["provenance"]["launch"]

    @property
    def configuration(self) -> str:
        """The name of what is compared."""
        return str(self.identity["configuration"])

    @property
    def name(self) -> str:
        """What people call the run."""
        named = self.configuration or " ".join(f"{name}={value}" for name, value in self._chosen().items())
        return f"{named} seed={self.settings.seed}".strip()

    def _chosen(self) -> dict[str, object]:
        """The settings that are not at their default, by their name on the command line."""
        fields = type(self.settings).model_fields
        values = {name: getattr(self.settings, name) for name in fields if name != "seed"}
        return {name: value for name, value in values.items() if value != fields[name].get_default()}

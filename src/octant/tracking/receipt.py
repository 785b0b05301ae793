"""The receipt: what a store has accepted of a run. It lies beside the run's journal, one per store and experiment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from octant.runs import packed
from octant.runs.disk import Busy, locked, make_folder, write_json
from octant.runs.journal import Journal
from octant.tracking.declared import sweeps_with
from octant.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run


class State(StrEnum):
    """What a store shows of a run; the words are MLflow's but for the first."""

    WANTED = "WANTED"  # nothing yet
    RUNNING = "RUNNING"
    KILLED = "KILLED"
    FAILED = "FAILED"
    FINISHED = "FINISHED"

    @classmethod
    def _missing_(cls, value: object) -> State | None:
        return cls.WANTED if value is None else None  # in receipts of an older octant


@dataclass(frozen=True)
class Receipt:
    """What a store has accepted of a run: `status`, `sent` epochs, and what was logged once.

    `creating` and `modelling` are written before the run and its model are made: after a crash they are looked for.
    `sweep` wants the run, `tagged` is the sweep that the store has it under; `trash` are runs that it
    replaces; `look` are the tags by which the sweep tells its runs apart: see looks.py.
    """

    store: str = ""
    experiment: str = ""
    sweep: str = ""
    tagged: str | None = None
    status: State = State.WANTED
    sent: int = 0
    creating: str | None = None
    run_id: str | None = None
    artifacts: str | None = None
    described: bool = False
    attempts: str | None = None
    modelling: str | None = None
    model_id: str | None = None
    sha256: str | None = None
    trash: tuple[str, ...] = ()
    look: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, values: dict[str, object]) -> Receipt:
        """From JSON; what makes no sense counts as not told, and is sent again."""
        try:
            return _RECEIPT.validate_python(values)
        except ValidationError as error:
            wrong = {each["loc"][0] for each in error.errors()}
            return _RECEIPT.validate_python({name: each for name, each in values.items() if name not in wrong})

    @property
    def is_new(self) -> bool:
        """Whether it tells of no run, made or about to be made."""
        return not (self.run_id or self.creating)

    @property
    def is_current(self) -> bool:
        """Whether the store's run is under the sweep that wants it, and those that it replaces are gone."""
        return bool(self.run_id and self.tagged == self.sweep and not self.trash)

    @property
    def is_final(self) -> bool:
        """Whether the store has the finished run in full: nothing will be sent any more."""
        return self.is_current and self.status is State.FINISHED

    def with_run(self, run: Run) -> Receipt:
        """This receipt, of a run that is in the store."""
        return replace(self, run_id=run.info.run_id, artifacts=run.info.artifact_uri)

    def without_run(self) -> Receipt:
        """This receipt, where the store does not know the run any more."""
        return Receipt(self.store, self.experiment, self.sweep, trash=self.trash, look=self.look)


_RECEIPT = TypeAdapter(Receipt)


def run_id_of(creating: str) -> str:
    """The id of a run that is written whole: it follows from `creating`, so that a crash leaves no unknown one."""
    return hashlib.sha256(creating.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Delivery:
    """One run wanted in one experiment of one store: its journal, and the receipt's key.

    `wishes` has what the receipt is to say once who sends the run now lets go of it.
    """

    journal: Journal
    key: str
    wishes: list[Callable[[Receipt], Receipt]] = field(default_factory=list, compare=False)

    @property
    def path(self) -> Path:
        """The receipt's file."""
        return self.journal.folder / f"tracking-{self.key}.json"

    def lock(self) -> AbstractContextManager[None]:
        """Held by whoever sends; raises Busy."""
        return locked(self.path.with_suffix(".lock"))

    def receipt(self) -> Receipt:
        """What the store has accepted."""
        return Receipt.of(self.journal.json(self.path.name) or {})

    def save(self, receipt: Receipt) -> None:
        """Replace the receipt; a packed run is unpacked for it."""
        with packed.changing(self.journal.folder):
            write_json(self.path, asdict(receipt))

    def settle(self) -> None:
        """Write the wishes; raises Busy while another process sends the run, whose next receipt would lack them."""
        while self.wishes:
            with self.lock():
                self.save(self.wishes[0](self.receipt()))
                self.wishes.pop(0)

    def is_done(self) -> bool:
        """Whether the store has all there is: the finished run, or what an attempt that is over has left."""
        receipt = self.receipt()
        if receipt.is_final or self.journal.identity is None:
            return not self.journal.is_damaged
        history = self.journal.read()
        ended = receipt.is_current and receipt.status in (State.KILLED, State.FAILED)
        sent = history.outcome is None and receipt.sent >= len(history.epochs)
        return ended and sent and not self.journal.is_live()

    def path_in(self, experiment_id: str) -> str:
        """The run's page behind the server's address."""
        return f"#/experiments/{experiment_id}/runs/{self.receipt().run_id}"


def place(
    store: Store,
    experiment: str,
    sweep: str,
    journal: Journal,
    *,
    look: Mapping[str, str] | None = None,
    anew: bool = False,
) -> Delivery:
    """Write the wish to have a run in the store; `anew` sends the run it had there to the trash.

    Where another process sends the run now, it stays among the delivery's `wishes`: who hangs stops no other sweep.
    """
    delivery = Delivery(journal, store.key(experiment))

    def wanted(receipt: Receipt) -> Receipt:
        if anew and not receipt.is_new:
            # A crash may have kept the store's answer from us.
            made = receipt.run_id or run_id_of(str(receipt.creating))
            receipt = Receipt(sweep=receipt.sweep, trash=(*receipt.trash, made))
        receipt = replace(receipt, sweep=sweeps_with(receipt.sweep, sweep), look=dict(look or {}))
        is_named = receipt.store and receipt.experiment
        return receipt if is_named else replace(receipt, store=store.name or store.shown, experiment=experiment)

    if wanted(receipt := delivery.receipt()) != receipt:
        make_folder(journal.folder)
        delivery.wishes.append(wanted)
        with suppress(Busy):
            delivery.settle()
    return delivery


def journals(state: Path) -> list[Journal]:
    """Every run that has a journal here."""
    folder = state / "journal"
    names = {path.name for path in folder.glob("*") if path.is_dir()} | set(packed.fingerprints(state))
    return [Journal(folder / name) for name in sorted(names)]


def placed(state: Path, only: Store | None = None) -> Iterator[Delivery]:
    """What was ever to be delivered to any store, or to `only`."""
    for journal in journals(state):
        yield from _placed(journal, only)


def is_delivered(journal: Journal) -> bool:
    """Whether at least one store is to have the run, and each that is has it in full."""
    found = list(_placed(journal))
    return bool(found) and all(each.is_done() for each in found)


def _placed(journal: Journal, only: Store | None = None) -> Iterator[Delivery]:
    names = {path.name for path in journal.folder.glob("tracking-*.json")} | set(packed.names(journal.folder))
    for name in sorted(each for each in names if each.startswith("tracking-")):
        delivery = Delivery(journal, name[len("tracking-") : -len(".json")])
        receipt = delivery.receipt()
        if receipt.store and receipt.experiment and (only is None or receipt.store in (only.shown, only.name)):
            yield delivery

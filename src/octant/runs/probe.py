"""Whether a trainer repeats itself: two epochs twice and once resumed, each in a fresh process."""

from __future__ import annotations

import json
import math
import multiprocessing
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from octant import home
from octant.errors import InputError
from octant.runs import provenance
from octant.runs.checkpoint import pack, unpack
from octant.runs.disk import replace
from octant.runs.fingerprint import code_digest, source_of
from octant.runs.output import kept_in
from octant.runs.records import checked
from octant.runs.tolerance import TOLERANCE, WITHIN, apart
from octant.runs.worker import reason_of, start
from octant.trainer import Trainer, trainer

Points = Mapping[tuple[str, int], float]  # (metric, epoch) -> value
_EPOCHS = 2


@dataclass(frozen=True)
class _Deviations:
    """The largest relative differences: of a second training, and of a resumed one (None: there is no state)."""

    again: float
    resumed: float | None

    @property
    def is_reproducible(self) -> bool:
        """Whether the numbers come out again, to the bit or within the tolerance."""
        return max(self.again, self.resumed or 0.0) <= TOLERANCE

    def __str__(self) -> str:
        worst = max(self.again, self.resumed or 0.0)
        verdict = "not reproducible"
        if self.is_reproducible:
            verdict = WITHIN if worst else "bit-exact"
        resumed = "there is no state to go on from"
        if self.resumed is not None:
            resumed = f"resumed after the first {_words(self.resumed)}"
        return f"{verdict}: two epochs twice {_words(self.again)}, {resumed}"


def _words(difference: float) -> str:
    if math.isinf(difference):
        return "differ in what they record"
    return f"differ by up to {difference:.1g} of a number" if difference else "are the same"


def probe_trainer(name: str) -> _Deviations:
    """Train two epochs of the trainer at its default settings three times, keep the verdict and return it.

    Raises InputError, one line, for a trainer that does not get as far as that.
    """
    trained = trainer(name)
    reference = trained.reference or trained.name
    trained.data(trained.parse({}))
    first, saved = _trained(reference, trained)
    again, _ = _trained(reference, trained)
    resumed = None
    if saved is not None:
        after, _ = _trained(reference, trained, saved)
        again_known = {epoch for _, epoch in after}  # a trainer may repeat the record that its state was yielded with
        resumed = apart({key: value for key, value in first.items() if key[1] in again_known}, after)
    found = _Deviations(apart(first, again), resumed)
    file = _kept(trained)
    file.parent.mkdir(exist_ok=True)
    replace(file, str(found).encode())
    return found


def known(trained: Trainer) -> dict[str, str]:
    """The verdict on this code with these versions on this machine as a tag of runs, where it was probed."""
    try:
        return {"determinism": _kept(trained).read_text("utf-8")}
    except OSError:
        return {}


def _kept(trained: Trainer) -> Path:
    facts = provenance.describe(trained.reference)
    here = {name: value for name, value in facts.items() if not name.startswith(("mlflow", "git"))}
    key = json.dumps([code_digest(source_of(trained.train.__module__)), here], sort_keys=True)
    return home.state() / "probes" / f"{sha256(key.encode()).hexdigest()[:32]}.txt"


def _trained(reference: str, trained: Trainer, saved: bytes | None = None) -> tuple[Points, bytes | None]:
    """The numbers of the first epochs, or of those after a state; and the state after the first."""
    from pebble import ProcessExpired, ProcessPool

    where = [home.made(), Path.cwd() if trained.reference else Path("/"), []]
    context = multiprocessing.get_context("spawn")  # a fork would inherit generators that nobody has seeded
    with ProcessPool(max_workers=1, initializer=start, initargs=where, context=context) as pool:
        try:
            done: tuple[Points, bytes | None] = pool.schedule(_first_epochs, args=(reference, saved)).result()
        except ProcessExpired as error:
            raise InputError(f"{trained.label}: its process ended with exit code {error.exitcode}") from None
        return done


def _first_epochs(reference: str, saved: bytes | None) -> tuple[Points, bytes | None]:
    """Train in this process until epoch 2, from the start or from a checkpoint."""
    trained = trainer(reference)
    points: dict[tuple[str, int], float] = {}
    state: bytes | None = None
    before = unpack(saved) if saved else None
    try:
        with TemporaryDirectory(prefix="octant-probe-") as scratch, kept_in(Path(scratch)):
            records = trained.train(trained.parse({}), before[1] if before else None)
            for epoch in records if before else checked(records):
                points |= {(name, epoch.number): float(value) for name, value in epoch.metrics.items()}
                if epoch.number == 1 and epoch.state is not None:
                    state = pack(1, epoch.state)
                if epoch.diverged or epoch.number >= _EPOCHS:
                    break
    except Exception as error:  # noqa: BLE001 - it may be anything, of a person's code
        raise InputError(reason_of(reference, error)) from None
    return points, state

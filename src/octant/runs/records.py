"""The records of a trainer, held against the contract: one line for each thing that can be wrong."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Real

from octant.errors import InputError
from octant.runs.checkpoint import check_state
from octant.runs.lines import EpochLine
from octant.trainer import Epoch


def checked(epochs: object, known: Sequence[EpochLine] = (), resumed: Epoch | None = None) -> Iterator[Epoch]:
    """Each record with plain numbers and the seconds that it took; one whose metrics are not finite has diverged.

    `known` are the journal's lines of a run that goes on, `resumed` the record whose state it goes on from: where that
    is the last line's, nothing may be left to train, and it is yielded again. Raises InputError for a trainer that does
    not keep the contract.
    """
    if not isinstance(epochs, Iterator):
        raise InputError(f"train returns {_kind(epochs)}; it must be a generator: yield one octant.Epoch per epoch")
    names = set(known[0]["metrics"]) if known else None
    last, before = None, time.perf_counter()
    for epoch in epochs:
        seconds = time.perf_counter() - before
        if not isinstance(epoch, Epoch):
            raise InputError(f"the trainer yields {_kind(epoch)}; allowed is octant.Epoch(number, metrics)")
        number = _number(epoch.number, last, known)
        last = replace(epoch, number=number, seconds=seconds if epoch.seconds is None else epoch.seconds)
        if not last.diverged:
            last = _finite(last)
            names = _same_names(last, names)
            check_state(last.state)
        yield last
        if last.diverged:
            return
        before = time.perf_counter()
    if last is None and resumed and resumed.number == known[-1]["epoch"]:
        yield resumed
    elif last is None:
        raise InputError("the trainer yields no record; it must yield one octant.Epoch per epoch")


def _number(number: int, last: Epoch | None, known: Sequence[EpochLine]) -> int:
    """The number of a record that comes when it should: after the one before, or after what the state carried."""
    try:
        here = operator.index(number)
    except TypeError:
        raise InputError(f"the trainer yields epoch {number!r}; an epoch's number is a whole number") from None
    if last is not None and here != last.number + 1:
        raise InputError(f"the trainer yields epoch {here} after epoch {last.number}; number them by one")
    if last is None and known and not known[0]["epoch"] <= here <= known[-1]["epoch"] + 1:
        raise InputError(
            f"the trainer goes on with epoch {here}, the journal ends with epoch {known[-1]['epoch']}; "
            "continue after the epoch that `state` was yielded with"
        )
    if last is None and not known and here not in (0, 1):
        raise InputError(f"the trainer begins with epoch {here}; the first is 1, or 0 before training")
    return here


def _finite(epoch: Epoch) -> Epoch:
    """The record with its metrics as floats, or as diverged."""
    if not isinstance(epoch.metrics, Mapping) or not all(isinstance(name, str) and name for name in epoch.metrics):
        raise InputError(f"epoch {epoch.number}: metrics is {_kind(epoch.metrics)}; allowed are numbers by name")
    metrics = {name: _float(epoch, name, value) for name, value in epoch.metrics.items()}
    odd = [f"{name} is {value}" for name, value in metrics.items() if not math.isfinite(value)]
    return replace(epoch, metrics=metrics, diverged=", ".join(odd) or None)


def _float(epoch: Epoch, name: str, value: object) -> float:
    """A number of Python's or NumPy's, or the one in an array or tensor of one element."""
    if type(value) is float:
        return value
    try:
        number = value.item() if hasattr(value, "item") else value
    except (ValueError, RuntimeError):
        number = None
    if not isinstance(number, Real):
        raise InputError(f"epoch {epoch.number}: {name} is {_kind(value)}; a metric is one number")
    return float(number)


def _same_names(epoch: Epoch, known: set[str] | None) -> set[str]:
    names = set(epoch.metrics)
    if not names or (known is not None and names != known):
        raise InputError(
            f"epoch {epoch.number} has the metrics {', '.join(sorted(names)) or 'none'}; the epochs before it have "
            f"{', '.join(sorted(known or ())) or 'none either'}: yield the same ones in every epoch"
        )
    return names


def _kind(value: object) -> str:
    plain = isinstance(value, str | int | float | type(None))
    return repr(value)[:80] if plain else f"a value of type {type(value).__name__}"

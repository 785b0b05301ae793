"""Claims: what a receipt may say of a run once that is safe from a power cut.

Files that MLflow writes are not synced. So receipts wait until one sync of the file system, for many of them at once,
has brought to the disk what they vouch for. A crash before that only means sending again.
"""

from __future__ import annotations

import ctypes
import errno
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from octant.runs.disk import Busy, locked

if TYPE_CHECKING:
    from octant.tracking.delivery import Order
    from octant.tracking.store import Connection

HOLD_SECONDS = 0.5  # a kill costs what was sent since, to be sent again
_C = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Claim:
    """`before`: the receipt as delivery has left it; `receipt`: what it may say after the sync."""

    order: Order
    before: dict[str, Any]
    receipt: dict[str, Any]

    def save(self) -> bool:
        """Replace the receipt, unless somebody has changed it since: then the run is sent again."""
        if self.receipt == self.before:
            return True
        try:
            with locked(self.order.path.with_suffix(".lock")):
                if self.order.receipt() != self.before:
                    return False
                self.order.save(self.receipt)
                return True
        except Busy:
            return False

    def places(self) -> list[Path]:
        """Where on this machine lies what the receipt vouches for."""
        artifacts = local_path(self.receipt.get("artifacts") or "")
        return [artifacts] if artifacts and self.receipt != self.before else []


class Claims:
    """The claims of one pass over many runs; `keep` at its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: list[tuple[Claim, Callable[[], object]]] = []
        self._since = time.monotonic()

    def add(self, claim: Claim, then: Callable[[], object]) -> None:
        """Hold a claim; `then` is called once its receipt is saved."""
        self._held.append((claim, then))
        if time.monotonic() - self._since >= HOLD_SECONDS:
            self.keep()

    def keep(self) -> None:
        """Sync what the claims vouch for, then save their receipts. Raises OSError where the disk refuses."""
        held, self._held = self._held, []
        if any(claim.receipt != claim.before for claim, _ in held):
            sync_all([*self._database(), *(place for claim, _ in held for place in claim.places())])
        for claim, then in held:
            if claim.save():
                then()
        self._since = time.monotonic()

    def _database(self) -> list[Path]:
        address = urlsplit(self._connection.client.tracking_uri)
        return [Path(address.path[1:]).parent] if address.scheme == "sqlite" else []


def local_path(uri: str) -> Path | None:
    """The folder of artifacts that lie on this machine."""
    return Path(url2pathname(urlsplit(uri).path)) if uri.startswith("file:") else None


def sync_all(places: Iterable[Path]) -> None:
    """Sync the file systems that hold these folders, each once."""
    there = {place.stat().st_dev: place for place in places if place.exists()}
    for place in there.values():
        sync_file_system(place)


def sync_file_system(place: Path) -> None:
    """Bring all that was written to the file system of `place` to its disk."""
    if not hasattr(_C, "syncfs"):  # not Linux
        os.sync()
        return
    descriptor = os.open(place, os.O_RDONLY)
    try:
        failed = _C.syncfs(descriptor) and ctypes.get_errno()
    finally:
        os.close(descriptor)
    if failed == errno.ENOSYS:
        os.sync()
    elif failed:
        raise OSError(failed, os.strerror(failed), str(place))

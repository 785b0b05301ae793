"""Claims: receipts that wait for the disk.

Files that MLflow writes are not synced. So receipts wait as claims until one sync of the file system, for many of
them at once, has brought to the disk what they vouch for. A crash before that only means sending again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from octant.runs import disk
from octant.runs.disk import Busy
from octant.tracking.receipt import Delivery, Receipt
from octant.tracking.store import Connection, local_path

HOLD_SECONDS = 0.5  # a kill costs what was sent since, to be sent again


@dataclass(frozen=True)
class Claim:
    """`before`: the receipt as it lies there; `receipt`: what it may say after the sync."""

    delivery: Delivery
    before: Receipt
    receipt: Receipt

    def save(self) -> bool:
        """Replace the receipt, unless somebody has changed it since: then the run is sent again."""
        if self.receipt == self.before:
            return True
        try:
            with self.delivery.lock():
                if self.delivery.receipt() != self.before:
                    return False
                self.delivery.save(self.receipt)
                return True
        except Busy:
            return False


class Claims:
    """The claims of one pass over many runs; `keep` at its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: list[tuple[Claim, Callable[[], object]]] = []
        self._since = time.monotonic()

    def add(self, claim: Claim, then: Callable[[], object] = lambda: None) -> None:
        """Hold a claim; `then` is called once its receipt is saved."""
        self._held.append((claim, then))
        if time.monotonic() - self._since >= HOLD_SECONDS:
            self.keep()

    def keep(self) -> None:
        """Sync what the claims vouch for, then save their receipts. Raises OSError where the disk refuses."""
        held, self._held = self._held, []
        if new := [claim.receipt.artifacts for claim, _ in held if claim.receipt != claim.before]:
            database = local_path(self._connection.client.tracking_uri)
            folders = [database and database.parent, *(local_path(uri or "") for uri in new)]
            disk.sync_file_systems(folder for folder in folders if folder)
        for claim, then in held:
            if claim.save():
                then()
        self._since = time.monotonic()

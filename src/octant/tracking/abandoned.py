"""Runs that a store has as RUNNING and that no journal of this state folder knows: such as of a journal deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octant import home
from octant.runs.disk import read_json
from octant.runs.journal import Journal
from octant.tracking.store import PAGE, Store, client_of

if TYPE_CHECKING:
    from mlflow.entities import Run

CLOSED = "marked KILLED whose journal is gone"
ELSEWHERE = "RUNNING elsewhere, by another state folder"


def close_abandoned(store: Store, state: Path) -> Counter[str]:
    """Let the store's dead runs of this folder be KILLED; count them, and those of other folders, which stay.

    Raises InputError where there is no such store, and what MLflow raises.
    """
    client, ours, counts = client_of(store, create=False), home.tag(state), Counter[str]()
    running = list(_running(client))  # first: a launch writes its receipt before it makes the run
    known, journals = _known(state), state / "journal"
    live = {path.name for path in journals.glob("*") if Journal(path).is_live()} if running else set()
    for run in running:
        tags = run.data.tags
        if tags.get("state") != ours:
            counts[ELSEWHERE] += 1
        elif not known & {run.info.run_id, tags.get("creation")} and tags["fingerprint"] not in live:
            client.set_terminated(run.info.run_id, "KILLED")
            counts[CLOSED] += 1
    return counts


def _running(client: Any) -> Iterator[Run]:
    """Every run of octant's that the store has as RUNNING, whatever its experiment."""
    experiments = [each.experiment_id for each in _pages(client.search_experiments)]
    running = "attributes.status = 'RUNNING' and tags.fingerprint like '%'"
    if experiments:
        yield from _pages(lambda **page: client.search_runs(experiments, running, **page))


def _pages(search: Any) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = search(max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _known(state: Path) -> set[str]:
    """Ids and creations of the runs that receipts name."""
    receipts = [read_json(path) or {} for path in (state / "journal").glob("*/tracking-*.json")]
    return {str(each[name]) for each in receipts for name in ("run_id", "creating") if each.get(name)}

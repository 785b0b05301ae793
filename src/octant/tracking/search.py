"""What the store finds: runs that match, page by page, and whether one is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from octant.tracking.tables import engine_of, runs

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.store.entities.paged_list import PagedList

    from octant.tracking.store import Connection

T = TypeVar("T")
PAGE = 200  # runs that a busy server finds within the two seconds that it gets


def search(connection: Connection, filter_string: str) -> Iterator[Run]:
    """The experiment's active runs whose tags match, page by page; from a database without their data sets."""
    client, ids = connection.client, [connection.experiment_id]
    if engine := engine_of(client):
        return runs(engine, connection.experiment_id, filter_string)
    return pages(lambda token: client.search_runs(ids, filter_string, max_results=PAGE, page_token=token))


def pages(ask: Callable[[str | None], PagedList[T]]) -> Iterator[T]:
    """All that a search finds, page by page; `ask` takes a page's token."""
    token: str | None = None
    while True:
        page = ask(token)
        yield from page
        token = page.token
        if not token:
            return


def is_active(connection: Connection, run_id: str, anywhere: bool = False) -> bool:
    """Whether the experiment, or any other if `anywhere`, has the run, and not in the trash."""
    found = or_none(lambda: connection.client.get_run(run_id))
    if found is None or found.info.lifecycle_stage != "active":  # a store that was made anew, or emptied
        return False
    return anywhere or found.info.experiment_id == connection.experiment_id


def or_none(ask: Callable[[], T]) -> T | None:
    """What the store answers; None where it has no such thing."""
    from mlflow.exceptions import MlflowException

    try:
        return ask()
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None

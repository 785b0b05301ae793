"""A look into the file of a SQLite store before MLflow opens it: whether it is a store at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from octant.errors import StoreAway, UnusableStore

_REMEDY = "move it away, or name another store"
_OWN = {"experiments", "runs", "alembic_version"}  # tables of every schema of MLflow's
PATIENCE_SECONDS = 5.0


def refuse_unusable(database: Path) -> None:
    """Raises UnusableStore for a file that is not MLflow's, StoreAway for one that is locked; none at all will do."""
    if database.is_dir():
        raise UnusableStore(f"{database} is a folder, not a store; {_REMEDY}")
    if not database.exists() or not database.stat().st_size:
        return
    try:
        tables = _tables(database)
    except sqlite3.OperationalError as error:
        raise StoreAway(f"{database} does not answer: {error}") from None
    except sqlite3.DatabaseError as error:
        raise UnusableStore(f"{database} is no store: {error}; {_REMEDY}") from None
    if not tables >= _OWN:
        raise UnusableStore(f"{database} is not MLflow's: it lacks {', '.join(sorted(_OWN - tables))}; {_REMEDY}")


def _tables(database: Path) -> set[str]:
    # Not read-only: what a killed writer left must be rolled back first.
    address = f"file:{quote(str(database))}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE_SECONDS)) as file:
        return {name for (name,) in file.execute("select name from sqlite_master where type = 'table'")}

"""The file of a SQLite store: made by one process at a time, refused before training where MLflow cannot use it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from octant.errors import InputError, StoreAway, UnusableStore
from octant.runs.disk import sync_folder

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


def refuse_other_schema(database: Path) -> None:
    """Raise InputError for a store that another version of MLflow has made; its runs could not be delivered."""
    if not database.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=0.2)) as tables:
            found = {str(version) for (version,) in tables.execute("select version_num from alembic_version")}
    except sqlite3.Error:  # such as a locked one, or a new one without tables: delivery will see
        return
    parents = _revisions()
    newest = parents.keys() - parents.values()
    if not parents or not found or found <= newest:
        return
    if found <= parents.keys():
        raise InputError(
            f"sqlite:///{database} was made by an older MLflow; copy the file, then bring it up to date: "
            f"mlflow db upgrade 'sqlite:///{database}'"
        )
    raise InputError(
        f"sqlite:///{database} was made by a newer MLflow than the one installed; install that one, or use another file"
    )


@cache
def _revisions() -> dict[str, str | None]:
    """The schema's versions and what each follows, as MLflow's migration files name them."""
    spec = find_spec("mlflow")
    root = Path(spec.origin).parent if spec and spec.origin else Path("/nonexistent")
    found: dict[str, str | None] = {}
    for file in (root / "store" / "db_migrations" / "versions").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        names = dict(re.findall(r"^(revision|down_revision)\b[^=\n]*= *[\"'](\w+)[\"']", text, re.MULTILINE))
        if "revision" in names:
            found[names["revision"]] = names.get("down_revision")
    return found


def make_schema(database: Path) -> None:
    """A fresh database is made under another name: MLflow never recovers from a kill in the middle of its schema."""
    from mlflow import MlflowClient

    draft, there = database.with_name(f"{database.name}.draft"), database.exists() and database.stat().st_size
    draft.unlink(missing_ok=True)
    for each in [draft] if there else [draft, database]:
        for end in ("journal", "wal", "shm"):  # SQLite would roll a journal back into the new file
            each.with_name(f"{each.name}-{end}").unlink(missing_ok=True)
    if there:
        return
    client = MlflowClient(f"sqlite:///{draft}", registry_uri=f"sqlite:///{draft}")
    client.search_experiments(max_results=1)
    client._tracking_client.store.engine.dispose()
    draft.replace(database)
    sync_folder(database.parent)


_ROOTS = """select distinct substr(artifact_location, 1, length(artifact_location) - length(name) - 1) from experiments
    where artifact_location like 'file:%/artifacts/' || name"""
_MOVE = (
    "update experiments set artifact_location = :new || substr(artifact_location, :rest) "
    "where artifact_location like :old",
    "update logged_models set artifact_location = :new || substr(artifact_location, :rest) "
    "where artifact_location like :old",
    "update runs set artifact_uri = :new || substr(artifact_uri, :rest) where artifact_uri like :old",
)


def follow_folder(database: Path, artifacts: str) -> None:
    """MLflow keeps absolute addresses of files; where the folder was moved or copied, they are made true again."""
    with closing(sqlite3.connect(database)) as store, store:
        for (root,) in store.execute(_ROOTS).fetchall():
            for move in _MOVE if root != artifacts else ():
                store.execute(move, {"new": artifacts, "rest": len(root) + 1, "old": f"{root}/%"})

"""Whether a SQLite store has the tables that this MLflow expects: known before any training, without importing it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from octant.errors import InputError
from octant.tracking.store import Store


def refuse_other_schema(store: Store) -> None:
    """Raise InputError for a store that another version of MLflow has made; its runs could not be delivered."""
    database = Path(urlsplit(store.uri).path[1:])
    if store.artifacts is None or not database.is_file():
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
            f"{store.shown} was made by an older MLflow; copy the file, then bring it up to date: "
            f"mlflow db upgrade '{store.uri}'"
        )
    raise InputError(
        f"{store.shown} was made by a newer MLflow than the one installed; install that one, or use another file"
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

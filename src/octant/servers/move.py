"""`octant move`: carry the SQLite store of OCTANT_HOME to a new team's server, ids and all. docs/scaling.md shows it.

Run it on the server's machine, once the server has been started, with the server's own environment,
all of it; MLFLOW_TRACKING_URI is the address that clients use.

The database is copied row by row with SQLAlchemy, in one transaction, between equal revisions of MLflow's schema. The
journals' receipts follow, so that the next launch with `tracking=server` knows what is there.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sql

from octant import home
from octant.errors import InputError, StoreAway
from octant.servers.team import settings
from octant.tracking.receipt import Delivery, placed
from octant.tracking.sqlite import refuse_unusable
from octant.tracking.store import Store, located, use_mlflow
from octant.trainer.subcommand import Subcommand

_COUNTED = ("experiments", "runs", "metrics", "params", "tags", "logged_models", "registered_models")
PROXIED = "mlflow-artifacts:"
_REVISION = "alembic_version"
_OWN = ("runs", "registered_models", "logged_models")  # a server that has any of these is not new
_ROWS = 5000


def _run(options: argparse.Namespace) -> int:
    server = settings(os.environ)
    if not (address := os.environ.get("MLFLOW_TRACKING_URI")):
        raise InputError("set MLFLOW_TRACKING_URI in the environment: the address that clients use")
    state, old, new = home.state(), located(options.uri), located(address)
    _refuse_open(state, old)

    def finish() -> None:
        _refuse_open(state, old)  # a launch may have begun before the store was held
        _copy_receipts(state, old, new)

    counts = move(old, server["MLFLOW_BACKEND_STORE_URI"], server["MLFLOW_ARTIFACTS_DESTINATION"], finish)
    arrived = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in _COUNTED if counts.get(name))
    print(f"moved to {new.shown}: {arrived}. Every table was counted on both sides.")
    print("The old store is as it was; from now on: tracking=server")
    return 0


def _refuse_open(state: Path, old: Store) -> None:
    if not all(delivery.is_done() for delivery in placed(state, old)):
        raise InputError("some runs are being trained, or not in the store yet; wait for them, or: octant sync")


def move(old: Store, database: str, destination: str, before_commit: Callable[[], object]) -> dict[str, int]:
    """Copy files, then rows; returns table -> rows, as counted in the new database.

    Nobody writes to the old store meanwhile. `before_commit` brings the receipts: a receipt without its run is
    noticed and mended by the next launch, a run without its receipt would be sent twice.
    Raises InputError when the two cannot be joined; RuntimeError, and nothing is kept, when a count differs.
    """
    if old.artifacts is None or old.database is None or not old.database.exists():
        raise InputError(f"{old.shown} is no SQLite store to move; set OCTANT_HOME to the folder that holds mlflow.db")
    refuse_unusable(old.database)
    try:
        source, target = sql.create_engine(old.uri), sql.create_engine(database)
    except (sql.exc.ArgumentError, ValueError):
        raise InputError("MLFLOW_BACKEND_STORE_URI is not an address of a database; see docs/scaling.md") from None
    try:
        with source.connect() as reading, target.begin() as writing:
            reading.exec_driver_sql("begin immediate")  # launches wait for a locked store, and lose nothing
            tables = _matched(reading, writing)
            _copy_files(old.artifacts, destination)
            counts = _copy_rows(reading, writing, tables, old.artifacts.as_uri())
            # MLflow's default experiment, which octant never uses, points to wherever octant was first started.
            default = sql.text("update experiments set artifact_location = :files where experiment_id = 0")
            writing.execute(default, {"files": f"{PROXIED}/0"})
            before_commit()
            return counts
    except sql.exc.OperationalError as error:
        raise StoreAway(f"the database does not answer: {str(error.orig).splitlines()[0]}") from None
    finally:
        source.dispose()
        target.dispose()


def _matched(reading: sql.Connection, writing: sql.Connection) -> list[sql.Table]:
    """The tables to fill, referenced ones first."""
    there = sql.MetaData()
    there.reflect(writing)
    if _REVISION not in there.tables:
        raise InputError("the server's database is empty: start the server once (octant server), then move")
    revisions = [each.scalar(sql.text(f"select version_num from {_REVISION}")) for each in (reading, writing)]  # noqa: S608
    if revisions[0] != revisions[1]:
        raise InputError(f"the schemas differ ({revisions[0]} here, {revisions[1]} on the server): run `mlflow db "
                         "upgrade` on the older one, with the same MLflow on both sides")  # fmt: skip
    for name in _OWN:
        if writing.scalar(sql.select(sql.func.count()).select_from(there.tables[name])):
            raise InputError(
                f"the server already has {name.replace('_', ' ')}; a store can only move into a new server"
            )
    here = set(sql.inspect(reading).get_table_names()) - {_REVISION}
    return [table for table in there.sorted_tables if table.name in here]


def _copy_files(artifacts: Path, destination: str) -> None:
    if not artifacts.exists():
        return
    use_mlflow()
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    send: Callable[..., object] = get_artifact_repository(destination).log_artifacts
    send(str(artifacts))
    os.sync()  # they may lie on this machine, and receipts will vouch for them


def _copy_rows(
    reading: sql.Connection, writing: sql.Connection, tables: list[sql.Table], prefix: str
) -> dict[str, int]:
    for table in reversed(tables):
        writing.execute(table.delete())  # what a new server holds: its default experiment
    counts = {}
    for table in tables:
        rows = reading.execution_options(yield_per=_ROWS).execute(sql.select(table))
        for part in rows.mappings().partitions(_ROWS):
            moved = [{name: _proxied(value, prefix) for name, value in row.items()} for row in part]
            writing.execute(table.insert(), moved)
        had, has = (each.scalar(sql.select(sql.func.count()).select_from(table)) for each in (reading, writing))
        if had != has:
            raise RuntimeError(f"{table.name}: {has} of {had} rows arrived; nothing was kept")
        counts[table.name] = int(has or 0)
        _continue_counting(writing, table)
    return counts


def _proxied(value: object, prefix: str) -> object:
    """The address of a file as the server's clients know it; anything else as it is."""
    if isinstance(value, str) and value.startswith(f"{prefix}/"):
        return PROXIED + value.removeprefix(prefix)
    return value


def _continue_counting(writing: sql.Connection, table: sql.Table) -> None:
    """Ids that the database itself hands out go on after the copied ones."""
    counted = table.autoincrement_column
    if counted is None or writing.dialect.name != "postgresql":
        return
    name = sql.func.pg_get_serial_sequence(table.name, counted.name)
    if sequence := writing.scalar(sql.select(name)):
        highest = writing.scalar(sql.select(sql.func.max(counted)))
        writing.execute(sql.select(sql.func.setval(sequence, highest or 1, highest is not None)))


def _copy_receipts(state: Path, old: Store, new: Store) -> int:
    """Give every receipt of the old store its twin for the new one; returns how many."""
    prefix, there = old.artifacts.as_uri() if old.artifacts else "", list(placed(state, old))
    for delivery in there:
        receipt = delivery.receipt()
        artifacts = receipt.artifacts and str(_proxied(receipt.artifacts, prefix))
        twin = Delivery(delivery.journal, new.key(receipt.experiment))
        twin.save(replace(receipt, store=new.shown, artifacts=artifacts))
    return len(there)


COMMAND = Subcommand(_run)

"""Where a store and the receipts differ: runs that it lost, files damaged there, receipts lost here, runs abandoned."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from octant import home
from octant.runs.disk import Busy
from octant.tracking.content import epochs_taken
from octant.tracking.declared import sweeps_with
from octant.tracking.receipt import Delivery, State, journals, placed
from octant.tracking.search import PAGE, is_active, pages, search
from octant.tracking.store import Connection, Store, client_of, local_path
from octant.tracking.stored import CONFIG
from octant.trainer import logging

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run
    from mlflow.store.entities.paged_list import PagedList

_FEW = 20  # runs for which as many requests are less than all runs of a large experiment
CLOSED = "marked KILLED whose journal is gone"
ELSEWHERE = "RUNNING elsewhere, by another state folder"


def forget_missing(connection: Connection, deliveries: list[Delivery]) -> None:
    """Send runs again that the store has lost or that somebody has moved to the trash; of the others what it lacks."""
    for delivery in lost(connection, deliveries):
        delivery.save(delivery.receipt().without_run())
    for delivery in deliveries:
        if delivery.receipt().status is not State.FINISHED:  # a lock would make the folder of a packed run
            _catch_up(connection, delivery)


def lost(connection: Connection, deliveries: list[Delivery]) -> list[Delivery]:
    """Those whose run is not in the experiment any more; those whose receipt is lost instead find their run here."""
    receipts = [(each, each.receipt()) for each in deliveries]
    sweeps = {receipt.tagged or receipt.sweep for _, receipt in receipts}
    known = {run.info.run_id: run for sweep in sweeps for run in search(connection, f"tags.sweep = '{sweep}'")}
    new = {each.journal.fingerprint: each for each, receipt in receipts if receipt.is_new}
    found: dict[str, list[Run]] = {}
    for run in (known | _of_folder(connection, new)).values():
        found.setdefault(run.data.tags.get("fingerprint", ""), []).append(run)
    for name, delivery in new.items():
        _take_up(delivery, found.get(name, []))
    had = {receipt.run_id: each for each, receipt in receipts if receipt.run_id}
    # A run's tag may be newer than its receipt.
    return [had[run_id] for run_id in had.keys() - known.keys() if not is_active(connection, run_id)]


def _of_folder(connection: Connection, new: Mapping[str, Delivery]) -> dict[str, Run]:
    """The experiment's runs of this state folder: where few are wanted by name, otherwise all at once."""
    if not new:
        return {}
    ours = f"tags.state = '{home.tag(next(iter(new.values())).journal.state)}'"
    each = [f"{ours} and tags.fingerprint = '{name}'" for name in new] if len(new) <= _FEW else [ours]
    return {run.info.run_id: run for wanted in each for run in search(connection, wanted)}


def _catch_up(connection: Connection, delivery: Delivery) -> None:
    """Note the epochs that the store took though its receipt tells of fewer: where the journal's lines were lost and
    trained again, they have other times by now, and the store would keep both.
    """
    with suppress(Busy), delivery.lock():
        receipt = delivery.receipt()
        if receipt.run_id and receipt.status is not State.FINISHED:
            taken = epochs_taken(connection, receipt.run_id, delivery.journal.read())
            if taken > receipt.sent:
                delivery.save(replace(receipt, sent=taken))


def _take_up(delivery: Delivery, runs: list[Run]) -> None:
    """Take up the run whose receipt was lost, if one tells of this very attempt. Where this folder made others of the
    same fingerprint, their journals were lost, too: this one replaces them.
    """
    if not runs:
        return
    with suppress(Busy), delivery.lock():
        receipt, epochs = delivery.receipt(), delivery.journal.read().epochs
        if not receipt.is_new:
            return
        ours, trash = home.tag(delivery.journal.state), set(receipt.trash)
        for run in runs:
            of_attempt = epochs and epochs[0]["time"] == run.info.start_time and run.info.run_id not in trash
            if of_attempt and receipt.is_new:
                begun = replace(receipt, creating=run.data.tags.get("creation"), modelling=run.info.run_id)
                sweep = sweeps_with(run.data.tags.get("sweep"), receipt.sweep.split()[-1])
                receipt = replace(begun.with_run(run), sweep=sweep)
            elif run.data.tags.get("state") == ours:
                trash.add(run.info.run_id)
        delivery.save(replace(receipt, trash=tuple(sorted(trash))))


def forget_damaged(connection: Connection, deliveries: list[Delivery]) -> None:
    """Log the files of finished runs again that a power cut, a disk or a user has damaged."""
    root = _root(connection)
    for delivery in damaged(connection, deliveries):
        receipt = delivery.receipt()
        again = replace(receipt, described=False, status=State.RUNNING, model_id=None, modelling=receipt.run_id)
        delivery.save(replace(again, artifacts=f"{root}/{receipt.run_id}/artifacts"))


def damaged(connection: Connection, deliveries: list[Delivery]) -> list[Delivery]:
    """Those of finished runs with a file that is missing or empty, or with a model that is not the one logged."""
    root = local_path(_root(connection))
    return [each for each in deliveries if root and not _is_whole(connection, root, each)]


def _root(connection: Connection) -> str:
    """Not a receipt's: the state folder may have moved since."""
    return str(connection.client.get_experiment(connection.experiment_id).artifact_location)


def _is_whole(connection: Connection, root: Path, delivery: Delivery) -> bool:
    receipt, identity = delivery.receipt(), delivery.journal.identity
    if identity is None or receipt.status is not State.FINISHED:
        return True
    artifacts = root / str(receipt.run_id) / "artifacts"
    logged = delivery.journal.read().files
    if not all(_has_content(artifacts / name) for name in (CONFIG, *logged)):
        return False
    model_digest = logging(identity).model_digest
    if model_digest is None or receipt.model_id is None:
        return True
    # Receipts of an older octant do not say what was logged, the store does.
    own = receipt.sha256 or connection.client.get_logged_model(receipt.model_id).tags.get("sha256")
    return model_digest(identity, artifacts, receipt.model_id) == own


def _has_content(file: Path) -> bool:
    try:
        return os.stat(file).st_size > 0  # noqa: PTH116 - a third of Path.stat's time, and there are ten files a run
    except OSError:
        return False


def close_abandoned(store: Store, state: Path) -> Counter[str]:
    """Let the store's dead runs of this folder be KILLED; count them, and those of other folders, which stay.

    Raises InputError where there is no such store, and what MLflow raises.
    """
    client, ours, counts = client_of(store, create=False), home.tag(state), Counter[str]()
    if not (running := list(_running(client))):  # first: a launch writes its receipt before it makes the run
        return counts
    receipts = [delivery.receipt() for delivery in placed(state)]
    known = {name for each in receipts for name in (each.run_id, each.creating)} - {None}
    live = {journal.fingerprint for journal in journals(state) if journal.is_live()}
    for run in running:
        tags = run.data.tags
        if tags.get("state") != ours:
            counts[ELSEWHERE] += 1
        elif not known & {run.info.run_id, tags.get("creation")} and tags["fingerprint"] not in live:
            client.set_terminated(run.info.run_id, State.KILLED)
            counts[CLOSED] += 1
    return counts


def _running(client: MlflowClient) -> Iterator[Run]:
    """Every run of octant's that the store has as RUNNING, whatever its experiment."""

    def experiments_on(token: str | None) -> PagedList[Experiment]:
        return client.search_experiments(max_results=PAGE, page_token=token)

    def runs_on(token: str | None) -> PagedList[Run]:
        return client.search_runs(ids, running, max_results=PAGE, page_token=token)

    ids = [each.experiment_id for each in pages(experiments_on)]
    running = "attributes.status = 'RUNNING' and tags.fingerprint like '%'"
    if ids:
        yield from pages(runs_on)

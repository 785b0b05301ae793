"""Delivery: bring what a journal holds into MLflow, each point exactly once.

A receipt beside the journal says what the store has accepted. Points carry the journal's own time stamps, and
MLflow's SQL stores keep one row for equal (run, key, step, time stamp, value): so sending again what was
accepted just before a crash, when the receipt was not yet written, changes nothing. A power cut is such a crash, too:
lines are synced before they are sent, and what has arrived is synced before the receipt says so (see claims.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from octant import home
from octant.errors import InputError
from octant.runs import attempts
from octant.runs.journal import FILES, Busy, Journal, Story, locked, make_folder, read_json, write_json
from octant.tracking.claims import Claim
from octant.tracking.content import dataset_inputs, model_points, outcome_tags, points, run_params, run_tags
from octant.tracking.declared import sweeps_with
from octant.tracking.store import REPLACED, Connection, Store, is_active, must_be_ours
from octant.tracking.stored import CONFIG, UNCOMMITTED
from octant.trainer import logging

if TYPE_CHECKING:
    from mlflow.entities import Run

FINAL = ("FINISHED",)
_MOST_METRICS = 900  # MLflow's limit for one batch is 1000, params and tags included


class OutOfTime(Exception):
    """The process is about to end; what was accepted so far is in the receipt."""


@dataclass(frozen=True)
class Order:
    """One run wanted in one experiment of one store, as part of a sweep."""

    journal: Journal
    key: str

    @property
    def path(self) -> Path:
        """The receipt's file."""
        return self.journal.folder / f"tracking-{self.key}.json"

    def receipt(self) -> dict[str, Any]:
        """What the store has accepted."""
        return read_json(self.path) or {}

    def is_done(self) -> bool:
        """Whether the store has the finished run in full, tagged with the sweep that wants it."""
        receipt = self.receipt()
        settled = receipt.get("status") in FINAL and not receipt.get("trash")
        return settled and receipt.get("tagged") == receipt.get("sweep")

    def is_settled(self) -> bool:
        """Whether the store has all there is: the finished run, or what an attempt that is over has left."""
        if self.is_done() or self.journal.identity is None:
            return not self.journal.is_damaged
        receipt, story = self.receipt(), self.journal.read()
        over = story.outcome is None and receipt.get("status") in ("KILLED", "FAILED") and not receipt.get("trash")
        told = receipt.get("sent", 0) >= len(story.epochs) and receipt.get("tagged") == receipt.get("sweep")
        return over and told and not self.journal.is_live()

    def is_open(self) -> bool:
        """Whether the store has the run, or may have it, as RUNNING."""
        receipt = self.receipt()
        return bool(receipt.get("run_id") and receipt.get("status") == "RUNNING")

    def path_in(self, experiment_id: str) -> str:
        """The run's page behind the server's address."""
        return f"#/experiments/{experiment_id}/runs/{self.receipt().get('run_id')}"

    def forget(self) -> None:
        """The store does not know this run any more: send it again from the start."""
        unknown = dict.fromkeys(("run_id", "model_id", "creating", "status", "attempts"))
        self.save(self.receipt() | unknown | {"described": False, "sent": 0})

    def forget_files(self, artifacts: str) -> None:
        """The store has lost files of this run: log them again there, and the model into the one that is there."""
        receipt = self.receipt()
        unknown = {"model_id": None, "described": False, "status": "RUNNING"}
        self.save(receipt | unknown | {"modelling": receipt["run_id"], "artifacts": artifacts})

    def save(self, receipt: Mapping[str, Any]) -> None:
        """Replace the receipt."""
        write_json(self.path, receipt)


def place(
    store: Store,
    experiment: str,
    sweep: str,
    journal: Journal,
    *,
    look: Mapping[str, str] | None = None,
    anew: bool = False,
) -> Order:
    """Write the wish to have a run in the store; `anew` sends the run it had there to the trash.

    `look` are the tags by which the sweep tells its runs apart: see looks.py.
    """
    order = Order(journal, store.key(experiment))
    receipt = order.receipt()
    fresh = {"store": store.name or store.shown, "experiment": experiment, "sent": 0, "status": None, "run_id": None}
    if anew and receipt.get("run_id"):
        kept = {"trash": [*receipt.get("trash", []), receipt["run_id"]], "sweep": receipt.get("sweep")}
        receipt = fresh | kept
    wanted = fresh | receipt | {"sweep": sweeps_with(receipt.get("sweep"), sweep), "look": dict(look or {})}
    if wanted != order.receipt():
        make_folder(journal.folder)
        order.save(wanted)
    return order


def deliver(
    connection: Connection,
    order: Order,
    status: str,
    is_late: Callable[[], bool] = lambda: False,
) -> Claim | None:
    """Send what is new; `status` is the run's state while its journal has no outcome.

    Returns what the receipt may say once it is synced, or None when another process is delivering this run. Raises
    what MLflow raises, and OutOfTime between two requests once `is_late`; nothing is lost then.
    """
    journal = order.journal
    identity = journal.identity
    if identity is None and journal.is_damaged:
        raise InputError(f"{journal.folder}/run.json cannot be read; the command that trained the run trains it again")
    if identity is None or order.is_done():
        told = order.receipt()
        return Claim(order, told, told)
    try:
        with locked(order.path.with_suffix(".lock")):
            receipt = order.receipt()
            _empty_trash(connection, order, receipt)
            story = journal.read()
            journal.sync()  # else a power cut takes lines back that the store has
            _create_once(connection, order, receipt, identity, story)
            _describe_once(connection, order, receipt, identity)
            _heed(is_late)
            if log_model := logging(identity).log_model:
                log_model(connection, receipt, journal, identity, story, order.save)
            _send_points(connection, order, receipt, identity, story, is_late)
            _set_status(connection, order, receipt, story, status)
            return Claim(order, order.receipt(), receipt)
    except Busy:
        return None


def close(connection: Connection, order: Order) -> None:
    """Let the store's run be KILLED, without what it lacks: it is sent later. Only for a run that nobody trains."""
    try:
        with locked(order.path.with_suffix(".lock")):
            receipt = order.receipt()
            if receipt.get("run_id") and receipt.get("status") == "RUNNING":
                connection.client.set_terminated(receipt["run_id"], "KILLED")
                order.save(receipt | {"status": "KILLED"})
    except Busy:
        return


def _heed(is_late: Callable[[], bool]) -> None:
    if is_late():
        raise OutOfTime


def _empty_trash(connection: Connection, order: Order, receipt: dict[str, Any]) -> None:
    for run_id in receipt.get("trash", []):
        if is_active(connection, run_id, anywhere=True):
            connection.client.set_tag(run_id, REPLACED, "true", synchronous=True)
            connection.client.delete_run(run_id)
    if receipt.pop("trash", None):
        order.save(receipt)


def _create_once(
    connection: Connection, order: Order, receipt: dict[str, Any], identity: Mapping[str, Any], story: Story
) -> None:
    if receipt.get("run_id"):
        return
    if receipt.get("creating"):  # an earlier try may have succeeded without our hearing of it
        filter_string = f"tags.creation = '{receipt['creating']}'"
        found = connection.client.search_runs([connection.experiment_id], filter_string, max_results=1)
        if found:
            receipt |= identified(found[0])
    else:
        receipt["creating"] = f"{order.journal.fingerprint[:16]}-{time.time_ns():x}"
        order.save(receipt)
    if not receipt.get("run_id"):
        must_be_ours(connection)
        started = story.epochs[0]["time"] if story.epochs else int(time.time() * 1000)
        tags = run_tags(identity, receipt["sweep"]) | receipt.get("look", {})
        tags |= {"creation": receipt["creating"], "state": home.tag(order.journal.folder.parents[1])}
        run = connection.client.create_run(
            connection.experiment_id, start_time=started, tags=tags, run_name=tags.get("mlflow.runName")
        )
        receipt |= identified(run)
    receipt["status"] = "RUNNING"
    receipt["tagged"] = receipt["sweep"]
    order.save(receipt)


def identified(run: Run) -> dict[str, str]:
    """What a receipt keeps of a run in the store."""
    return {"run_id": run.info.run_id, "artifacts": run.info.artifact_uri}


def _describe_once(connection: Connection, order: Order, receipt: dict[str, Any], identity: Mapping[str, Any]) -> None:
    if receipt.get("described"):
        return
    connection.client.log_inputs(receipt["run_id"], dataset_inputs(identity))
    texts = {CONFIG: yaml.safe_dump(dict(identity["settings"]), sort_keys=False)}
    texts |= {UNCOMMITTED: identity["uncommitted"]} if identity.get("uncommitted") else {}
    with TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
            _send_file(connection, receipt, Path(folder) / name)


def _send_points(
    connection: Connection,
    order: Order,
    receipt: dict[str, Any],
    identity: Mapping[str, Any],
    story: Story,
    is_late: Callable[[], bool],
) -> None:
    """Params, points, outcome, summary: in as few requests as MLflow takes, since each costs a quarter of a run."""
    from mlflow.entities import Param, RunTag

    params = [] if receipt.get("described") else [Param(key, value) for key, value in run_params(identity).items()]
    over = story.outcome is not None and receipt["status"] not in FINAL
    tags = [RunTag(key, value) for key, value in outcome_tags(receipt["run_id"], story).items()] if over else []
    summary = model_points(story, receipt.get("model_id")) if over else []
    tried = attempts.tags(attempts.read(order.journal.folder))
    if tried.get("attempts") != receipt.get("attempts"):
        tags += [RunTag(key, value) for key, value in tried.items()]
    lines = story.epochs[receipt["sent"] :]
    while lines or params or tags:
        _heed(is_late)
        most = _MOST_METRICS // (len(lines[0]["metrics"]) + 1) if lines else 0
        batch, lines = lines[:most], lines[most:]
        told = points(batch) + ([] if lines else summary)
        connection.client.log_batch(receipt["run_id"], told, params, [] if lines else tags, synchronous=True)
        receipt |= {"sent": receipt["sent"] + len(batch), "described": True}
        receipt |= {} if lines else {"attempts": tried.get("attempts")}
        params, tags = [], tags if lines else []
        if lines:  # rows are synced by the database; the rest of what the receipt says is not
            order.save(order.receipt() | {"sent": receipt["sent"]})


def _send_file(connection: Connection, receipt: Mapping[str, Any], file: Path) -> None:
    """Into the run's artifacts, straight: MlflowClient.log_artifact asks the store for the run each time."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository: Any = get_artifact_repository(receipt["artifacts"], connection.client.tracking_uri)
    repository.log_artifact(str(file))


def _set_status(connection: Connection, order: Order, receipt: dict[str, Any], story: Story, status: str) -> None:
    client, run_id = connection.client, receipt["run_id"]
    if receipt.get("tagged") != receipt["sweep"]:
        for key, value in (receipt.get("look", {}) | {"sweep": receipt["sweep"]}).items():
            client.set_tag(run_id, key, value, synchronous=True)
        receipt["tagged"] = receipt["sweep"]
    failure = order.journal.failure
    if story.outcome:
        status = "FINISHED"
    elif failure and status != "RUNNING":
        status = "FAILED"
        client.log_text(run_id, failure, "traceback.txt")
    elif status == "FINISHED":  # its journal was damaged since: it is trained again
        status = "KILLED"
    if receipt["status"] == status:
        return
    if story.outcome:
        for name in story.outcome.get("files", {}):
            _send_file(connection, receipt, order.journal.folder / FILES / name)
        client.set_terminated(run_id, "FINISHED", end_time=story.outcome["time"])
    elif status == "RUNNING":
        client.update_run(run_id, status="RUNNING")
    else:
        client.set_terminated(run_id, status)
    receipt["status"] = status

"""Delivery: bring what a journal holds into MLflow, each point exactly once.

A receipt beside the journal says what the store has accepted. Points carry the journal's own time stamps, and
MLflow's SQL stores keep one row for equal (run, key, step, time stamp, value): so sending again what was
accepted just before a crash, when the receipt was not yet written, changes nothing. A power cut is such a crash, too:
lines are synced before they are sent, and what has arrived is synced before the receipt says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from octant import home
from octant.errors import InputError
from octant.runs import attempts
from octant.runs.disk import Busy
from octant.runs.journal import FILES
from octant.runs.lines import History, Identity
from octant.tracking.claims import Claim
from octant.tracking.content import (
    dataset_inputs,
    described,
    epochs_taken,
    metric_points,
    model_points,
    outcome_tags,
    run_params,
    run_tags,
)
from octant.tracking.model import Model, log_once
from octant.tracking.receipt import Delivery, Receipt, State, run_id_of
from octant.tracking.search import is_active, or_none, search
from octant.tracking.store import REPLACED, Connection, must_be_ours
from octant.tracking.whole import send_whole
from octant.trainer import logging

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

_MOST_METRICS = 900  # MLflow's limit for one batch is 1000, params and tags included


class OutOfTime(Exception):
    """The process is about to end; what was accepted so far is in the receipt."""


def deliver(
    connection: Connection, delivery: Delivery, status: State, is_late: Callable[[], bool] = lambda: False
) -> Claim | None:
    """Send what is new; `status` is the run's state while its journal has no outcome.

    Returns what the receipt may say once it is synced, or None when another process is delivering this run. Raises
    what MLflow raises, and OutOfTime between two requests once `is_late`; nothing is lost then.
    """
    journal, receipt = delivery.journal, delivery.receipt()
    identity = journal.identity
    if identity is None and journal.is_damaged:
        raise InputError(f"{journal.folder}/run.json cannot be read; the command that trained the run trains it again")
    if identity is None or receipt.is_final:
        return Claim(delivery, receipt, receipt)
    try:
        with delivery.lock():
            return _Sender(connection, delivery, identity, is_late).send(status)
    except Busy:
        return None


def close(connection: Connection, delivery: Delivery) -> None:
    """Let the store's run be KILLED, without what it lacks: it is sent later. Only for a run that nobody trains."""
    try:
        with delivery.lock():
            receipt = delivery.receipt()
            if receipt.run_id and receipt.status is State.RUNNING:
                connection.client.set_terminated(receipt.run_id, State.KILLED)
                delivery.save(replace(receipt, status=State.KILLED))
    except Busy:
        return


class _Sender:
    """Sends one run. `receipt` may be saved in full after the sync; before, only what needs none."""

    def __init__(
        self, connection: Connection, delivery: Delivery, identity: Identity, is_late: Callable[[], bool]
    ) -> None:
        self.connection, self.delivery, self.identity, self.is_late = connection, delivery, identity, is_late
        self.journal, self.receipt, self.history = delivery.journal, delivery.receipt(), History()

    def send(self, status: State) -> Claim:
        self._empty_trash()
        self.history = self.journal.read()
        self.journal.sync()  # else a power cut takes lines back that the store has
        if whole := self._send_whole():
            return Claim(self.delivery, self.delivery.receipt(), whole)
        if not self.receipt.run_id:
            self._create()
        if not self.receipt.described:
            self._describe()
        self._heed()
        if not self.receipt.model_id and (model := self._model()):
            self.receipt = log_once(self.connection, self.delivery, model, self.receipt)
        self._send_points()
        self._retag()
        self._set_status(status)
        return Claim(self.delivery, self.delivery.receipt(), self.receipt)

    def _send_whole(self) -> Receipt | None:
        if self.receipt.run_id or not self.history.outcome or self._created():
            return None
        if self.receipt.creating and self._is_made(run_id_of(self.receipt.creating)):  # in the trash: that id is taken
            self._save(replace(self.receipt, creating=None, modelling=None))
        return send_whole(self.connection, self.delivery, self.identity, self.history, self._model)

    def _is_made(self, run_id: str) -> bool:
        return or_none(lambda: self.connection.client.get_run(run_id)) is not None

    def _created(self) -> Run | None:
        """The run that an earlier try may have made without our hearing of it."""
        creating = self.receipt.creating
        return next(search(self.connection, f"tags.creation = '{creating}'"), None) if creating else None

    def _model(self) -> Model | None:
        model_of = logging(self.identity).model
        return model_of(self.journal, self.identity, self.history) if model_of and self.history.is_finished else None

    @property
    def _run_id(self) -> str:
        return str(self.receipt.run_id)

    def _save(self, receipt: Receipt) -> None:
        self.receipt = receipt
        self.delivery.save(receipt)

    def _heed(self) -> None:
        if self.is_late():
            raise OutOfTime

    def _empty_trash(self) -> None:
        client = self.connection.client
        for run_id in self.receipt.trash:
            if is_active(self.connection, run_id, anywhere=True):
                client.set_tag(run_id, REPLACED, "true", synchronous=True)
                client.delete_run(run_id)
        if self.receipt.trash:
            self._save(replace(self.receipt, trash=()))

    def _create(self) -> None:
        client, experiment_id, creating = self.connection.client, self.connection.experiment_id, self.receipt.creating
        found = self._created()
        if not creating:
            creating = f"{self.journal.fingerprint[:16]}-{time.time_ns():x}"
            self._save(replace(self.receipt, creating=creating))
        if found is None:
            must_be_ours(self.connection)
            epochs = self.history.epochs
            started = epochs[0]["time"] if epochs else int(time.time() * 1000)
            tags = run_tags(self.identity, self.receipt.sweep) | self.receipt.look
            tags |= {"creation": creating, "state": home.tag(self.journal.state)}
            name = tags.get("mlflow.runName")
            found = client.create_run(experiment_id, start_time=started, tags=tags, run_name=name)
            self._save(replace(self.receipt.with_run(found), status=State.RUNNING, tagged=self.receipt.sweep))
        else:  # made by an earlier try, whole perhaps, and for another sweep
            tagged, sent = found.data.tags.get("sweep"), epochs_taken(self.connection, found.info.run_id, self.history)
            self._save(replace(self.receipt.with_run(found), status=State.RUNNING, tagged=tagged, sent=sent))

    def _describe(self) -> None:
        self.connection.client.log_inputs(self._run_id, dataset_inputs(self.identity))
        with TemporaryDirectory() as folder:
            for name, text in described(self.identity).items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
                self._send_file(Path(folder) / name)

    def _send_file(self, file: Path) -> None:
        """Into the run's artifacts, straight: MlflowClient.log_artifact asks the store for the run each time."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        repository = get_artifact_repository(str(self.receipt.artifacts), self.connection.client.tracking_uri)
        send: Callable[..., object] = repository.log_artifact
        send(str(file))

    def _send_points(self) -> None:
        """Params, points, outcome, summary: in as few requests as MLflow takes, since each costs a quarter of a run."""
        from mlflow.entities import Param, RunTag

        receipt, history = self.receipt, self.history
        over = history.outcome is not None and receipt.status is not State.FINISHED
        tried = attempts.tags(attempts.read(self.journal.folder))
        texts = outcome_tags(self._run_id, history) if over else {}
        texts |= tried if tried.get("attempts") != receipt.attempts else {}
        tags = [RunTag(key, value) for key, value in texts.items()]
        model_id = receipt.model_id if over and history.is_finished else None  # a diverged run's last epoch is none
        summary = self._summary(model_id) if model_id else []
        params = [] if receipt.described else [Param(key, value) for key, value in run_params(self.identity).items()]
        lines = history.epochs[receipt.sent :]
        while lines or params or tags:
            self._heed()
            most = _MOST_METRICS // (len(lines[0]["metrics"]) + 1) if lines else 0
            batch, lines = lines[:most], lines[most:]
            # Equal points with and without the model would cost MLflow a search for each of the batch.
            metrics = metric_points(batch, None if lines else model_id) + ([] if lines else summary)
            last = [] if lines else tags
            self.connection.client.log_batch(self._run_id, metrics, params, last, synchronous=True)
            self.receipt = replace(self.receipt, sent=self.receipt.sent + len(batch), described=True)
            params = []
            if lines:  # rows are synced by the database; the rest of what the receipt says is not
                self.delivery.save(replace(self.delivery.receipt(), sent=self.receipt.sent))
            else:
                self.receipt, tags = replace(self.receipt, attempts=tried.get("attempts")), []

    def _summary(self, model_id: str) -> list[Metric]:
        """The last epoch's points for the model, where the store took them before it had the model."""
        epochs = self.history.epochs
        if self.receipt.sent < len(epochs) or not epochs:
            return []
        name = next(iter(epochs[-1]["metrics"]))
        there = self.connection.client.get_metric_history(self._run_id, name)
        found = (point.timestamp for point in reversed(there) if point.step == epochs[-1]["epoch"])
        return model_points(self.history, model_id, next(found, epochs[-1]["time"]))

    def _retag(self) -> None:
        if self.receipt.tagged != self.receipt.sweep:
            for key, value in (self.receipt.look | {"sweep": self.receipt.sweep}).items():
                self.connection.client.set_tag(self._run_id, key, value, synchronous=True)
            self.receipt = replace(self.receipt, tagged=self.receipt.sweep)

    def _set_status(self, status: State) -> None:
        client, failure, outcome = self.connection.client, self.journal.failure, self.history.outcome
        if outcome:
            status = State.FINISHED
        elif failure and status is not State.RUNNING:
            status = State.FAILED
            client.log_text(self._run_id, failure, "traceback.txt")
        elif status is State.FINISHED:  # its journal was damaged since: it is trained again
            status = State.KILLED
        if self.receipt.status is status:
            return
        if outcome:
            for name in self.history.files:
                self._send_file(self.journal.folder / FILES / name)
            client.set_terminated(self._run_id, status, end_time=outcome["time"])
        elif status is State.RUNNING:
            client.update_run(self._run_id, status=status)
        else:
            client.set_terminated(self._run_id, status)
        self.receipt = replace(self.receipt, status=status)

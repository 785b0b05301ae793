"""A sweep: what one command asks for, checked in full before any work."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from octant import home
from octant.config import NUMERICS_VERSION, Launch, Settings
from octant.errors import InputError, StoreAway
from octant.network.data import Dataset
from octant.network.network import build
from octant.runs import cluster, provenance
from octant.runs.worker import Job, dataset_of
from octant.tracking.database import refuse_unusable
from octant.tracking.delivery import Order
from octant.tracking.schema import refuse_other_schema
from octant.tracking.store import Store, locate


@dataclass
class Sweep:
    """One launch of an experiment: its jobs, what happened to each, and where they are delivered."""

    launch: Launch
    store: Store
    jobs: list[Job]
    name: str
    orders: list[Order] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    skipped: int = 0
    readings: list[str] = field(default_factory=list)  # what was taken for what in files with several readings

    @property
    def unfinished(self) -> dict[str, str]:
        """Fingerprint -> what went wrong, for runs without an outcome."""
        return {name: said for name, said in self.results.items() if said not in ("finished", "diverged")}


def prepare(launches: Sequence[Launch], command: str) -> Sweep:
    """Check everything that can be checked before any work; raises InputError, and nothing is written then."""
    first = launches[0]
    state = home.state()
    store = locate(first.tracking, state)
    if store.artifacts:
        with suppress(StoreAway):  # that is waited for while the runs are trained
            refuse_unusable(Path(urlsplit(store.uri).path[1:]))
            refuse_other_schema(store)
    if first.cluster:
        cluster.check(first.cluster)
    for launch in launches:
        build(launch.settings.loss, launch.settings.hidden, launch.settings.output)
    _refuse_different(launches)
    common = {"launch": uuid.uuid4().hex, "command": command}
    data_of = cache(lambda chosen, dtype: dataset_of(chosen, dtype, str(state)))  # one state of a file for all runs
    made = [_job(each, data_of(each.dataset, each.dtype), state, common) for each in (one.settings for one in launches)]
    jobs = {job.fingerprint: job for job in made}
    digest = sha256("".join(sorted(jobs)).encode()).hexdigest()[:8]
    readings = dict.fromkeys(job.identity["dataset"]["reading"] for job in jobs.values())
    name = f"{first.experiment.name}-{digest}"
    return Sweep(first, store, list(jobs.values()), name, readings=[each for each in readings if each])


def _refuse_different(launches: Sequence[Launch]) -> None:
    """A sweep is over the settings of runs; the rest of a command is one for all of them."""
    for name in Launch.model_fields.keys() - {"settings"}:
        values = {repr(getattr(launch, name)) for launch in launches}
        if len(values) > 1:
            raise InputError(f"{name}: one command has one, here are {len(values)}; give a command for each")


def _job(settings: Settings, data: Dataset, state: Path, common: dict[str, str]) -> Job:
    if settings.batch_size > len(data.train):
        raise InputError(
            f"batch_size: {settings.batch_size} is more than the {len(data.train)} training examples of {data.name}"
        )
    fingerprint = settings.fingerprint(data.digest)
    identity = {
        "settings": settings.model_dump(),
        "configuration": settings.configuration,
        "fingerprint": fingerprint,
        "numerics": NUMERICS_VERSION,
        "dataset": {
            "name": data.name,
            "digest": data.digest,
            "n_train": len(data.train),
            "n_validation": len(data.validation),
            "n_test": len(data.test),
            "inputs": data.inputs,
            "classes": data.classes,
            "class_names": data.class_names,
            "reading": data.reading,
            "scale": data.scale,
            "image_shape": data.image_shape,
            "example": data.train.X[0].tolist(),
        },
        "provenance": provenance.describe() | common | {"repeat": provenance.repeat(settings)},
        "uncommitted": provenance.uncommitted(),
    }
    return Job(settings, fingerprint, str(state), identity)

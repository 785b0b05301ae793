"""A sweep: what one command asks for, checked in full before any work."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256

from octant import home
from octant.analysis.question import Question
from octant.errors import InputError, StoreAway
from octant.runs import cluster, probe, provenance
from octant.runs.factors import Row, plain_question, question_of, varied
from octant.runs.fingerprint import HALF, Source, changed, code_digest, fingerprint, source_of
from octant.runs.lines import Identity
from octant.runs.run import Ending, Run
from octant.runs.settings import Launch
from octant.seal import Json
from octant.tracking.receipt import Delivery, journals
from octant.tracking.sqlite import refuse_other_schema, refuse_unusable
from octant.tracking.store import Store, locate
from octant.trainer import Settings, Trainer, flat, trainer


@dataclass
class Sweep:
    """One launch of an experiment: its runs, how each ended, and where they are delivered.

    `question` is what its runs are compared by, `varied` every setting that differs between them. `is_own` says
    whether it is what the experiment's yaml declares, and no variant of it. `asked` has a fingerprint for each
    configuration of the command, in its order; two of them may be one run.
    """

    launch: Launch
    store: Store
    runs: list[Run]
    name: str
    question: Question
    varied: tuple[str, ...] = ()
    is_own: bool = True
    deliveries: list[Delivery] = field(default_factory=list)
    endings: dict[str, Ending] = field(default_factory=dict)  # by fingerprint
    skipped: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def unfinished(self) -> dict[str, Ending]:
        """Fingerprint -> what went wrong, for runs without an outcome."""
        return {name: ending for name, ending in self.endings.items() if not ending.outcome.is_over}

    @property
    def readings(self) -> list[str]:
        """What was taken for what in files with several readings."""
        return [each for each in dict.fromkeys(run.identity["dataset"]["reading"] for run in self.runs) if each]

    @property
    def text(self) -> str:
        """The question in words: the experiment's own, else what its settings say."""
        return self.launch.experiment.question or plain_question(self.question, trainer(self.launch.trainer).labels)

    @property
    def configurations(self) -> list[str]:
        """The names of what is compared, sorted."""
        return sorted({run.configuration for run in self.runs})


def prepare_sweep(
    parsed: Sequence[tuple[Settings, Launch]], command: str, *, is_own: bool = True, looks: tuple[int, ...] = ()
) -> Sweep:
    """Check everything that can be checked before any work; raises InputError, and nothing is written then.

    `looks` are those of the question, where the sweep is the whole of one that grows.
    """
    launch = parsed[0][1]
    store = locate(launch.tracking, home.state())
    if store.database:
        with suppress(StoreAway):  # that is waited for while the runs are trained
            refuse_unusable(store.database)
            refuse_other_schema(store.database)
    if launch.cluster:
        if launch.threads > 1 or launch.time_limit:
            raise InputError("threads, time_limit: they are for workers on this machine; leave them out, and give a "
                             "cluster's tasks hydra.launcher.minutes_per_run")  # fmt: skip
        cluster.check_installed(launch.cluster)
    _refuse_different([each for _, each in parsed])
    question_of(launch.experiment, [row_of_settings(settings) for settings, _ in parsed])  # before any data is read
    make = _Maker(trainer(launch.trainer), launch, {"launch": uuid.uuid4().hex, "command": command})
    made = [make.run(settings) for settings, _ in parsed]
    return _sweep_of(launch, store, made, is_own=is_own, looks=looks)


def _sweep_of(
    launch: Launch, store: Store, made: Sequence[Run], *, is_own: bool = True, looks: tuple[int, ...] = ()
) -> Sweep:
    """The sweep of these runs, each once, with the question that its experiment asks of them."""
    runs, rows = {run.fingerprint: run for run in made}, _rows(made)
    question = replace(question_of(launch.experiment, rows, _metrics(made)), looks=looks)
    digest = sha256(json.dumps([sorted(runs), question.as_dict()]).encode()).hexdigest()[:8]
    name, asked = f"{launch.experiment.name}-{digest}", [run.fingerprint for run in made]
    return Sweep(launch, store, list(runs.values()), name, question, tuple(varied(rows)), is_own, asked=asked)


def union(sweeps: Sequence[Sweep]) -> Sweep:
    """One sweep of all their runs, each once; nothing of it is launched yet."""
    launch = sweeps[0].launch.model_copy(update={"rerun": False})
    made = {run.fingerprint: run for each in sweeps for run in each.runs}
    return _sweep_of(launch, sweeps[0].store, list(made.values()), is_own=sweeps[0].is_own)


def row_of_settings(settings: Settings) -> Row:
    """The settings that decide a number, flat."""
    return {name: value for name, value in flat(settings).items() if name not in settings.places}


def _rows(runs: Sequence[Run]) -> list[Row]:
    """The settings of each run; with the data's digest where they do not explain it: other files of one name."""
    rows = [row_of_settings(run.settings) for run in runs]
    digests = [run.identity["dataset"]["digest"] for run in runs]
    of: dict[str, str] = {}
    names = varied(rows)
    known = [
        of.setdefault(repr([row.get(name) for name in names]), digest)
        for row, digest in zip(rows, digests, strict=True)
    ]
    return (
        rows if known == digests else [{**row, "dataset_digest": each} for row, each in zip(rows, digests, strict=True)]
    )


def _metrics(runs: Sequence[Run]) -> set[str]:
    """The metrics that every run yields, as far as the trainer says so."""
    yields = trainer(runs[0].trainer).metrics
    return set[str].intersection(*({*yields(run.settings)} for run in runs))


def told_of_other_code(pending: Sequence[Run]) -> str:
    """A line where runs of the same settings and data were trained with other code: which files differ; or nothing."""
    wanted = {run.fingerprint[:HALF]: run for run in pending}
    for journal in journals(home.state()) if wanted else ():
        run = wanted.get(journal.fingerprint[:HALF])
        before = journal.identity if run and journal.fingerprint != run.fingerprint else None
        if run and before:
            files = changed(before["code"]["files"], run.identity["code"]["files"])
            return (
                f"{', '.join(files)} changed since such runs were trained: they are trained anew; "
                f"if you know that no number has changed, code={before['code']['digest'][:HALF]} takes those there are"
            )
    return ""


def _refuse_different(launches: Sequence[Launch]) -> None:
    """A sweep is over the settings of runs; the rest of a command is one for all of them."""
    for name in Launch.model_fields:
        values = {repr(getattr(launch, name)) for launch in launches}
        if len(values) > 1:
            raise InputError(f"{name}: one command has one, here are {len(values)}; give a command for each")


class _Maker:
    """Makes the runs of one launch, which have trainer, code and provenance in common."""

    def __init__(self, trained: Trainer, launch: Launch, common: dict[str, str]) -> None:
        self._trainer, self._launch = trained, launch
        self._common = common | probe.known(trained)
        self._source: Source = source_of(trained.train.__module__)
        self._files = dict(self._source)
        self._datasets: dict[str, dict[str, Json]] = {}  # by digest: thousands of runs hold one object

    def run(self, settings: Settings) -> Run:
        """The run of these settings; raises InputError where they do not fit its data."""
        data = self._trainer.data(settings)
        own = code_digest(self._source)
        code = self._launch.code or own
        values, places = settings.model_dump(mode="json"), list(settings.places)
        name = fingerprint(values, places, data.digest, code)
        repeat = provenance.repeat(settings, self._trainer.command)
        dataset = {"name": data.name, "digest": data.digest, "reading": data.reading, **data.facts}
        known = self._datasets.setdefault(data.digest, dataset)
        identity: Identity = {
            "trainer": self._trainer.name,
            "settings": values,
            "places": places,
            "configuration": settings.configuration,
            "fingerprint": name,
            "code": {"digest": code, "own": own, "files": self._files},
            "dataset": known if known == dataset else dataset,
            "provenance": provenance.describe(self._trainer.reference) | self._common | {"repeat": repeat},
            "uncommitted": provenance.uncommitted(self._trainer.reference),
        }
        if self._trainer.reference:
            identity["trainer_file"] = self._trainer.reference
        return Run(self._trainer.reference or self._trainer.name, settings, name, home.state(), identity)

"""`hydra/sweeper=optuna`: Optuna chooses a study's runs, batch by batch, by the validation endpoints of earlier ones.

hydra-optuna-sweeper is not used: it trains n_trials more when its command is repeated, and needs Optuna 2. The options
keep its names, and where it is installed this sweeper takes its place.

What is used of Optuna's private parts, the id of a trial, was read in Optuna READ_FROM; tests/cli/test_optuna.py fails
when an upgrade changes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib import import_module
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import IntervalSweep, Override, Transformer
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig

from hydra_plugins.octant_overrides import parsed, values_of
from hydra_plugins.octant_plugins import compose, refuse_launcher
from octant import home
from octant.analysis.endpoint import goal_of
from octant.errors import InputError
from octant.runs.run import Outcome
from octant.runs.settings import parse_launch
from octant.tracking import launching

READ_FROM = "5.0.0"  # 2.10.1 does as well
DIRECTIONS = {"max": "maximize", "min": "minimize"}


class OptunaSweeper(Sweeper):
    """A study of `n_trials` trials, each one run; the same command goes on with the study of the same name."""

    def __init__(
        self,
        sampler: Any,
        direction: Any,
        storage: Any,
        study_name: str | None,
        n_trials: int,
        n_jobs: int,
        params: Any,
    ) -> None:
        self._sampler, self._direction, self._storage, self._name = sampler, direction, storage, study_name
        self._count, self._batch, self._params = n_trials, n_jobs, params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what launching needs; raises InputError for another launcher and for options that make no study."""
        refuse_launcher(config)
        for name, value in {"n_trials": self._count, "n_jobs": self._batch}.items():
            if type(value) is not int or value < 1:
                raise InputError(f"hydra.sweeper.{name}: should be a whole number of at least 1, got {value!r}")
        self._direction = _direction(self._direction, config)
        self._config, self._loader = config, hydra_context.config_loader
        self._launcher = Plugins.instance().instantiate_launcher(
            config=config, hydra_context=hydra_context, task_function=task_function
        )

    def sweep(self, arguments: list[str]) -> None:
        """Train the study's trials. What it has already is launched first, as one batch: little is left to do there."""
        overrides = _by_key(self._loader, [*(f"{key}={value}" for key, value in self._params.items()), *arguments])
        space = {key: each for key, each in overrides.items() if each.is_sweep_override()}
        fixed = [f"{key}={each.get_value_element_as_str()}" for key, each in overrides.items() if key not in space]
        self._refuse_wrong_ends(space, fixed)
        study = self._study([*fixed, *(str(each.input_line) for each in space.values())])
        for trials in _batches(study, self._count, self._batch):
            jobs = [[*fixed, *(f"{key}={_suggested(trial, key, space[key])}" for key in space)] for trial in trials]
            returned = self._launcher.launch(jobs, initial_job_idx=0)
            for trial, job, outcome in zip(trials, returned, launching.launches[-1].outcomes, strict=True):
                _tell(study, trial, job.return_value, outcome)
        _say(study)

    def _refuse_wrong_ends(self, space: dict[str, Override], fixed: Sequence[str]) -> None:
        """Raise InputError before any work where a word, or an end of an interval, is no value of its setting."""
        ends = {key: _ends(each) for key, each in space.items()}
        jobs = [
            [*fixed, *(f"{key}={each[min(row, len(each) - 1)]}" for key, each in ends.items())]
            for row in range(max(map(len, ends.values()), default=1))
        ]
        for composed in compose(self._loader, self._config, jobs):
            parse_launch(composed)

    def _study(self, words: Sequence[str]) -> Any:
        """The study of this name in the storage; by default its name has a digest of all that is asked of it."""
        try:
            import optuna
        except ImportError:
            raise InputError(f"hydra/sweeper=optuna: Optuna is missing; {home.install('optuna')}") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        asked = " ".join(sorted(words))
        digest = sha256(f"{asked} {self._direction}".encode()).hexdigest()[:8]
        # Optuna 2, which hydra-optuna-sweeper brings along, leaves its schema uncommitted under SQLAlchemy 2.
        options = {"isolation_level": "AUTOCOMMIT"} if optuna.__version__.startswith("2.") else {}
        try:
            study = optuna.create_study(
                storage=self._storage and optuna.storages.RDBStorage(self._storage, engine_kwargs=options),
                study_name=self._name or f"{self._config.experiment.name}-{digest}",
                sampler=instantiate(self._sampler),
                direction=self._direction,
                load_if_exists=True,
            )
        except Exception as error:  # noqa: BLE001 - whatever Optuna, SQLAlchemy or a sampler make of the options
            raise InputError(f"hydra/sweeper=optuna: no study: {' '.join(str(error).split())[:300]}") from None
        if [each.name.lower() for each in study.directions] != [self._direction]:
            raise InputError(f"hydra.sweeper.direction: the study {study.study_name} has another one, or several")
        if study.user_attrs.setdefault("asked", asked) != asked:
            raise InputError(f"hydra.sweeper.study_name: the study {study.study_name} is of another question")
        study.set_user_attr("asked", asked)
        if study.trials:
            study.sampler.reseed_rng()  # else a seed would choose the first trials once more
        return study


def _direction(given: Any, config: DictConfig) -> str:
    asked = config.experiment
    wanted = DIRECTIONS[goal_of(asked.get("endpoint", ""), asked.get("goal", "max"))] if given is None else given
    if wanted not in DIRECTIONS.values():
        raise InputError(
            f"hydra.sweeper.direction: {given} is neither maximize nor minimize; several objectives are not supported, "
            "a run has one endpoint"
        )
    return str(wanted)


def _by_key(loader: Any, overrides: Sequence[str]) -> dict[str, Override]:
    """Override by key; what the command line says replaces what the experiment's file says."""
    found = {each.get_key_element(): each for each in parsed(overrides, loader)}
    for each in found.values():
        if not each.is_interval_sweep():
            values_of(each)
    return found


def _ends(override: Override) -> list[Any]:
    """Every choice, or both ends of an interval, as they are typed."""
    value = override.value()
    if isinstance(value, IntervalSweep):
        return [value.start, value.end]
    return list(override.sweep_iterator(transformer=Transformer.encode))


def _suggested(trial: Any, key: str, override: Override) -> Any:
    """The value that the trial has for a setting; choices are taken as unordered, as hydra-optuna-sweeper does."""
    value, ends = override.value(), _ends(override)
    if not isinstance(value, IntervalSweep):
        return trial.suggest_categorical(key, ends)
    suggest = trial.suggest_int if all(isinstance(end, int) for end in ends) else trial.suggest_float
    return suggest(key, *ends, log="log" in value.tags)


def _batches(study: Any, count: int, size: int) -> Iterator[list[Any]]:
    """First the trials that the study has, those that a killed command left unfinished among them; then new ones."""
    from optuna.trial import Trial

    if known := _begun(study):
        yield [each if each.state.is_finished() else Trial(study, each._trial_id) for each in known]
    while (missing := count - len(_begun(study))) > 0:
        yield [study.ask() for _ in range(min(size, missing))]


def _begun(study: Any) -> list[Any]:
    return [each for each in study.trials if each.state.name != "WAITING"]


def _tell(study: Any, trial: Any, value: float, outcome: Outcome) -> None:
    """Hand a trial's endpoint to the study.

    A diverged run is pruned: samplers count it among the worst, and it is never the best. A run that did not finish
    stays open, for the same command to take up.
    """
    from optuna.trial import TrialState

    if not outcome.is_over or study.trials[trial.number].state.is_finished():
        return
    if outcome is Outcome.DIVERGED:
        study.tell(trial.number, state=TrialState.PRUNED)
    elif math.isnan(value):
        raise InputError("hydra/sweeper=optuna: these runs have no validation metric to choose by; "
                         "give them one, such as dataset.validation_fraction=0.2")  # fmt: skip
    else:
        study.tell(trial.number, value)


def _say(study: Any) -> None:
    finished = [each for each in study.trials if each.state.name == "COMPLETE"]
    line = f"study {study.study_name}: {len(study.trials)} trials"
    if finished:
        best = study.best_trial
        chosen = " ".join(f"{key}={value}" for key, value in best.params.items())
        line += f", the best is trial {best.number} with {best.value:.4f} on validation: {chosen}"
    print(line)


OPTIONS = {
    "_target_": "hydra_plugins.octant_optuna.OptunaSweeper",
    "_recursive_": False,
    "defaults": ["_self_", {"sampler": "tpe"}],
    "direction": None,  # maximize or minimize; null: as the experiment's endpoint wants it
    "n_trials": 20,  # of the whole study, earlier commands included
    "n_jobs": 2,  # trials that are chosen, and trained, at a time
    "storage": "sqlite:///${octant.state:}/optuna.db",  # null: in memory, nothing to go on with
    "study_name": None,  # null: the experiment's name with a digest of what is asked
    "params": None,
}
with suppress(ImportError):  # it stores the same names: first it, then these
    import_module("hydra_plugins.hydra_optuna_sweeper.config")
ConfigStore.instance().store("optuna", OPTIONS, group="hydra/sweeper", provider="octant")
for _word, _class in {"tpe": "TPESampler", "random": "RandomSampler"}.items():
    _node = {"_target_": f"optuna.samplers.{_class}", "seed": None}
    ConfigStore.instance().store(_word, _node, group="hydra/sweeper/sampler", provider="octant")

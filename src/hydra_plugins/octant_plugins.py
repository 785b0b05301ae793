"""Hydra's door to octant: a sweeper and a launcher that hand all runs of a multirun to one launch.

Hydra composes a job in 0.2 s, twice. Here the words of the groups are composed once for each combination and plain
values (seed, learning_rate) are laid over a copy with Hydra's own code: 1,000 runs cost 8 compositions.

What is used here of Hydra's private parts was read in Hydra READ_FROM; tests/cli/test_hydra.py says so when an upgrade
changes it.
"""

import copy
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.core.utils import JobReturn, JobRuntime, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from hydra_plugins import octant_overrides

READ_FROM = "1.3.8"


class OctantSweeper(BasicSweeper):
    """The Cartesian product of the overrides, in one batch; the launcher checks every job before any work."""

    def __init__(self, params: Any = None) -> None:
        super().__init__(max_batch_size=None, params=params)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Raise InputError for another launcher; keep what the sweep needs."""
        refuse_launcher(config)
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments: list[str]) -> Any:
        """Count every sweep out before Hydra does: the experiment's own, and the command line's."""
        loader: Any = self.hydra_context.config_loader if self.hydra_context else None
        if self.config and loader:
            loader = octant_overrides.loader_with(loader, None, self.config.hydra.overrides.hydra)
        for overrides in (self._parse_config(), arguments):
            octant_overrides.check_sweep(overrides, loader)
        return super().sweep(arguments)

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Leave it to the launcher, which composes each job anyway."""


class OctantLauncher(Launcher):
    """Composes every job, checks them all, then hands them to octant as one launch.

    Its options say on which cluster, if any: octant checks them with everything else.
    """

    def __init__(self, **cluster: Any) -> None:
        self._cluster = OmegaConf.to_container(OmegaConf.create(cluster), resolve=True) or None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what composing needs."""
        self._loader: Any = hydra_context.config_loader
        self._config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Train all jobs; returns each job's endpoint, NaN for one without."""
        from octant.tracking.launching import launch

        composed = compose(self._loader, self._config, job_overrides)
        chosen = self._config.hydra.sweeper._target_ != SWEEPER["_target_"]
        launched = launch((each | {"cluster": self._cluster} for each in composed), chosen=chosen)
        return [_returned(job, value) for job, value in zip(job_overrides, launched.endpoints, strict=True)]


def refuse_launcher(config: DictConfig) -> None:
    """Raise InputError for a launcher that is not octant's, wherever it was asked for."""
    if config.hydra.launcher._target_ != LAUNCHER["_target_"]:
        octant_overrides.refuse_launcher(config.hydra.runtime.choices["hydra/launcher"])


def _returned(job: Sequence[str], endpoint: float) -> JobReturn:
    done = JobReturn(overrides=list(job), task_name=JobRuntime.instance().get("name"), status=JobStatus.COMPLETED)
    done.return_value = endpoint
    return done


def compose(loader: Any, master: DictConfig, jobs: Sequence[Sequence[str]]) -> Iterator[dict[str, Any]]:
    """The composed configuration of each job, as plain containers; one at a time, so that a mistake is told at once.

    Where the jobs differ in the word of a group, a setting that only some of them have is left out of the others.
    """
    parser = OverridesParser.create(config_loader=loader)
    loader = copy.copy(loader)
    loader.repository = _Read(loader.repository)

    @cache
    def parsed(text: str) -> Override:
        return parser.parse_override(text)

    @cache
    def base(groups: tuple[str, ...]) -> DictConfig:
        config = loader.load_sweep_config(master, list(groups))
        with open_dict(config):
            del config["hydra"]
        return config

    @cache
    def groups_of(job: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(text for text in job if _is_group(loader, parsed(text)))

    def lacks(groups: tuple[str, ...], override: Override) -> bool:
        return override.type is OverrideType.CHANGE and _has_not(base(groups), override.get_key_element())

    choices = list(dict.fromkeys(groups_of(tuple(job)) for job in jobs))
    for job in jobs:
        groups = groups_of(tuple(job))
        plain = [parsed(text) for text in job if text not in groups]
        plain = [each for each in plain if not lacks(groups, each) or all(lacks(other, each) for other in choices)]
        config = copy.deepcopy(base(groups))
        ConfigLoaderImpl._apply_overrides_to_config(plain, config)
        yield OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[misc]


class _Read(CachingConfigRepository):
    """Files that are read once for all compositions: Hydra copies its repository for each, this one is shared."""

    def __deepcopy__(self, memo: object) -> "_Read":
        return self


def _has_not(config: DictConfig, key: str) -> bool:
    head, _, last = key.rpartition(".")
    part = OmegaConf.select(config, head) if head else config
    return OmegaConf.is_dict(part) and last not in part


def _is_group(loader: Any, override: Override) -> bool:
    return bool(loader.repository.group_exists(override.key_or_group))


SWEEPER = {"_target_": "hydra_plugins.octant_plugins.OctantSweeper", "params": None}
ConfigStore.instance().store("octant", SWEEPER, group="hydra/sweeper", provider="octant")
LAUNCHER = {"_target_": "hydra_plugins.octant_plugins.OctantLauncher"}  # conf/hydra/launcher/ adds the clusters to it
ConfigStore.instance().store("octant", LAUNCHER, group="hydra/launcher", provider="octant")

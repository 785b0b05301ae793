"""The command line: the only module, beside the plugin, that knows Hydra.

octant loss=mse seed=3                one run
octant -m seed=0,1,2                  a Hydra multirun
octant experiment=factorial           a sweep that is written down in conf/experiment/
"""

from __future__ import annotations

import gc
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from octant import home
from octant.errors import OPEN, UI_PAGE, InputError, printable, without_credentials

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from octant.runs.sweep import Sweep
    from octant.tracking.store import Connection


def main() -> None:
    """Run the command line; every mistake of the user ends in one line and exit code 2."""
    signal.signal(signal.SIGINT, _quit)
    gc.set_threshold(50_000, 20, 20)  # imports make half a million objects and no garbage
    from octant.cli.messages import one_line_errors

    try:
        with one_line_errors():
            if any(re.match(r"\+*tracking\.uri=[\"']?https?://[^@?#]*#", word) for word in sys.argv[1:]):
                raise InputError(UI_PAGE)
            for word in sys.argv[1:]:  # Hydra would write it into multirun.yaml before anything of ours sees it
                if re.match(r"\+*tracking(?!\.uri=sqlite:)", word) and (
                    "@" in word or without_credentials(word) != word
                ):
                    raise InputError(OPEN)
            os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands its exceptions over instead of printing them
            _hydra_main()
    finally:
        gc.freeze()  # spares a second of looking for garbage in what is about to end


def _quit(*_: object) -> NoReturn:
    """Ctrl-C before or after the training, when there is nothing to save: no traceback."""
    sys.stderr.write("octant: stopped\n")
    os._exit(130)


def _hydra_main() -> None:
    import yaml

    # Hydra reads some forty yaml files, each twice; libyaml does it in a tenth of the time. OmegaConf derives its
    # loader from whatever SafeLoader is.
    yaml.SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    import hydra
    from omegaconf import OmegaConf

    if {"--help", "-h"} & set(sys.argv):
        _list_groups_once()
    _compose_once()
    OmegaConf.register_new_resolver("octant.state", lambda: str(home.made()), replace=True)

    @hydra.main(config_path=str(home.conf()), config_name="config", version_base="1.3")
    def octant(config: DictConfig) -> int:
        return _one_job(config)

    octant()


def _compose_once() -> None:
    """Hydra composes once to find out whether to sweep, and again to do it: hand the first result over instead."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra.types import RunMode

    from octant.cli.overrides import check, refuse_sweeps

    loader: Any = ConfigLoaderImpl
    compose = loader._load_configuration_impl
    kept: dict[tuple[str, ...], DictConfig] = {}

    def once(self: Any, **asked: Any) -> DictConfig:
        mode, shell = asked["run_mode"], asked["from_shell"]
        key = (asked["config_name"], *asked["overrides"])
        if key not in kept:
            check(asked["overrides"], self, self.repository)
        if asked["validate_sweep_overrides"] and mode == RunMode.RUN:
            refuse_sweeps(asked["overrides"], self)
        if key not in kept:
            config = compose(self, **asked)
            kept.update({} if asked["validate_sweep_overrides"] else {key: config})
            return config
        parsed, _ = self._parse_overrides_and_create_caching_repo(None, asked["overrides"])
        self.validate_sweep_overrides_legal(overrides=parsed, run_mode=mode, from_shell=shell)
        return kept.pop(key)

    loader._load_configuration_impl = once


def _list_groups_once() -> None:
    """Spare --help half its time: listing the groups, Hydra copies its whole search path for each of a hundred."""
    from functools import cache

    from hydra._internal.config_loader_impl import ConfigLoaderImpl

    loader: Any = ConfigLoaderImpl
    make = loader._parse_overrides_and_create_caching_repo
    without = cache(lambda self: make(self, None, []))
    loader._parse_overrides_and_create_caching_repo = lambda self, name, overrides: (
        make(self, name, overrides) if name or overrides else without(self)
    )


def _one_job(config: DictConfig) -> int:
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    from octant.cli.messages import one_line_errors

    def launched() -> int:
        composed: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        return launch_composed([composed | {"cluster": cluster_of(HydraConfig.get().launcher)}])

    if HydraConfig.get().mode == RunMode.RUN:
        with one_line_errors():
            raise SystemExit(launched())
    code = launched()  # a job of a multirun under another launcher
    if code:
        raise RuntimeError(f"octant ended with exit code {code}")
    return code


def cluster_of(launcher: Mapping[str, Any]) -> dict[str, Any] | None:
    """The options of hydra/launcher=slurm or =ray; None for a launcher that knows no cluster."""
    from omegaconf import OmegaConf

    options = {str(key): value for key, value in launcher.items() if key != "_target_"}
    return OmegaConf.to_container(OmegaConf.create(options), resolve=True) if "cluster" in options else None  # type: ignore[return-value]


def launch_composed(composed: Iterable[Mapping[str, Any]]) -> int:
    """Check, train, deliver and report composed configurations; returns the exit code."""
    from octant.runs.settings import parse_launch

    parsed = [parse_launch(each) for each in composed]
    # Only now: a wrong setting is answered without these.
    from octant.cli.messages import UNDELIVERED
    from octant.runs.launch import launch
    from octant.runs.sweep import prepare
    from octant.tracking.store import must_be_ours, said_by_store

    command = without_credentials(shlex.join(["octant", *sys.argv[1:]]))
    sweep = prepare(parsed, command)
    print(*(f"{line}\n" for line in sweep.readings), sep="", end="", flush=True)
    done = launch(sweep)
    if done.connection is None:
        return done.code
    try:
        must_be_ours(done.connection)
        _conclude(sweep, done.connection)
    except Exception as error:
        if (said := said_by_store(error)) is None:
            raise
        print(f"octant: the runs are stored, the report is not: {said}; the same command logs it", file=sys.stderr)
        return done.code or UNDELIVERED
    return done.code


def _conclude(sweep: Sweep, connection: Connection) -> None:
    """Say what came out: a line for one run; table, figure and link for a sweep."""
    from octant.analysis.report import pages
    from octant.cli.outcome import outcome_of
    from octant.models import portraits
    from octant.tracking.view import path_of, publish

    address = pages.base_address(sweep.store)
    count, skipped, failed = len(sweep.runs), sweep.skipped, len(sweep.unfinished)
    there = "was" if skipped == 1 else "were"
    said = f"{count - skipped - failed} trained, {skipped} {there} there already"
    print(f"{count} {'run' if count == 1 else 'runs'}: {said}{f', {failed} did not finish' if failed else ''}")
    if failed == count:
        return
    if count == 1:
        print(outcome_of(sweep.runs[0].journal))
        print(f"in MLflow (make ui): {address}{sweep.orders[0].path_in(connection.experiment_id)}")
        portraits.log(sweep.store, connection.client, [sweep.orders[0].receipt()["run_id"]])
        return
    try:
        done = pages.write(connection, sweep.name)
    except InputError as error:  # such as two data sets in one sweep: the runs stand, there is no report
        print(f"no report: {error}\ncomparison  {address}{path_of(connection.experiment_id, sweep.name)}")
        return
    publish(connection, sweep.launch.experiment, sweep.name, sweep.configurations, done.floor)
    if done.runs < count - failed:
        others = "another launch has taken the others into its sweep; the same command again shows all"
        print(f"octant: the report has {done.runs} of the {count} runs: {others}", file=sys.stderr)
    print(f"\n{printable(done.text)}\n")
    print(f"figure      {done.folder / 'accuracy.png'}\nreport      {done.folder / 'report.html'}")
    print(f"in MLflow   {address}{pages.log(connection, done)}")
    print(f"comparison  {address}{done.link}\n            (make ui starts the server there)")
    portraits.log(sweep.store, connection.client, done.typical)


if __name__ == "__main__":
    main()

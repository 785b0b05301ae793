"""The contract with Hydra: what is used of its private parts is as it was read, and each job's endpoint comes back."""

from __future__ import annotations

import inspect
import json
import math
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf, open_dict

from hydra_plugins import octant_plugins
from octant import home
from octant.cli.main import _read_flags
from octant.errors import InputError
from support.command import Database, environment

UPGRADED = (
    f"hydra_plugins/octant_plugins.py was read in Hydra {octant_plugins.READ_FROM}, here is {hydra.__version__}: "
    "read it again there, then raise READ_FROM"
)


@pytest.fixture(scope="module")
def loader() -> Any:
    OmegaConf.register_new_resolver("octant.state", lambda: "/nowhere", replace=True)
    with hydra.initialize_config_dir(str(home.conf()), version_base="1.3"):
        yield GlobalHydra.instance().hydra.config_loader  # type: ignore[union-attr]


def test_private_parts_are_as_read() -> None:
    def names(what: Any) -> list[str]:
        return list(inspect.signature(what).parameters)

    assert names(ConfigLoaderImpl._apply_overrides_to_config) == ["overrides", "cfg"], UPGRADED
    assert names(ConfigLoaderImpl.load_sweep_config) == ["self", "master_config", "sweep_overrides"], UPGRADED
    assert names(BasicSweeper.validate_batch_is_legal) == ["self", "batch"], UPGRADED
    assert names(BasicSweeper._parse_config) == ["self"], UPGRADED
    assert names(BasicSweeper.__init__) == ["self", "max_batch_size", "params"], UPGRADED


def test_jobs_are_composed_as_hydra_does(loader: Any) -> None:
    """The words of the groups once each, values laid over them: the same as a composition for each job."""
    master = loader.load_configuration("config", ["experiment=smoke"], hydra.types.RunMode.MULTIRUN)
    values = (["seed=0"], ["seed=3", "dataset.split_seed=2"], ["learning_rate=0.5", "experiment.name=mine"])
    jobs = [[f"loss={a}", f"hidden={b}", *rest] for a, b, rest in product(("mse", "cross_entropy"), ("tanh",), values)]
    for job, composed in zip(jobs, octant_plugins.compose(loader, master, jobs), strict=True):
        expected = loader.load_sweep_config(master, job)
        with open_dict(expected):
            del expected["hydra"]
        assert composed == OmegaConf.to_container(expected, resolve=True), UPGRADED


def test_splits_follow_the_seeds(loader: Any) -> None:
    """By the yaml, and by one word for any experiment."""
    for experiment, words in (("factorial-splits", []), ("smoke", ["dataset.split_seed=${seed}"])):
        given = [f"experiment={experiment}", *words]
        master = loader.load_configuration("config", given, hydra.types.RunMode.MULTIRUN)
        for composed in octant_plugins.compose(loader, master, [[*given, f"seed={seed}"] for seed in (2, 7)]):
            assert composed["dataset"]["split_seed"] == composed["seed"]
            assert composed["experiment"]["name"] == experiment


def test_flags_are_those_of_hydra() -> None:
    ours = {name for name in _flags() if name.startswith("-")}
    theirs = {name for action in get_args_parser()._actions for name in action.option_strings}
    assert ours == theirs - {"--help", "-h", "--version", "--experimental-rerun"}, UPGRADED


def _flags() -> set[str]:
    from octant.cli import main as words

    return {name for names in [*words._SWITCHES, *words._WORDS, *words._CHOICES] for name in names}


@pytest.mark.parametrize("words", [["--cfg", "all"], ["-m", "seed=0,1"], ["-i"], ["-sc", "install=bash"], ["a=1"]])
def test_flags_are_read_as_hydra_does(words: list[str]) -> None:
    theirs = vars(get_args_parser().parse_args(words))
    assert vars(_read_flags(words)).items() <= theirs.items()


@pytest.mark.parametrize("words", [["-m", "--colour"], ["--resolve"], ["--experimental-rerun", "x.pickle"]])
def test_other_flags_are_refused(words: list[str]) -> None:
    with pytest.raises(InputError, match="octant --help lists what there is"):
        _read_flags(words)


HEARD = """
import json, sys
from hydra._internal.hydra import Hydra
from octant.cli.main import main

multirun = Hydra.multirun

def heard(*arguments, **named):
    (returned,) = multirun(*arguments, **named)
    print(json.dumps([[list(each.overrides), each.return_value] for each in returned]), file=sys.stderr)

Hydra.multirun = heard
main()
"""


def heard(home: Path, *words: str) -> list[tuple[dict[str, str], float]]:
    """What the sweeper got back: the overrides of each job, and its endpoint."""
    words = (*words, *(["batch_size=50"] if "batch_size=1" not in words else []))
    command = [sys.executable, "-c", HEARD, "-m", "engine=numpy", "hidden_units=4", *words]
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    jobs = json.loads(done.stderr)
    return [(dict(each.split("=") for each in overrides), endpoint) for overrides, endpoint in jobs]


def test_sweeper_hears_each_endpoint(tmp_path: Path) -> None:
    """In the order of the jobs; two of them are one run."""
    jobs = heard(tmp_path, "epochs=2", "learning_rate=0.1,0.10,0.3", "seed=1,0")
    stored = Database(tmp_path).histories()
    rows = Database(tmp_path).query(
        "select t.value, s.value, r.value from tags t join params s on s.run_uuid = t.run_uuid and s.key = 'seed' "
        "join params r on r.run_uuid = t.run_uuid and r.key = 'learning_rate' where t.key = 'fingerprint'"
    )
    known = {(str(seed), float(str(rate))): stored[str(name), "validation_accuracy"][-1] for name, seed, rate in rows}
    assert (len(jobs), len(known)) == (6, 4)
    assert [(2, endpoint) for _, endpoint in jobs] == [
        known[words["seed"], float(words["learning_rate"])] for words, _ in jobs
    ]


def test_diverged_job_has_no_endpoint(tmp_path: Path) -> None:
    X = np.random.default_rng(0).random((60, 4)) * 1e306
    np.savez(tmp_path / "huge.npz", X=X, y=np.arange(60) % 3)
    words = ("batch_size=1", "dataset=arrays", f"dataset.path={tmp_path / 'huge.npz'}", "hidden=relu")
    (job,) = heard(tmp_path / "home", *words, "learning_rate=1000")
    assert math.isnan(job[1])


BATCHES = """
import json, sys
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from octant.cli.main import main


class Chooser(Sweeper):
    def setup(self, *, hydra_context, task_function, config):
        self.launcher = Plugins.instance().instantiate_launcher(
            config=config, hydra_context=hydra_context, task_function=task_function
        )

    def sweep(self, arguments):
        batches = [["learning_rate=0.1", "learning_rate=0.2"], ["learning_rate=0.2", "learning_rate=0.4"]]
        heard = [
            [job.return_value for job in self.launcher.launch([[*arguments, each] for each in batch], 0)]
            for batch in batches
        ]
        print(json.dumps(heard), file=sys.stderr)


Chooser.__module__ = "hydra_plugins.chooser"
Plugins.instance().register(Chooser)
sys.modules["hydra_plugins.chooser"] = sys.modules["__main__"]
ConfigStore.instance().store("chooser", {"_target_": "hydra_plugins.chooser.Chooser"}, group="hydra/sweeper")
main()
"""


def test_batches_of_a_sweeper_are_one_sweep(tmp_path: Path) -> None:
    words = ["-m", "hydra/sweeper=chooser", "engine=numpy", "hidden_units=4", "batch_size=50", "epochs=1"]
    command = [sys.executable, "-c", BATCHES, *words]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (first, second) = json.loads(done.stderr)
    assert first[1] == second[0] != second[1]
    assert done.stdout.startswith("3 runs: 3 trained, 0 were there already\nnothing is compared: the sweeper chose")
    assert Database(tmp_path).statuses() == {"FINISHED": 3}
    sweeps = [
        set(str(names).split()) for (names,) in Database(tmp_path).query("select value from tags where key = 'sweep'")
    ]
    assert len(sweeps) == 3
    assert set.intersection(*sweeps)

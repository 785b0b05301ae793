"""Hydra's grammar: what is typed is what is trained, or one line says what to type."""

from __future__ import annotations

import io
import os
import shlex
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from hydra_plugins.octant_overrides import quoted
from octant import home
from octant.cli import conclude
from octant.cli.main import main
from octant.runs.settings import Launch, parse_launch
from octant.tracking import launching


class Run(NamedTuple):
    """What would be trained."""

    settings: Any
    launch: Launch


def command(folder: Path, *arguments: str) -> tuple[Any, str, list[Run]]:
    """Exit code, what was said on stderr, and the runs that would be trained, in this process."""
    runs: list[Run] = []
    out, err = io.StringIO(), io.StringIO()

    def launched(composed: Any, *, chosen: bool = False) -> Any:
        runs.extend(Run(*parse_launch(each)) for each in composed)
        launching.launches.append(launching.Launched(None, None, [0.0] * len(runs)))  # type: ignore[arg-type]
        return launching.launches[-1]

    before = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("OCTANT_HOME", str(folder))
        patch.delenv("HYDRA_FULL_ERROR", raising=False)
        patch.setattr(sys, "argv", ["octant", *arguments])
        patch.setattr(launching, "launch", launched)
        patch.setattr(launching, "launches", [])
        patch.setattr(conclude, "conclude", lambda _: 0)
        GlobalHydra.instance().clear()
        with pytest.raises(SystemExit) as ended:
            main()
            raise SystemExit(0)  # --cfg returns
        assert "HYDRA_FULL_ERROR" not in os.environ  # it is set for Hydra only
    signal.signal(signal.SIGINT, before)
    return ended.value.code or 0, err.getvalue(), runs


OPTUNA = ("-m", "hydra/sweeper=optuna")
REFUSED = {
    "empty range": (["-m", "seed=range(0)"], "seed=range(0): it has no value"),
    "glob of files": (["-m", "dataset=arrays", "dataset.path=glob(t*.npz)"], "no files: write them out"),
    "glob of words": (["-m", "loss=glob(x*)"], "loss=glob(x*): it has no value"),
    "endless range": (["-m", "seed=range(1000000000)"], "allowed are 100,000 runs in one command"),
    "no step": (["-m", "seed=range(0,3,0)"], "it cannot be counted out"),
    "interval": (["-m", "seed=interval(0,3)"], "interval() has no values to train"),
    "null": (["loss=null"], "loss: 'null' is unknown; known: cross_entropy, mse"),
    "no experiment": (["experiment=null"], "experiment: 'null' is unknown; known: datasets, factorial"),
    "number": (["hidden=3"], "hidden: 3 is unknown; known: none, relu, sigmoid, tanh"),
    "list": (["loss=[mse,cross_entropy]"], "for a run each: -m loss=mse,cross_entropy"),
    "list of experiments": (["experiment=[smoke,tuned]"], "is a list, and one word is wanted"),
    "experiments": (["-m", "experiment=smoke,tuned"], "give a command for each"),
    "outside": (["loss=../hidden/tanh"], "loss: '../hidden/tanh' is unknown"),
    "sweep shown": (["--cfg", "job", "-m", "seed=0,1"], "give each setting one value, without -m"),
    "sweep without -m": (["seed=range(3)"], "seed=range(3) has several values; add -m"),
    "swept twice": (["-m", "seed=0,1", "seed=2"], "seed: it is given 2 times"),
    "a shell's braces": (["-m", "seed=0", "seed=1", "seed=2"], "give it once; for a run each: -m seed=0,1,2"),
    "braces without -m": (["seed=0", "seed=1"], "for a run each: -m seed=0,1"),
    "two words": (["loss=mse", "loss=cross_entropy"], "for a run each: -m loss=mse,cross_entropy"),
    "two experiments": (["experiment=smoke", "experiment=tuned"], "Hydra would take the last; give it once"),
    "given and deleted": (["seed=3", "~seed"], "seed: it is given 2 times"),
    "a shell's spaces": (["-m", "seed=range(0,", "3)", "loss=mse"], "put all of it in quotes: 'seed=range(0, 3)'"),
    "a list's spaces": (["experiment.compare=[loss,", "hidden]"], "quotes: 'experiment.compare=[loss, hidden]'"),
    "a list as a sweep": (["seed=[0,1]"], "got [0, 1]; for a run each: -m seed=0,1"),
    "a list with commas": (["experiment.compare=loss,hidden"], "brackets for a list: experiment.compare=[loss,hidden]"),
    "text of a variable": (["learning_rate=${oc.env:X,0.2}"], "write 'learning_rate=${oc.decode:${oc.env:NAME}}'"),
    "Hydra 1.0's variable": (["seed=${env:X}"], "seed: there is no ${env:...}; an environment variable is ${oc.env:"),
    "a job's variable": (["+hydra.job.env_set.OMP_NUM_THREADS=4"], "set the variable in the shell"),
    "csh": (["-sc", "install=csh"], "write -sc install=bash, install=fish or install=zsh"),
    "a line of Windows": (["seed=3\r"], "typed it is seed=3;"),
    "pasted quotes": (["learning_rate=\u201c0.1\u201d"], "typed it is learning_rate=0.1;"),
    "pasted minus": (["seed=\u22121"], "typed it is seed=-1;"),
    "pasted space": (["-m", "seed=0,\u00a01"], "typed it is seed=0, 1;"),
    "unknown function": (["-m", "learning_rate=logrange(-4,-1,4)"], "there is no logrange(), known: bool, choice,"),
    "no key": (["=1"], "=1: write a setting, = and its value"),
    "parentheses": (["dataset=arrays", "dataset.path=tr (1).csv"], """quote it: 'dataset.path="tr (1).csv"'"""),
    "home": (["dataset=arrays", "dataset.path=~/x.npz"], """quote it: 'dataset.path="~/x.npz"'"""),
    "comma": (["dataset=arrays", "dataset.path=a,b.npz"], """or quotes if it is one: 'dataset.path="a,b.npz"'"""),
    "Korean": (["experiment.question=어느 쪽"], """quote it: 'experiment.question="어느 쪽"'"""),
    "range of fractions": (["-m", "learning_rate=range(0.1,0.4,0.1)"], "write them out: learning_rate=0.1,0.2,0.3\n"),
    "sorted range": (["-m", "seed=sort(range(0,5,2),reverse=true)"], "may give other values; leave it out"),
    "range among values": (["-m", "seed=range(3),5"], "seed=range(3),5: a sweep stands alone; write its values out"),
    "range in a list": (["-m", "seed=[range(3)]"], "seed=[range(3)]: a sweep stands alone"),
    "comma at the end": (["seed=3,", "epochs=2"], "ends in a comma; leave it out: seed=3\n"),
    "sweeper without -m": (["hydra.sweeper.params={seed:'0,1'}"], "it is a sweep; add -m"),
    "number for a name": (["dataset=arrays", "dataset.path=1_1"], "in two pairs of quotes: 'dataset.path=\"...\"'"),
    "number for a launcher": (["hydra/launcher=0"], "hydra/launcher: 0 is unknown; known: basic, octant"),
    "basic": (["-m", "seed=0,1", "hydra/launcher=basic"], "leave it out: octant trains on all cores, workers=2"),
    "joblib": (["-m", "seed=0,1", "hydra/launcher=joblib"], "leave it out: octant trains on all cores"),
    "submitit": (["-m", "seed=0,1", "hydra/launcher=submitit_slurm"], "write hydra/launcher=slurm\n"),
    "submitit here": (["seed=0", "hydra/launcher=submitit_local"], "leave it out: octant trains on all cores"),
    "rq": (["-m", "seed=0,1", "hydra/launcher=rq"], "write hydra/launcher=slurm or hydra/launcher=ray\n"),
    "other launcher in a file": (
        ["-m", "seed=0,1", "hydra.launcher._target_=hydra._internal.core_plugins.basic_launcher.BasicLauncher"],
        "hydra/launcher=octant: a launch of octant's has all runs of a sweep; leave it out",
    ),
    "ax": (["-m", "hydra/sweeper=ax", "seed=0,1"], "hydra/sweeper: 'ax' is unknown; known: basic, octant, optuna"),
    "nevergrad": (["-m", "hydra/sweeper=nevergrad"], "'nevergrad' is unknown; known: basic, octant, optuna"),
    "two objectives": ([*OPTUNA, "hydra.sweeper.direction=[maximize,minimize]"], "several objectives are not"),
    "no trial": ([*OPTUNA, "hydra.sweeper.n_trials=0"], "hydra.sweeper.n_trials: should be a whole number of at least"),
    "no jobs": ([*OPTUNA, "hydra.sweeper.n_jobs=many"], "hydra.sweeper.n_jobs: should be a whole number of at least 1"),
    "low end": ([*OPTUNA, "learning_rate=interval(0.0,1.0)"], "learning_rate: should be greater than 0"),
    "high end": ([*OPTUNA, "hidden_units=int(interval(4,99999999))"], "hidden_units: should be less than or"),
    "word of a study": ([*OPTUNA, "loss=mse,msee"], "loss: 'msee' is unknown; did you mean 'mse'?"),
    "search space": ([*OPTUNA, "hydra.sweeper.search_space={}"], "'hydra.sweeper.search_space' does not exist"),
    "plus": (["+experiment=smoke"], "leave the + out: experiment=smoke;"),
    "space in a key": (["seed =3"], "write a setting, = and its value"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusal_says_what_to_type(case: str, tmp_path: Path) -> None:
    arguments, said = REFUSED[case]
    code, line, runs = command(tmp_path, *arguments)
    assert (code, runs) == (2, [])
    assert line.startswith("octant: ")
    assert line.count("\n") == 1
    assert said in line


def test_missing_optuna_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, line, runs = command(tmp_path, *OPTUNA, "learning_rate=interval(0.1,0.5)")
    assert (code, runs) == (2, [])
    assert line == f"octant: hydra/sweeper=optuna: Optuna is missing; {home.install('optuna')}\n"


@pytest.mark.parametrize(
    "words", [["seed=3", "-m", "loss=mse,cross_entropy"], ["loss=mse,cross_entropy", "-m", "seed=3"]]
)
def test_settings_stand_around_flag(words: list[str], tmp_path: Path) -> None:
    code, said, runs = command(tmp_path, *words)
    assert (code, said) == (0, "")
    assert {(run.settings.seed, run.settings.loss) for run in runs} == {(3, "mse"), (3, "cross_entropy")}


@budget(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 9), st.integers(-2, 12), st.sampled_from([-3, -1, 1, 2, 5]))
def test_range_of_fractions_is_exact_or_refused(tmp_path: Path, start: int, end: int, step: int) -> None:
    meant = {tenth / 10 for tenth in range(start, end, step)}
    code, said, runs = command(tmp_path, "-m", f"learning_rate=range({start / 10},{end / 10},{step / 10})")
    assert (code, {run.settings.learning_rate for run in runs}) in ((0, meant), (2, set()))
    wanted = ("write them out",) if meant and min(meant) > 0 else ("write them out", "greater than 0", "no value")
    assert not code or any(each in said for each in wanted)


NAMES = st.text(
    st.sampled_from("\\\"'()[]{}~,=:; $%#@!?*&|<>`한글") | st.characters(codec="utf-8", exclude_categories=["C"]),
    min_size=1,
)  # fmt: skip


@given(NAMES)
def test_quoted_value_is_taken_as_it_stands(name: str) -> None:
    (typed,) = shlex.split(quoted(f"dataset.path={name}"))
    parsed = OverridesParser.create().parse_override(typed)
    assert parsed.value() == name
    again = f"dataset.path={parsed.get_value_element_as_str()}"  # as a sweep hands it on
    assert OverridesParser.create().parse_override(again).value() == name


@budget(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES.filter(lambda name: name.strip(" ./") and "/" not in name and "\0" not in name), st.booleans())
def test_file_of_any_name_is_named_alike(tmp_path: Path, name: str, sweep: bool) -> None:
    (typed,) = shlex.split(quoted(f"dataset.path={name}.npz"))
    code, said, runs = command(tmp_path, *(["-m", "seed=0,1"] if sweep else []), "dataset=arrays", typed)
    assert (code, said) == (0, "")
    assert {run.settings.dataset.path for run in runs} == {str(Path.cwd() / f"{name}.npz")} or name.startswith("~")


# What is typed after the =, and the values that it stands for; None where any refusal will do.
WORDS = st.sampled_from(["mse", "tanh", "softmax", "numpy", "glorot", "smoke", "digits", "x"]).map(lambda w: (w, [w]))
NUMBERS = st.integers(-1, 5).map(lambda n: (str(n), [n]))
LISTS = st.sampled_from(["[mse]", "[]", "[1,2]", "{a:1}", "{}", "[[mse]]"]).map(lambda text: (text, None))
NULLS = st.sampled_from(["null", "", "true", "nan", "1e999"]).map(lambda text: (text, None))
BROKEN = st.sampled_from(["(", "a b(", "'", '"x', "a,,b", "range(", "~", "$", "${", "${seed}", "${x}", "glob(*)",
                          "glob([a,b],exclude=c)", "interval(0,1)", "choice()", "int(x)", "\\", "???"])  # fmt: skip
CHOICES = st.lists(st.one_of(WORDS, NUMBERS), min_size=2, max_size=3, unique_by=lambda each: each[0]).flatmap(
    lambda each: st.sampled_from(["{}", "choice({})", "sort({})"]).map(
        lambda form: (form.format(",".join(text for text, _ in each)), [value for _, found in each for value in found])
    )
)
RANGES = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda at: (f"range({at[0]},{at[1]})", list(range(*at))))
VALUES = st.one_of(WORDS, NUMBERS, LISTS, NULLS, BROKEN.map(lambda text: (text, None)), CHOICES, RANGES)
SETTINGS = st.sampled_from(["loss", "hidden", "output", "engine", "seed", "epochs", "experiment", "dataset", "dtype",
                            "experiment.question", "tracking", "workers", "hydra/launcher", "+x", "++seed", "~loss",
                            "hydra.mode", "nothing"])  # fmt: skip


def value_of(run: Launch, key: str) -> Any:
    return run.launch.experiment.question if key == "experiment.question" else getattr(run.settings, key, None)


@budget(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(SETTINGS, VALUES), min_size=1, max_size=2, unique_by=lambda each: each[0].lstrip("+~")),
    st.booleans(),
)
def test_what_is_typed_is_trained_or_refused(tmp_path: Path, typed: Any, sweep: bool) -> None:
    code, said, runs = command(tmp_path, *(["-m"] if sweep else []), *(f"{key}={text}" for key, (text, _) in typed))
    assert code in (0, 2)
    assert (said.count("\n"), said[:8]) == ((1, "octant: ") if code else (0, "")), said
    asked = {key: values for key, (_, values) in typed if hasattr(runs[0].settings, key)} if runs else {}
    asked = {key: values for key, values in asked.items() if values is not None and key != "dataset"}
    got = {tuple(value_of(run, key) for key in asked) for run in runs}
    assert not runs or got == set(product(*asked.values()))

"""Runs and sweeps by Hydra; the only file of the command line that knows it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import hydra
from antlr4.error.Errors import IllegalStateException, RecognitionException
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydra_plugins import octant_overrides
from octant import home
from octant.cli.program import OCTANT, PRIMARY, Program
from octant.errors import InputError, unknown_word
from octant.runs.settings import OWN
from octant.seal import Json

_HYDRA_S = (HydraException, OmegaConfBaseException, RecognitionException, IllegalStateException)


def check_overrides(overrides: Sequence[str], program: Program, folder: str | None, *, multirun: bool) -> None:
    """Raise InputError for what Hydra would misread or take for another sweep; `folder` is that of --config-dir."""
    _register(program)
    where = (
        hydra.initialize_config_dir(str(program.conf), version_base="1.3")
        if program.conf
        else hydra.initialize(config_path=None, version_base="1.3")
    )
    with where:
        loader: object = octant_overrides.loader_with(GlobalHydra.instance().config_loader(), folder, overrides)
        octant_overrides.check(overrides, loader, multirun=multirun)


def compose_and_launch(words: Sequence[str], overrides: Sequence[str], program: Program) -> int:
    """Compose what the words say, train it and say what came out; returns the exit code."""
    from octant.tracking import launching

    launching.commands.append(launching.Command(words, _asks_its_own(overrides, program)))
    try:
        single = _compose(_of_some(words), program)
    except _HYDRA_S as error:
        if str(error).startswith(("Ambiguous value", "Sweep parameters")):
            octant_overrides.refuse_sweeps(overrides)
        raise InputError(_line_of_hydra(error, program)) from error
    if single and any(each.lstrip("+").startswith("hydra.sweeper.params") for each in overrides):
        raise InputError("hydra.sweeper.params: it is a sweep; add -m to train one run for each of its values")
    launched = launching.launch(single) if single else launching.together()
    if launched is None:
        return 0  # a question about the configuration, such as --cfg job
    from octant.cli.conclude import conclude

    return conclude(launched)


def _asks_its_own(overrides: Sequence[str], program: Program) -> bool:
    """Whether the command asks for an experiment as its yaml declares it, or for one without a yaml; no variant."""
    given = dict(text.split("=", 1) for text in overrides if "=" in text)
    name = given.get("experiment.name", given.get("experiment", ""))
    if program.conf is None or not (program.conf / "experiment" / f"{name}.yaml").is_file():
        return True
    if given.get("experiment") != name:
        return False
    kept = [f"{key}{end}" for key in OWN - {"experiment", "trainer"} for end in "=."] + ["experiment=", "tracking="]
    if all(text.startswith((*kept, "hydra/launcher", "hydra.launcher")) for text in overrides):
        return True
    try:
        with hydra.initialize_config_dir(str(program.conf), version_base="1.3"):
            own = hydra.compose(_register(program), [f"experiment={name}"], return_hydra_config=True)
        return not octant_overrides.changes(overrides, own, kept)
    except _HYDRA_S:
        return False  # what is wrong is told when it is composed


def _of_some(words: Sequence[str]) -> list[str]:
    """Where the word of a group is swept, its settings as sweeps of one value: not every word needs to have them.

    Hydra composes the other overrides once with the group's default word, which may not.
    """
    swept = {each.partition("=")[0] for each in words if re.match(r"\w+=[^=]*,", each)}
    nested = [re.fullmatch(r"(\w+)(\.[\w.]+)=([^,()]+)", each) for each in words]
    return [
        f"{found[1]}{found[2]}=choice({found[3]})" if found and found[1] in swept else each
        for each, found in zip(words, nested, strict=True)
    ]


def _compose(words: Sequence[str], program: Program) -> list[dict[str, object]]:
    """The composed settings of a single run; a multirun is launched by its launcher, from within Hydra."""
    taken: list[dict[str, object] | Exception] = []

    conf = str(program.conf) if program.conf else None

    @hydra.main(config_path=conf, config_name=_register(program), version_base="1.3")
    def octant(config: DictConfig) -> None:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise InputError("hydra/launcher: octant's own trains the runs of a sweep; leave it out")
        try:
            taken.append(_plain(config))
        except Exception as error:  # noqa: BLE001 - Hydra would say more than one line of it
            taken.append(error)

    home.made()  # an OSError within Hydra's resolver would be taken for the user's words
    OmegaConf.register_new_resolver("octant.state", lambda: str(home.made()), replace=True)
    sys.argv[1:] = words  # Hydra takes them from there
    with _hydra_raises():
        octant()
    for each in taken:
        if isinstance(each, Exception):
            raise each
    return [each for each in taken if isinstance(each, dict)]


@contextmanager
def _hydra_raises() -> Iterator[None]:
    """Hydra hands its exceptions over instead of printing them; afterwards the environment is as it was."""
    asked = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        del os.environ["HYDRA_FULL_ERROR"]
        if asked is not None:
            os.environ["HYDRA_FULL_ERROR"] = asked


def _register(program: Program) -> str:
    """Make the configuration of a trainer's file known to Hydra; returns the primary one's name."""
    for group, name, content in program.composed():
        ConfigStore.instance().store(name, content, group=group, provider="octant")
    return "config" if program.is_own else PRIMARY


def _plain(config: DictConfig) -> dict[str, object]:
    composed: Json = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    return composed | {"cluster": _cluster_of(HydraConfig.get().launcher)}


def _cluster_of(launcher: Mapping[str, object]) -> dict[str, object] | None:
    """The options of hydra/launcher=slurm or =ray; None for a launcher that knows no cluster."""
    options = {str(key): value for key, value in launcher.items() if key != "_target_"}
    return OmegaConf.to_container(OmegaConf.create(options), resolve=True) if "cluster" in options else None  # type: ignore[return-value]


def _line_of_hydra(error: Exception, program: Program = OCTANT) -> str:
    """One line, in octant's words, for what Hydra or OmegaConf raises about the user's words."""
    text = " ".join(str(error).split())
    missing, options = getattr(error, "missing_cfg_file", None), getattr(error, "options", None)
    if missing and options:
        group, _, word = str(missing).partition("/")
        return unknown_word(group, word, options)
    if found := re.match(r"In '([^']+)': Could not override '([^'@]+)", text):
        return f"{found[1]}.yaml: there is no {found[2]} to override; a group begins with a slash: override /loss: mse"
    if "Could not override" in text:
        return _unknown_setting(text.split("'")[1], program)
    if gap := re.match(r"Missing mandatory value: (\S+)", text):
        return f"{gap[1]}: it has no default; give it a value: {gap[1]}=..."
    if twice := re.match(r"Multiple values for .*'override (\S+): (\S+)'", text):
        in_yaml = f"in a yaml write override /{twice[1]}: {twice[2]}"
        return f"{twice[1]}: it has a value already; leave the + out: {twice[1]}={twice[2]}; {in_yaml}"
    if "Environment variable" in text:
        return f"{text.split('full_key: ')[-1].split()[0]}: set the environment variable {text.split(chr(39))[1]} first"
    if found := re.match(r"Unsupported interpolation type (\S+) full_key: (\S+)", text):
        return f"{found[2]}: there is no ${{{found[1]}:...}}; an environment variable is ${{oc.env:NAME}}"
    if found := re.match(r"(.+?) full_key: (\S+)", text):
        return f"{found[2]}: {found[1]}"
    return text or type(error).__name__


def _unknown_setting(key: str, program: Program) -> str:
    group, _, rest = key.partition(".")
    if group == "hydra":
        shown = f"`{program.command} --cfg hydra` shows those that do"
        return f"setting: {key!r} does not exist; {shown}, +{key}=... adds one"
    if rest and group in program.first_words():
        shown = f"`{program.command} --cfg job` shows those that do"
        return f"setting: {key!r} does not exist with this choice of {group}; {shown}"
    return unknown_word("setting", key, program.first_words())

"""Whose settings a command line composes: those of octant's own conf/, or those of a trainer in a file or a package."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import yaml

from octant import home
from octant.errors import InputError
from octant.trainer import DEFAULT, Trainer, trainer

PRIMARY = "octant_program"  # the configuration that a trainer's file is composed from
_HEAD = """octant: which of these choices is better, by how much, and is it real?

  octant loss=mse hidden=tanh output=softmax seed=3     one run
  octant -m loss=mse,cross_entropy seed=0,1,2           a sweep of your own
  octant experiment=factorial                           a sweep that is written down
  octant COMMAND ...                                    what is done with runs; octant COMMAND --help tells more
"""
_TRAINER = """{label}: runs and sweeps by octant

  {command} {first}    one run
  {command} -m {first},... seed=0,1,2    a sweep: every combination, once
  {command} COMMAND ...    what is done with runs; {command} COMMAND --help tells more
"""
_FOOT = """Runs, MLflow's store and reports lie in {1}; OCTANT_HOME names another folder.
Composed settings: {0} --cfg job  |  Hydra's own flags: {0} --hydra-help  |  Version: {0} --version"""


@dataclass(frozen=True)
class Program:
    """What key=value may say, for one trainer.

    `asked` is what the trainer's file declares of its experiment (endpoint, goal, question, ...).
    """

    trainer: str = ""
    asked: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def trained(self) -> Trainer:
        """The trainer itself."""
        return trainer(self.trainer or DEFAULT)

    @property
    def is_own(self) -> bool:
        """Whether octant's conf/config.yaml describes it."""
        return not self.trainer

    @property
    def command(self) -> str:
        """What one types: `octant`, or `python mine.py`."""
        return " ".join(self.trained.command) if self.trainer else "octant"

    @cached_property
    def conf(self) -> Path | None:
        """The folder of its yaml files: octant's conf/, or the one beside the trainer's file, where there is one."""
        if self.is_own:
            return home.conf()
        beside = Path(str(sys.modules[self.trained.train.__module__].__file__)).parent / "conf"
        return beside if beside.is_dir() else None

    @property
    def config_file(self) -> Path | None:
        """conf/config.yaml, where there is one."""
        found = self.conf / "config.yaml" if self.conf else None
        return found if found and found.is_file() else None

    def groups(self) -> dict[str, list[str]]:
        """The groups of conf/ and the words of each."""
        folders = sorted(path for path in self.conf.iterdir() if path.is_dir()) if self.conf else []
        found = {each.name: sorted(path.stem for path in each.glob("*.yaml")) for each in folders}
        own = {} if self.is_own else {"tracking": sorted(each.stem for each in (home.conf() / "tracking").iterdir())}
        return own | {name: words for name, words in found.items() if name != "hydra" and words}

    def first_words(self) -> set[str]:
        """What may stand before the first dot of a key: groups, settings, and the keys of conf/config.yaml."""
        text = self.config_file.read_text(encoding="utf-8") if self.config_file else ""
        named = re.findall(r"^([A-Za-z_]\w*):", text, re.MULTILINE)
        return {*self.groups(), *named, *self._base()} - {"defaults", "hydra"}

    def _base(self) -> dict[str, object]:
        """The settings of a trainer with their defaults, and what every command may say."""
        if self.is_own:
            return {}
        from octant.runs.settings import Experiment
        from octant.trainer.adapted import defaults

        label = self.trained.label
        name = re.sub(r"[^a-z0-9_-]", "-", self.trained.name.lower())
        name = name if name[:1].isalpha() else f"x{name}"
        asked = Experiment(name=name[:64], question=f"Runs and sweeps of {label}.")
        experiment = asked.model_dump(mode="json", exclude={"companion", "shared_rate"}) | dict(self.asked)
        own = {"experiment": experiment, "trainer": self.trainer, "workers": None, "threads": 1, "time_limit": None}
        own |= {"rerun": False, "code": None}
        return {**defaults(self.trained.settings), **own, "tracking": {"uri": None}}

    def composed(self) -> Iterator[tuple[str | None, str, dict[str, object]]]:
        """What Hydra does not find in conf/: (group, name, content) of each, the primary configuration last."""
        if self.is_own:
            return
        for group in ("hydra/launcher", "tracking"):  # any trainer may choose from octant's own
            for path in sorted((home.conf() / group).glob("*.yaml")):
                yield group, path.stem, yaml.safe_load(path.read_text("utf-8"))
        here = "${octant.state:}/hydra"
        hydra = {"run": {"dir": here}, "sweep": {"dir": here, "subdir": "."}, "output_subdir": None}
        yield None, PRIMARY, {"defaults": self._defaults(), **self._base(), "hydra": hydra}

    def _defaults(self) -> list[object]:
        listed = yaml.safe_load(self.config_file.read_text("utf-8")) if self.config_file else None
        theirs = listed.get("defaults", []) if isinstance(listed, dict) else []
        named = {str(key).split()[-1].strip("/") for each in theirs if isinstance(each, dict) for key in each}
        silent: Sequence[tuple[str, str]] = (
            ("sweeper", "octant"), ("launcher", "octant"), ("job_logging", "none"), ("hydra_logging", "none"),
        )  # fmt: skip
        return [
            "_self_",
            *(["config"] if self.config_file else []),
            *([] if "experiment" in named else [{"experiment": None}]),
            *({f"override hydra/{key}": word} for key, word in silent if f"hydra/{key}" not in named),
        ]

    def help_text(self, commands: Mapping[str, str]) -> str:
        """What `--help` prints, without Hydra, which takes a second; `commands` has a line for each."""
        words = {group: ", ".join(each) for group, each in self.groups().items()}
        parts = [self._head(), "Commands:", *_columns(commands)]
        parts += ["", "Words (choose one of each group):", *_columns(words)] if words else []
        settings = self._commented() if self.config_file else self._typed()
        foot = _FOOT.format(self.command, home.state())
        return "\n".join([*parts, "", "Settings and their defaults (change any: key=value):", *settings, "", foot])

    def _head(self) -> str:
        if self.is_own:
            return _HEAD
        first = next(iter(self._typed()), "seed: 0").strip().replace(": ", "=")
        return _TRAINER.format(label=self.trained.label, command=self.command, first=first)

    def _typed(self) -> list[str]:
        """The settings as the trainer's class has them."""
        from octant.trainer.adapted import MISSING, defaults

        found = defaults(self.trained.settings)
        shown = {name: "(no default)" if value == MISSING else value for name, value in found.items()}
        return [f"  {line}" for line in yaml.safe_dump(shown, sort_keys=False, allow_unicode=True).splitlines()]

    def _commented(self) -> list[str]:
        """The settings as conf/config.yaml has them, comments included; not the list of groups, nor Hydra's own."""
        lines = self.config_file.read_text(encoding="utf-8").splitlines() if self.config_file else []
        rest = (i for i, line in enumerate(lines) if line and not line.startswith(("#", " ", "-", "defaults:")))
        start = next(rest, len(lines))
        stop = next((i for i, line in enumerate(lines) if line.startswith("hydra:")), len(lines))
        return [f"  {line}" for line in lines[start:stop] if line.strip()]


def _columns(rows: Mapping[str, str]) -> list[str]:
    width = max(map(len, rows), default=0)
    return [f"  {name:<{width}}  {row}" for name, row in rows.items()]


OCTANT = Program()


def program_of(words: Sequence[str]) -> Program:
    """The program of a command line: octant's own, or that of the trainer which it names.

    Raises InputError for a trainer that is not to be had.
    """
    named = [word.partition("=")[2] for word in words if re.match(r"\+*trainer=", word)]
    if not named or named[-1] == DEFAULT:
        return OCTANT
    if "," in named[-1]:
        raise InputError(f"trainer: one command has one, here is {named[-1]}; give a command for each, all with one "
                         "experiment.name=NAME, then: octant compare --experiment NAME --compare trainer")  # fmt: skip
    found = named[-1].strip("'\"")
    reference = trainer(found).reference or found  # a file's whole path
    return Program(reference)

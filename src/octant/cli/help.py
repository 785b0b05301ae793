"""`--help`: commands, words and settings, from conf/ or a trainer's settings without Hydra, which takes a second."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from octant import home
from octant.cli.program import OCTANT, Program
from octant.trainer.adapted import MISSING, defaults

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


def help_text(commands: Mapping[str, str], program: Program = OCTANT) -> str:
    """The whole page; `commands` has a line for each."""
    words = {group: ", ".join(each) for group, each in program.groups().items()}
    parts = [_head(program), "Commands:", *_columns(commands)]
    parts += ["", "Words (choose one of each group):", *_columns(words)] if words else []
    settings = _settings(program) if program.config_file else _defaults(program)
    foot = _FOOT.format(program.command, home.state())
    return "\n".join([*parts, "", "Settings and their defaults (change any: key=value):", *settings, "", foot])


def _head(program: Program) -> str:
    if program.is_own:
        return _HEAD
    first = next(iter(_defaults(program)), "seed: 0").strip().replace(": ", "=")
    return _TRAINER.format(label=program.trained.label, command=program.command, first=first)


def _defaults(program: Program) -> list[str]:
    """The settings as the trainer's class has them."""
    found = defaults(program.trained.settings)
    shown = {name: "(no default)" if value == MISSING else value for name, value in found.items()}
    return [f"  {line}" for line in yaml.safe_dump(shown, sort_keys=False, allow_unicode=True).splitlines()]


def _columns(rows: Mapping[str, str]) -> list[str]:
    width = max(map(len, rows), default=0)
    return [f"  {name:<{width}}  {row}" for name, row in rows.items()]


def _settings(program: Program) -> list[str]:
    """The settings as conf/config.yaml has them, comments included; not the list of groups, nor Hydra's own."""
    lines = program.config_file.read_text(encoding="utf-8").splitlines() if program.config_file else []
    rest = (i for i, line in enumerate(lines) if line and not line.startswith(("#", " ", "-", "defaults:")))
    start = next(rest, len(lines))
    stop = next((i for i, line in enumerate(lines) if line.startswith("hydra:")), len(lines))
    return [f"  {line}" for line in lines[start:stop] if line.strip()]

"""`octant --help`: commands, words and settings, read from conf/ without Hydra, which would take a second."""

from __future__ import annotations

from collections.abc import Mapping

from octant.cli.words import config_file, groups

_HEAD = """octant: which of these choices is better, by how much, and is it real?

  octant loss=mse hidden=tanh output=softmax seed=3     one run
  octant -m loss=mse,cross_entropy seed=0,1,2           a sweep of your own
  octant experiment=factorial                           a sweep that is written down
  octant COMMAND ...                                    what is done with runs; octant COMMAND --help tells more
"""
_FOOT = "Composed settings: octant --cfg job  |  Hydra's own flags: octant --hydra-help  |  Version: octant --version"


def help_text(commands: Mapping[str, str]) -> str:
    """The whole page; `commands` has a line for each."""
    words = {group: ", ".join(each) for group, each in groups().items()}
    parts = [_HEAD, "Commands:", *_columns(commands), "", "Words (choose one of each group):", *_columns(words)]
    return "\n".join([*parts, "", "Settings and their defaults (change any: key=value):", *_settings(), "", _FOOT])


def _columns(rows: Mapping[str, str]) -> list[str]:
    width = max(map(len, rows), default=0)
    return [f"  {name:<{width}}  {row}" for name, row in rows.items()]


def _settings() -> list[str]:
    """The settings as conf/config.yaml has them, comments included; not the list of groups, nor Hydra's own."""
    lines = config_file().read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line and not line.startswith(("#", " ", "defaults:")))
    stop = next((i for i, line in enumerate(lines) if line.startswith("hydra:")), len(lines))
    return [f"  {line}" for line in lines[start:stop] if line.strip()]

"""What may be typed: the parser of the commands, Hydra's flags, and key=value, answered before Hydra is imported.

Hydra has the last word. What is unusual here (additions, deletions, lists, nested keys) is left to it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

from octant.cli.program import OCTANT, Program
from octant.errors import InputError, unknown_word

_PAGES = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
# Hydra's flags; tests/cli/test_hydra.py holds them against Hydra's own parser. --help and --version are octant's, and
# --experimental-rerun, which loads a pickle, is refused.
_SWITCHES = (("--run", "-r"), ("--multirun", "-m"), ("--shell-completion", "-sc"), ("--resolve",), ("--hydra-help",))
_WORDS = (("--config-path", "-cp"), ("--config-name", "-cn"), ("--config-dir", "-cd"), ("--package", "-p"))
_CHOICES = {("--cfg", "-c"): ("job", "hydra", "all"), ("--info", "-i"): _PAGES}
_PLAIN = re.compile(r"(?P<group>[A-Za-z_]\w*)=(?P<word>[A-Za-z_][\w-]*)")


class Parser(argparse.ArgumentParser):
    """Refuses in one line, like everything else here."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of printing the usage."""
        raise InputError(f"{message}; {self.prog} --help lists what there is")


def read_flags(words: Sequence[str]) -> argparse.Namespace:
    """Hydra's flags and the settings (`overrides`) among the words; raises InputError for a flag that is none."""
    parser = Parser(prog="octant", add_help=False)
    parser.add_argument("overrides", nargs="*")
    for names in _SWITCHES:
        parser.add_argument(*names, action="store_true")
    for names in _WORDS:
        parser.add_argument(*names)
    for names, choices in _CHOICES.items():
        has_default = "all" if "--info" in names else None
        parser.add_argument(*names, choices=choices, nargs=has_default and "?", const=has_default)
    flags = parser.parse_intermixed_args(words)  # settings may stand on both sides of -m
    if sum(map(bool, (flags.run, flags.multirun, flags.shell_completion, flags.cfg, flags.info))) > 1:
        raise InputError("--cfg and --info show one run; give each setting one value, without -m")
    if flags.shell_completion and not re.fullmatch("(un)?install=(bash|fish|zsh)|query=.*", " ".join(flags.overrides)):
        parser.error("argument --shell-completion: write -sc install=bash, install=fish or install=zsh")
    if flags.resolve and not flags.cfg:
        parser.error("argument --resolve: it goes with --cfg")
    return flags


def knows_all_words(flags: argparse.Namespace) -> bool:
    """Whether conf/ alone decides what the settings may say."""
    moved = flags.config_path or flags.config_name or flags.config_dir or flags.shell_completion
    return not (moved or any(word.startswith("hydra.searchpath") for word in flags.overrides))


def check_words(overrides: Sequence[str], commands: Sequence[str], program: Program = OCTANT) -> None:
    """Raise InputError for a word that is no setting, an unknown key, or a word that its group does not have."""
    known, words = program.first_words(), program.groups()
    if "experiment" not in words and (named := [each for each in overrides if each.startswith("experiment=")]):
        where = program.conf or f"conf/ beside {program.trained.label}"
        raise InputError(f"{named[0]}: there is no folder experiment in {where}; write the experiment down there first")
    for each in overrides:
        if re.fullmatch(r"[A-Za-z]\w*", each):
            raise InputError(_no_setting(each, known, commands))
        key = re.match(r"([A-Za-z_]\w*)[\w.]*=", each)
        if key and key[1] in ("repeat", "max_repeats") and key[1] not in known:
            raise InputError(f"{each}: type experiment.max_repeats=40, which adds repeats until all is decided, or 40")
        if key and key[1] not in {*known, "hydra"}:
            raise InputError(unknown_word("setting", key[1], known))
        plain = _PLAIN.fullmatch(each)
        if plain and plain["group"] in words and plain["word"] not in words[plain["group"]]:
            raise InputError(unknown_word(plain["group"], plain["word"], words[plain["group"]]))


def _no_setting(word: str, known: set[str], commands: Sequence[str]) -> str:
    if word in known:
        return f"{word}: write a setting, = and its value, such as seed=3"
    if word in commands:
        return f"{word}: a command comes first: octant {word}"
    return f"{unknown_word('command', word, commands)}; a setting is written key=value"

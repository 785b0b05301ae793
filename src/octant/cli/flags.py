"""The parser of the commands, and Hydra's flags: a wrong one is answered in one line, before Hydra is imported."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

from octant.errors import InputError

_PAGES = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
# Hydra's flags; tests/cli/test_hydra.py holds them against Hydra's own parser. --help and --version are octant's, and
# --experimental-rerun, which loads a pickle, is refused.
_SWITCHES = (("--run", "-r"), ("--multirun", "-m"), ("--shell-completion", "-sc"), ("--resolve",), ("--hydra-help",))
_WORDS = (("--config-path", "-cp"), ("--config-name", "-cn"), ("--config-dir", "-cd"), ("--package", "-p"))
_CHOICES = {("--cfg", "-c"): ("job", "hydra", "all"), ("--info", "-i"): _PAGES}


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

"""`octant`: the first word says what to do; `key=value` alone is a run or a sweep, composed by Hydra.

What is mistyped is answered before Hydra is imported, which has the last word: what is unusual (additions, deletions,
lists, nested keys) is left to it.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from octant import __version__, trainer
from octant.cli.border import one_line_errors, refuse_open_addresses
from octant.cli.program import OCTANT, Program, program_of
from octant.errors import STOPPED, InputError, unknown_word
from octant.trainer.adapted import refuse_taken
from octant.trainer.subcommand import Subcommand

# What a command says for itself, so that no setting of a trainer may be called so; runs.settings.OWN has the same.
RESERVED = frozenset(
    {"experiment", "tracking", "trainer", "code", "workers", "threads", "time_limit", "rerun", "cluster"}
)
# Word -> module of octant with its COMMAND, or module:NAME, and what it does in a line.
COMMANDS = {
    "new": ("cli.new", "write a trainer of your own to start from: octant new mine.py"),
    "report": ("cli.report", "write the tables, figures and pages of an experiment again, from the store alone"),
    "compare": ("cli.compare", "compare the runs of a csv file or of any MLflow experiment, whoever trained them"),
    "plan": ("cli.plan", "say how many repeats would show a difference, and how long they take"),
    "check": ("cli.check", "say whether a change of the trainer's code helped: octant check BASE [HEAD]"),
    "publish": ("cli.report:PUBLISH", "write a report to experiments/NAME, from a clean commit"),
    "sync": ("cli.sync", "send to MLflow what only the journals hold so far, and damaged files again"),
    "doctor": ("cli.doctor", "compare journals and store, and mark dead runs as KILLED"),
    "prune": ("cli.prune", "delete journals of runs that later code has trained again; a dry run first"),
    "pack": ("cli.prune:PACK", "put journals of runs that MLflow has into one file; a dry run first"),
    "archive": ("cli.report:ARCHIVE", "write a sweep to one file, from which octant report FILE.zip writes its report"),
    "ui": ("servers.ui", "show the runs in MLflow on 127.0.0.1, with the link to each comparison"),
    "watch": ("servers.watch", "show a sweep's curves on 127.0.0.1 while it is trained, from the journals alone"),
    "server": ("servers.team", "run MLflow for a team, on PostgreSQL, with names and passwords"),
    "move": ("servers.move", "carry a SQLite store to a new team's server, ids and all"),
    **trainer.commands(),
}
_PAGES = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
# Hydra's flags; tests/cli/test_hydra.py holds them against Hydra's own parser. --help and --version are octant's, and
# --experimental-rerun, which loads a pickle, is refused.
_SWITCHES = (("--run", "-r"), ("--multirun", "-m"), ("--shell-completion", "-sc"), ("--resolve",), ("--hydra-help",))
_WORDS = (("--config-path", "-cp"), ("--config-name", "-cn"), ("--config-dir", "-cd"), ("--package", "-p"))
_CHOICES = {("--cfg", "-c"): ("job", "hydra", "all"), ("--info", "-i"): _PAGES}
_PLAIN = re.compile(r"(?P<group>[A-Za-z_]\w*)=(?P<word>[A-Za-z_][\w-]*)")


def main(program: Program = OCTANT) -> NoReturn:
    """Run the command line; every mistake of the user ends in one line and exit code 2."""
    gc.set_threshold(100_000, 20, 20)  # imports and a report make a million objects, and hardly any garbage
    try:
        with one_line_errors():
            raise SystemExit(run(sys.argv[1:], program))
    finally:
        gc.freeze()  # spares a second of looking for garbage in what is about to end


def run(words: Sequence[str], program: Program = OCTANT) -> int:
    """Do what the words say; returns the exit code. Raises InputError for words that mean nothing."""
    if words and words[0] in COMMANDS:
        return _command(words[0], words[1:], program)
    program = program_of(words) if program.is_own else program
    if not program.is_own:
        refuse_taken(program.trained.settings, RESERVED, program.trained.label)
    if {"--help", "-h"} & set(words):
        print(program.help_text({word: line for word, (_, line) in COMMANDS.items()}))
        return 0
    if "--version" in words:
        print(f"octant {__version__}")
        return 0
    return _compose(words, program)


def _command(word: str, words: Sequence[str], program: Program) -> int:
    (module, _, name), line = COMMANDS[word][0].partition(":"), COMMANDS[word][1]
    command: Subcommand = getattr(import_module(f"octant.{module}"), name or "COMMAND")
    parser = _Parser(prog=f"{program.command} {word}", description=f"{line[:1].upper()}{line[1:]}.")
    parser.add_argument("--uri", help="tracking store; default: the SQLite store in the state folder")
    command.declare(parser)
    parse = parser.parse_args if "--" in words else parser.parse_intermixed_args  # an option may stand among words
    return command.run(parse(words))


def _compose(words: Sequence[str], program: Program) -> int:
    refuse_open_addresses(words)
    flags = _read_flags(words)
    signal.signal(signal.SIGINT, _quit)
    moved = flags.config_path or flags.config_name or flags.config_dir or flags.shell_completion
    if not moved and not any(word.startswith("hydra.searchpath") for word in flags.overrides):  # conf/ alone decides
        _check_words(flags.overrides, list(COMMANDS), program)
    from octant.cli.compose import check_overrides, compose_and_launch

    if not (flags.config_path or flags.config_name or flags.shell_completion):
        check_overrides(flags.overrides, program, flags.config_dir, multirun=flags.multirun)
    others = [each for each in words if each not in flags.overrides]
    return compose_and_launch([*flags.overrides, *others], flags.overrides, program)


def _quit(*_: object) -> NoReturn:
    """Ctrl-C before or after the training, when there is nothing to save: no traceback."""
    sys.stderr.write("octant: stopped\n")
    os._exit(STOPPED)


class _Parser(argparse.ArgumentParser):
    """Refuses in one line, like everything else here."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of printing the usage."""
        raise InputError(f"{message}; {self.prog} --help lists what there is")


def _read_flags(words: Sequence[str]) -> argparse.Namespace:
    """Hydra's flags and the settings (`overrides`) among the words; raises InputError for a flag that is none."""
    parser = _Parser(prog="octant", add_help=False)
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


def _check_words(overrides: Sequence[str], commands: Sequence[str], program: Program = OCTANT) -> None:
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

"""`octant`: the first word says what to do; `key=value` alone is a run or a sweep, composed by Hydra."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from octant import __version__, trainer
from octant.cli.border import one_line_errors, refuse_open_addresses
from octant.cli.program import OCTANT, Program, program_of
from octant.cli.words import Parser, check_words, knows_all_words, read_flags
from octant.errors import STOPPED
from octant.trainer.adapted import refuse_taken
from octant.trainer.subcommand import Subcommand

# What a command says for itself, so that no setting of a trainer may be called so; runs.settings.OWN has the same.
RESERVED = frozenset(
    {"experiment", "tracking", "trainer", "code", "workers", "threads", "time_limit", "rerun", "cluster"}
)
# Word -> module with the COMMAND, and what it does in a line.
COMMANDS = {
    "new": ("octant.cli.new", "write a trainer of your own to start from: octant new mine.py"),
    "report": ("octant.cli.report", "write the tables, figures and pages of an experiment again, from the store alone"),
    "compare": (
        "octant.cli.compare",
        "compare the runs of a csv file or of any MLflow experiment, whoever trained them",
    ),
    "plan": ("octant.cli.plan", "say how many repeats would show a difference, and how long they take"),
    "check": ("octant.cli.check", "say whether a change of the trainer's code helped: octant check BASE [HEAD]"),
    "publish": ("octant.cli.publish", "write a report to experiments/NAME, from a clean commit"),
    "sync": ("octant.cli.sync", "send to MLflow what only the journals hold so far, and damaged files again"),
    "doctor": ("octant.cli.doctor", "compare journals and store, and mark dead runs as KILLED"),
    "prune": ("octant.cli.prune", "delete journals of runs that later code has trained again; a dry run first"),
    "archive": ("octant.cli.archive", "write a sweep to one file, from which octant report FILE.zip writes its report"),
    "ui": ("octant.servers.ui", "show the runs in MLflow on 127.0.0.1, with the link to each comparison"),
    "watch": (
        "octant.servers.watch",
        "show a sweep's curves on 127.0.0.1 while it is trained, from the journals alone",
    ),
    "server": ("octant.servers.team", "run MLflow for a team, on PostgreSQL, with names and passwords"),
    "move": ("octant.servers.move", "carry a SQLite store to a new team's server, ids and all"),
    **trainer.commands(),
}


def main(program: Program = OCTANT) -> NoReturn:
    """Run the command line; every mistake of the user ends in one line and exit code 2."""
    gc.set_threshold(50_000, 20, 20)  # imports make half a million objects and no garbage
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
        from octant.cli.help import help_text

        print(help_text({word: line for word, (_, line) in COMMANDS.items()}, program))
        return 0
    if "--version" in words:
        print(f"octant {__version__}")
        return 0
    return _compose(words, program)


def _command(word: str, words: Sequence[str], program: Program) -> int:
    module, line = COMMANDS[word]
    command: Subcommand = import_module(module).COMMAND
    parser = Parser(prog=f"{program.command} {word}", description=f"{line[:1].upper()}{line[1:]}.")
    parser.add_argument("--uri", help="tracking store; default: the SQLite store in the state folder")
    command.declare(parser)
    return command.run(parser.parse_args(words))


def _compose(words: Sequence[str], program: Program) -> int:
    refuse_open_addresses(words)
    flags = read_flags(words)
    signal.signal(signal.SIGINT, _quit)
    if knows_all_words(flags):
        check_words(flags.overrides, list(COMMANDS), program)
    from octant.cli.compose import check_overrides, compose_and_launch

    if not (flags.config_path or flags.config_name or flags.shell_completion):
        check_overrides(flags.overrides, program, flags.config_dir, multirun=flags.multirun)
    others = [each for each in words if each not in flags.overrides]
    return compose_and_launch([*flags.overrides, *others], flags.overrides, program)


def _quit(*_: object) -> NoReturn:
    """Ctrl-C before or after the training, when there is nothing to save: no traceback."""
    sys.stderr.write("octant: stopped\n")
    os._exit(STOPPED)

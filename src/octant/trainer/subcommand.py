"""What a module offers as a command of `octant`: its COMMAND."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from octant.trainer import Value


class Subcommand:
    """What `octant WORD` does: `run` obeys its options and returns the exit code."""

    def __init__(self, run: Callable[[Namespace], int], *options: Callable[[ArgumentParser], object]) -> None:
        self.run, self._options = run, options

    def declare(self, parser: ArgumentParser) -> None:
        """Let the parser know the options."""
        for each in self._options:
            each(parser)


def option(*names: str, **about: Value) -> Callable[[ArgumentParser], object]:
    """An option of a command, in the words of ArgumentParser.add_argument."""
    return lambda parser: parser.add_argument(*names, **about)


EXPERIMENT = option("experiment", help="name of the experiment, such as factorial")
SWEEP = option("--sweep", help="name or digest of a sweep; default: the one that the experiment's yaml declares")

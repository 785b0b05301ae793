"""The border of the program: any exception becomes one line that a user can act on, and an exit code."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from octant import environment, errors


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Settle the environment, and end the program with one line for any exception.

    HYDRA_FULL_ERROR=1 asks for tracebacks instead.
    """
    debug = os.environ.get("HYDRA_FULL_ERROR", "0") not in ("", "0")
    for name in ("stdout", "stderr"):  # cron and daemons may close them
        setattr(sys, name, getattr(sys, name) or Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    environment.settle()
    try:
        try:
            _refuse_vanished_folder()
            yield
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("octant: stopped", file=sys.stderr)
        raise SystemExit(errors.STOPPED) from None
    except Exception as error:
        if isinstance(error, BrokenPipeError):
            _end_if_nobody_reads()
        if debug:
            raise
        _end(error)


def _refuse_vanished_folder() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        raise errors.InputError("the folder that you are in is gone; cd to one that exists") from None


def refuse_open_addresses(words: Sequence[str]) -> None:
    """Raise InputError for a page's address and a password among the settings: Hydra would write multirun.yaml."""
    if any(re.match(r"\+*tracking\.uri=[\"']?https?://[^@?#]*#", word) for word in words):
        raise errors.InputError(errors.UI_PAGE)
    for word in words:
        if re.match(r"\+*tracking(?!\.uri=sqlite:)", word) and (
            "@" in word or errors.without_credentials(word) != word
        ):
            raise errors.InputError(errors.OPEN)


def _end_if_nobody_reads() -> None:
    """Whoever read our output has enough: head, less."""
    watch = select.poll()
    watch.register(sys.stdout.fileno(), 0)
    if watch.poll(0):  # POLLERR on Linux, POLLHUP elsewhere: the other end is closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + signal.SIGPIPE) from None


def _end(error: Exception) -> NoReturn:
    print(f"octant: {errors.printable(errors.without_credentials(errors.line_of(error)))}", file=sys.stderr)
    if isinstance(error, errors.InputError):
        raise SystemExit(errors.BAD_INPUT)
    raise SystemExit(
        errors.UNDELIVERED if errors.raised_by_store(error) else errors.DISK if isinstance(error, OSError) else 1
    )

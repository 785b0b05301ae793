"""Any exception becomes one line that a user can act on, and an exit code."""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from octant import environment
from octant.errors import InputError, StoreAway, printable, raised_by_store, unknown_word, without_credentials

BAD_INPUT = 2
STOPPED = 130
UNDELIVERED = 75  # EX_TEMPFAIL
DISK = 74  # EX_IOERR of sysexits.h
_DEBUG = "_OCTANT_DEBUG"  # what the user said of HYDRA_FULL_ERROR, before the command line sets it


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Settle the environment, and end the program with one line for any exception.

    HYDRA_FULL_ERROR=1 asks for tracebacks instead.
    """
    debug = os.environ.get(_DEBUG, os.environ.get("HYDRA_FULL_ERROR", "0")) not in ("", "0")
    os.environ[_DEBUG] = "1" if debug else "0"
    for name in ("stdout", "stderr"):  # cron and daemons may close them
        setattr(sys, name, getattr(sys, name) or Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    environment.settle()
    argparse.ArgumentParser.error = _refuse  # type: ignore[assignment,method-assign] # else Hydra prints a page
    try:
        try:
            _refuse_vanished_folder()
            yield
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("octant: stopped", file=sys.stderr)
        raise SystemExit(STOPPED) from None
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
        raise InputError("the folder that you are in is gone; cd to one that exists") from None


def _refuse(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    raise InputError(f"{message}; --help lists what there is")


def _end_if_nobody_reads() -> None:
    """Whoever read our output has enough: head, less."""
    watch = select.poll()
    watch.register(sys.stdout.fileno(), 0)
    if watch.poll(0):  # POLLERR on Linux, POLLHUP elsewhere: the other end is closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + signal.SIGPIPE) from None


def _end(error: Exception) -> NoReturn:
    print(f"octant: {printable(without_credentials(line_of(error)))}", file=sys.stderr)
    if isinstance(error, InputError) or _is_hydra_s(error):
        raise SystemExit(BAD_INPUT)
    raise SystemExit(UNDELIVERED if raised_by_store(error) else DISK if isinstance(error, OSError) else 1)


def _is_hydra_s(error: Exception) -> bool:
    """Whether Hydra, OmegaConf or their parser raised it, by its type or by where: that is for what the user wrote."""
    raised = [type(error).__module__]
    trace = error.__traceback__
    while trace is not None:
        raised[1:] = [str(trace.tb_frame.f_globals.get("__name__"))]
        trace = trace.tb_next
    return any(name.split(".")[0] in ("hydra", "omegaconf", "antlr4") for name in raised)


def line_of(error: Exception) -> str:
    """One line for any exception; Hydra's are said in octant's words."""
    text = " ".join(str(error).split())
    missing, options = getattr(error, "missing_cfg_file", None), getattr(error, "options", None)
    if missing and options:
        group, _, word = str(missing).partition("/")
        return unknown_word(group, word, options)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if "Could not override" in text:
        return _unknown_setting(text.split("'")[1])
    if text.startswith("Only one of --run"):
        return "--cfg and --info show one run; give each setting one value, without -m"
    if "Environment variable" in text:
        return f"{text.split('full_key: ')[-1].split()[0]}: set the environment variable {text.split(chr(39))[1]} first"
    if raised_by_store(error) and not isinstance(error, StoreAway):
        return f"the store does not answer: {text[:200]}"
    return text or type(error).__name__


def _unknown_setting(key: str) -> str:
    from octant.network.settings import Settings
    from octant.runs.settings import Launch

    group, _, rest = key.partition(".")
    if group == "hydra":
        return f"setting: {key!r} does not exist; `octant --cfg hydra` shows those that do, +{key}=... adds one"
    if rest and group in {*Settings.model_fields, *Launch.model_fields}:
        return f"setting: {key!r} does not exist with this choice of {group}; `octant --cfg job` shows those that do"
    return unknown_word("setting", key, {*Settings.model_fields, *Launch.model_fields} - {"settings"})

"""The one error a user can act on, and how near a word is to the known ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

# Exit codes; 74 and 75 are EX_IOERR and EX_TEMPFAIL of sysexits.h.
BAD_INPUT = 2
DISK = 74
UNDELIVERED = 75
STOPPED = 130

# `ps` shows arguments, shells and Hydra's multirun.yaml keep them.
OPEN = (
    "tracking.uri: name and password do not belong there; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD "
    "in the environment"
)
UI_PAGE = "tracking.uri: that is the address of a page; write the server's alone, such as http://host:5000"


class InputError(ValueError):
    """Bad input, found before any work: one line that says what was wrong, what is allowed, what to do.

    The command line prints the message alone and ends with exit code 2.
    """


class UnusableStore(InputError):
    """A store that no waiting mends: a file of something else, a folder, a damaged database."""


class StoreAway(Exception):
    """A store that does not answer now, such as a locked one: the same command may succeed later."""


def raised_by_store(error: Exception) -> bool:
    """Whether MLflow, SQLAlchemy or SQLite raised it; none of them is imported for that."""
    origins = {each.__module__.split(".")[0] for each in type(error).__mro__}
    return isinstance(error, StoreAway) or bool(origins & {"mlflow", "sqlalchemy", "sqlite3"})


def line_of(error: Exception) -> str:
    """One line for any exception."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    text = " ".join(str(error).split())
    if raised_by_store(error) and not isinstance(error, StoreAway):
        return f"the store does not answer: {text[:200]}"
    return text or type(error).__name__


def without_credentials(text: str) -> str:
    """`text` with user and password of every URI in it, and every query value, replaced by ***.

    Up to the last @ of a word, since a password may hold one: rather too much is hidden than too little.
    """
    text = re.sub(r"(\w[\w+.-]*://)(?!/)\S*@", r"\1***@", text)
    return re.sub(r"([?&][\w.-]+=)[^&\s]+", r"\1***", text)


def printable(text: str) -> str:
    """`text` without what a terminal would obey, such as colours, titles, other directions; lines stay lines.

    Whatever comes from a store goes through here before it is printed: others may write there.
    """
    return "".join(each for each in text if each.isprintable() or each == "\n")


def store_problem(error: Exception) -> str | None:
    """One line of what MLflow or the database raised, such as for a store that has gone away or is locked; None for
    any other exception.
    """
    if isinstance(error, InputError) or not raised_by_store(error):
        return None
    return printable(without_credentials(" ".join(str(error).split())))[:200]


def unknown_word(kind: str, word: object, known: Iterable[str]) -> str:
    """One line for a word that `kind` does not have: the nearest known word first, then all of them."""
    words = sorted(known)
    return f"{kind}: {word!r} is unknown; {nearest(word, words)}known: {', '.join(words)}"


def nearest(word: object, known: Iterable[str]) -> str:
    """The question whether the nearest known word was meant; empty where none is near."""
    near = get_close_matches(str(word), sorted(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? " if near else ""

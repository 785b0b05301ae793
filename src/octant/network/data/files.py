"""Files that a person named: found, told apart, and complained of in one line."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from octant.errors import InputError


def complaint(where: object, wrong: str, remedy: str) -> InputError:
    """An InputError of exactly one line: in which file, what was wrong, what to do."""
    # repr keeps a newline in a file's name from breaking the line; split does it for foreign messages.
    return InputError(" ".join(f"{str(where)!r}: {wrong}; {remedy}".split()))


def expanded(text: str) -> Path:
    """The path a person wrote, with `~` expanded where that is possible."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - unlike Path's, it does not raise


def require_file(path: Path, remedy: str) -> os.stat_result:
    """The status of a regular file; InputError for anything else, such as a folder, a pipe or a device."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise complaint(path, "there is no such file", remedy) from None
    except (OSError, ValueError) as error:
        raise complaint(path, f"cannot be reached ({_reason(error)})", remedy) from error
    if not stat.S_ISREG(status.st_mode):
        wrong = "is a folder, not a file" if stat.S_ISDIR(status.st_mode) else "is not a regular file"
        raise complaint(path, wrong, remedy)
    return status


def stamp(path: Path, remedy: str) -> list[str | int]:
    """What tells one state of a file from another without reading it; raises as require_file does.

    The change time catches a file replaced by one of equal size and modification time (`cp -p`, `rsync -t`).
    """
    status = require_file(path, remedy)
    return [str(path.resolve()), status.st_size, status.st_mtime_ns, status.st_ctime_ns]


@contextmanager
def reading(path: Path, remedy: str) -> Iterator[None]:
    """Turn whatever a parser says of a stranger's bytes into one InputError."""
    try:
        yield
    except InputError:
        raise
    # zipfile, zlib, tokenize and numpy each raise their own; any of them means that the file is bad.
    except Exception as error:
        raise complaint(path, f"cannot be read ({_reason(error)})", remedy) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "its text is not UTF-8: save it as CSV UTF-8"
    if "allow_pickle" in str(error):
        return "it holds Python objects: save numbers or text, such as y.astype(str)"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

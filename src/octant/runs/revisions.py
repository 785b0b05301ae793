"""Revisions of a git repository, each checked out in a folder of its own for as long as it is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from octant.errors import InputError
from octant.runs.provenance import ELSEWHERE


def top_of(folder: Path) -> Path:
    """The root of the repository that `folder` is in; raises InputError where there is none."""
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel"))
    except subprocess.SubprocessError:
        raise InputError(f"check: {folder} is in no git repository; cd to the one whose code changed") from None


def commit_of(top: Path, revision: str) -> str:
    """The commit that a revision names, 40 digits; raises InputError for what names none."""
    wrong = InputError(f"check: {revision!r} is no revision of {top}; name a commit, a branch or a tag, such as HEAD~1")
    if revision.startswith("-"):
        raise wrong
    try:
        return _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except subprocess.SubprocessError:
        raise wrong from None


@contextmanager
def checked_out(top: Path, commit: str, folder: Path) -> Iterator[Path]:
    """A worktree of the commit in `folder`, removed at the end; one that a killed process left there goes first."""
    _remove(top, folder)
    try:
        _git(top, "worktree", "add", "--detach", "--force", str(folder), commit)
    except subprocess.CalledProcessError as error:
        _remove(top, folder)
        raise InputError(f"check: git cannot check out {commit[:7]}: {' '.join(error.stderr.split())[-200:]}") from None
    try:
        yield folder
    finally:
        _remove(top, folder)


def _remove(top: Path, folder: Path) -> None:
    with suppress(subprocess.SubprocessError):
        _git(top, "worktree", "remove", "--force", "--force", str(folder))
    shutil.rmtree(folder, ignore_errors=True)  # one of another repository


def _git(folder: Path, *arguments: str) -> str:
    """What git answers; it runs none of the repository's hooks."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, no shell
            ["git", "-C", str(folder), "-c", f"core.hooksPath={os.devnull}", *arguments],  # noqa: S607
            env={name: value for name, value in os.environ.items() if name not in ELSEWHERE},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
        )
    except FileNotFoundError:
        raise InputError("check: git is not installed") from None
    return done.stdout.strip()

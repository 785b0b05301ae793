"""The border of the program: one line for any exception, and no line for a reader who has enough."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from octant.cli.border import one_line_errors
from octant.errors import InputError, StoreAway, UnusableStore
from support.command import environment


def test_ctrl_c_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, one_line_errors():
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert capsys.readouterr().err == "octant: stopped\n"


STEERING = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\r\tname"


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError(STEERING), 2), (UnusableStore(STEERING), 2), (StoreAway(STEERING), 75), (OSError(2, STEERING), 74),
     (FileNotFoundError(2, "none", STEERING), 74), (sqlite3.OperationalError(STEERING), 75),
     (RuntimeError(STEERING), 1)],
    ids=lambda each: type(each).__name__,
)  # fmt: skip
def test_no_error_steers_terminal(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever others wrote into names, files and stores; the exit code is the kind's."""
    with pytest.raises(SystemExit) as ended, one_line_errors():
        raise error
    said = capsys.readouterr().err
    assert ended.value.code == code
    assert said.endswith("\n")
    assert said[:-1].isprintable()
    assert "name" in said


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_reader_that_has_enough_is_no_error(unbuffered: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "octant", "doctor"]
    given = environment(tmp_path) | {"PYTHONUNBUFFERED": unbuffered}
    with os.fdopen(writing, "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=given, check=False)
    assert (done.returncode, done.stderr) == (141, b"")


def test_broken_pipe_elsewhere_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, one_line_errors():
        raise BrokenPipeError(32, "Broken pipe")
    assert (ended.value.code, capfd.readouterr().err) == (74, "octant: Broken pipe\n")


def test_closed_output_is_no_error(tmp_path: Path) -> None:
    text = f"{sys.executable} -m octant doctor >&-"
    done = subprocess.run(["sh", "-c", text], capture_output=True, env=environment(tmp_path), check=False)
    assert (done.returncode, done.stderr) == (0, b"")

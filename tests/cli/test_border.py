"""The border of the program: one line for any exception, and no line for a reader who has enough."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from octant.cli.border import one_line_errors
from support.command import environment


def test_ctrl_c_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, one_line_errors():
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert capsys.readouterr().err == "octant: stopped\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_enough_is_no_error(unbuffered: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "octant", "doctor"]
    given = environment(tmp_path) | {"PYTHONUNBUFFERED": unbuffered}
    with os.fdopen(writing, "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=given, check=False)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_broken_pipe_elsewhere_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, one_line_errors():
        raise BrokenPipeError(32, "Broken pipe")
    assert (ended.value.code, capfd.readouterr().err) == (74, "octant: Broken pipe\n")


def test_a_closed_output_is_no_error(tmp_path: Path) -> None:
    text = f"{sys.executable} -m octant doctor >&-"
    done = subprocess.run(["sh", "-c", text], capture_output=True, env=environment(tmp_path), check=False)
    assert (done.returncode, done.stderr) == (0, b"")

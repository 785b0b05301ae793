"""What a run says of its code, whatever git's own settings on this machine are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from octant.runs import provenance

OWN = {"diff.noprefix": "true", "diff.mnemonicPrefix": "true", "color.ui": "always", "diff.external": "false",
       "status.showUntrackedFiles": "no"}  # fmt: skip


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    return subprocess.run(["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True).stdout


def test_own_git_settings_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.py"
    file.write_text("a = 1\n")
    git(tmp_path, "init")
    git(tmp_path, "add", "mine.py")
    git(tmp_path, "commit", "-m", "first")
    file.write_text("a = 2\n")
    for number, (name, value) in enumerate(OWN.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(OWN)))
    kept = provenance.uncommitted(f"{file}::train")
    git(tmp_path, "checkout", "mine.py")
    (tmp_path / "other.py").write_text("")
    assert provenance.describe(f"{file}::train")["git_state"] == "dirty"  # another module, not yet added
    (tmp_path / "kept.diff").write_text(str(kept))
    monkeypatch.delenv("GIT_CONFIG_COUNT")
    git(tmp_path, "apply", "kept.diff")
    assert file.read_text() == "a = 2\n"

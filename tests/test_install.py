"""What make installs: the versions of constraints.txt, each file by its SHA-256, for octant and for each extra."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pip
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import octant
from octant import home

ROOT = Path(__file__).parents[1]
PARTS = re.findall(r"^#: (.*)\n((?:[^#\n].*\n)+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEEDED = {"base": PROJECT["project"]["dependencies"], "build": [*PROJECT["build-system"]["requires"], "editables"],
          **PROJECT["project"]["optional-dependencies"]}  # fmt: skip


def locked(part: str) -> dict[str, str]:
    """Name -> version of what make installs for a part, and for octant itself."""
    lines = "".join(lines for names, lines in PARTS if {part, "base"} & set(names.split()))
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lines, re.MULTILINE))


@pytest.mark.parametrize("part", NEEDED)
def test_constraints_fit_the_project(part: str) -> None:
    for requirement in map(Requirement, NEEDED[part]):
        assert locked(part)[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_one_version_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert (PROJECT["project"]["name"], version) == (home.DISTRIBUTION, octant.__version__)
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"octant_sweep-{version}-py3-none-any.whl" in (ROOT / "docs" / "install.md").read_text()


def test_every_pin_has_its_hashes() -> None:
    text = (ROOT / "constraints.txt").read_text()
    blocks = re.findall(r"^\w.*\n(?: .*\n)*", text, re.MULTILINE)
    bare = [block for block in blocks if not re.search(r"--hash=sha256:[0-9a-f]{64}\n", block)]
    assert [block.split("==")[0] for block in bare] == ["torch"]
    assert "".join(lines for _, lines in PARTS) == "".join(blocks)
    assert "/" not in text


def wheel(folder: Path, name: str) -> str:
    """An empty package; the SHA-256 of its file."""
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        file.writestr(f"{name}-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{name}-1.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_no_hint_installs_a_strangers_package() -> None:
    """What is called octant on the package index is somebody else's."""
    files = [ROOT / "README.md", *(each for name in ("src", "docs", "conf") for each in (ROOT / name).rglob("*.*"))]
    texts = {each: each.read_text() for each in files if each.suffix in (".py", ".md", ".yaml")}
    assert texts
    assert not [each for each, text in texts.items() if re.search(r"pip install .?octant\b(?!_)", text)]


@pytest.mark.parametrize("hashed", [True, False])
def test_another_file_is_not_installed(hashed: bool, tmp_path: Path) -> None:
    """Nor one of a part in which nobody wrote a hash: pip alone would take it."""
    first, other = wheel(tmp_path, "first"), wheel(tmp_path, "other")
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    wrong = f" --hash=sha256:{other[::-1]}" if hashed else ""
    pins = f"#: build\nfirst==1 --hash=sha256:{first}\n\n#: base\nother==1{wrong}\n"
    (tmp_path / "constraints.txt").write_text(pins)
    alone = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (packages,) = (tmp_path / "venv").glob("lib/*/site-packages")
    (packages / "pip").symlink_to(Path(pip.__file__).parent)
    command = ["make", "setup", "VENV=venv"]
    there = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | alone
    done = subprocess.run(command, cwd=tmp_path, env=there, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert ("DO NOT MATCH THE HASHES" if hashed else "Hashes are required") in done.stderr
    installed = {path.name.split("-")[0] for path in packages.glob("*.dist-info")}
    assert "first" in installed
    assert "other" not in installed
    assert not (tmp_path / "venv" / ".installed").exists()

"""The fingerprint knows the code: what changes numbers changes it, what only changes the text does not."""

from __future__ import annotations

import ast
import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from octant.runs.fingerprint import HALF, _code_of, changed, code_digest, fingerprint, source_of

LOSSES = '''"""A module."""
import math

from {package}layers import width  # a helper


def slope(x):
    """The derivative."""
    # a comment
    half = 0.5 * (x + width())
    return math.tanh(half)
'''


def digest_of(text: str) -> object:
    return _code_of(ast.parse(text))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trainer in one folder, with a helper that it imports and a file that it does not."""
    (tmp_path / "mine_alone.py").write_text(LOSSES.format(package=""), encoding="utf-8")
    (tmp_path / "layers.py").write_text("def width():\n    return 3\n", encoding="utf-8")
    (tmp_path / "notes.py").write_text("print('not imported')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("mine_alone", "layers"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.import_module("mine_alone")
    return tmp_path


def test_source_is_what_the_trainer_imports(folder: Path) -> None:
    source_of.cache_clear()
    assert list(source_of("mine_alone")) == ["layers.py", "mine_alone.py"]


def test_changed_files_are_named(folder: Path) -> None:
    source_of.cache_clear()
    before = source_of("mine_alone")
    (folder / "layers.py").write_text("def width():\n    return 4\n", encoding="utf-8")
    source_of.cache_clear()
    after = source_of("mine_alone")
    assert changed(before, after) == ["layers.py"]
    assert code_digest(before) != code_digest(after)


def test_comments_and_layout_do_not_count() -> None:
    plain = LOSSES.format(package="")
    for text in (
        plain.replace("# a comment", "# another"),
        plain.replace('"""The derivative."""', '"""Of anything."""'),
        plain.replace('"""A module."""\n', ""),
        plain.replace("0.5 * (x + width())", "(\n        0.5\n        * (x + width())\n    )"),
        plain.replace("import math\n", "import math\n\n\n"),
    ):
        assert text != plain
        assert digest_of(text) == digest_of(plain)


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.5", "0.25"), ("x + width()", "x - width()"), ("math.tanh", "math.sin"), ("layers", "others"), ("half)", "x)")],
)
def test_every_change_of_code_counts(old: str, new: str) -> None:
    plain = LOSSES.format(package="")
    assert digest_of(plain.replace(old, new)) != digest_of(plain)


def test_halves_tell_settings_from_code() -> None:
    one = fingerprint({"seed": 1}, (), "data", "c" * 64)
    assert len(one) == 64
    assert fingerprint({"seed": 1}, (), "data", "d" * 64)[:HALF] == one[:HALF]
    assert fingerprint({"seed": 2}, (), "data", "c" * 64)[HALF:] == one[HALF:]
    assert (
        len({one, fingerprint({"seed": 2}, (), "data", "c" * 64), fingerprint({"seed": 1}, (), "other", "c" * 64)}) == 3
    )


def test_network_is_digested_whole() -> None:
    """Every module of the network that can decide a number, in a fresh interpreter, whatever it was asked for."""
    code = (
        "import octant.network.training\nfrom octant.runs.fingerprint import source_of\n"
        "print(*source_of('octant.network.training'), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {
        "activations.py", "losses.py", "initialisers.py", "network.py", "seeds.py", "training.py",
        "engines/vectorised.py", "engines/compiled/kernel.py", "engines/compiled/vocabulary.py",
    } <= set(done.stdout.split())  # fmt: skip


def test_edited_derivative_in_a_copy_is_found(tmp_path: Path) -> None:
    import octant.network

    copy = tmp_path / "octant"
    shutil.copytree(Path(str(octant.network.__file__)).parents[1], copy, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport octant.network.training\n"
        "from octant.runs.fingerprint import code_digest, source_of\n"
        "print(code_digest(source_of('octant.network.training')))"
    )

    def digest() -> str:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    first, path = digest(), copy / "network" / "activations.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"""', '"""Edited. ', 1), encoding="utf-8")
    assert digest() == first
    assert "(1.0 - A * A)" in text
    path.write_text(text.replace("(1.0 - A * A)", "(1.0 + A * A)"), encoding="utf-8")
    assert digest() != first

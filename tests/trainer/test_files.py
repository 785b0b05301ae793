"""A trainer from a file: how it is found again, what its settings may be, and what is refused in one line."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from octant.errors import InputError
from octant.runs.fingerprint import source_of
from octant.trainer import files, trainer
from octant.trainer.adapted import defaults, refuse_taken

BODY = """
def train(settings, state=None):
    yield octant.Epoch(1, {"test_accuracy": settings.width / 100})
"""


def written(folder: Path, text: str, name: str = "mine.py") -> str:
    path = folder / name
    path.write_text("import octant\n" + dedent(text) + BODY)
    return str(path)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Any:
    known = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.mark.parametrize(
    "text",
    [
        "class Settings(octant.Settings):\n    width: int = 32\n    layers: tuple[int, ...] = (1, 2)",
        "import pydantic\nclass Settings(pydantic.BaseModel):\n    width: int = 32\n"
        "    layers: tuple[int, ...] = (1, 2)\n    seed: int = 0",
        "import dataclasses\n@dataclasses.dataclass\nclass Settings:\n    width: int = 32\n"
        "    layers: tuple[int, ...] = (1, 2)\n    seed: int = 0",
    ],
    ids=["octant", "pydantic", "dataclass"],
)
def test_settings_of_three_kinds(text: str, tmp_path: Path) -> None:
    found = trainer(written(tmp_path, text))
    assert (found.name, found.label) == ("mine", "mine.py")
    assert defaults(found.settings) == {"width": 32, "layers": [1, 2], "seed": 0}
    values = found.parse({"width": 8, "layers": [3], "seed": 4})  # as yaml has them
    assert (values.width, values.layers, values.seed) == (8, (3,), 4)
    (epoch,) = found.train(values, None)
    assert epoch.metrics == {"test_accuracy": 0.08}
    with pytest.raises(InputError, match=r"setting: 'widht' is unknown; did you mean 'width'"):
        found.parse({"widht": 8})
    with pytest.raises(InputError, match=r"width: should be a valid integer, got 'three'"):
        found.parse({"width": "three"})


def test_other_names_travel_in_the_reference(tmp_path: Path) -> None:
    path = Path(
        written(tmp_path, "class Config(octant.Settings):\n    width: int = 3\ndef fit(s, state=None): yield 1")
    )
    module: Any = files._imported(path)
    reference = files.reference_of({"train": module.fit, "settings": module.Config})
    assert reference == f"{path}::train=fit,settings=Config"
    assert trainer(reference).parse({}).width == 3


def test_fingerprint_covers_folder_s_modules(tmp_path: Path) -> None:
    (tmp_path / "helper_of_mine.py").write_text("FACTOR = 2\n")
    (tmp_path / "unused.py").write_text("FACTOR = 2\n")
    text = "import helper_of_mine\nclass Settings(octant.Settings):\n    width: int = 32\n"
    found = trainer(written(tmp_path, text))
    assert set(source_of(found.train.__module__)) == {"mine.py", "helper_of_mine.py"}


def test_file_named_as_library_replaces_none(tmp_path: Path) -> None:
    before = sys.modules["json"]
    found = trainer(written(tmp_path, "class Settings(octant.Settings):\n    width: int = 1", "json.py"))
    assert sys.modules["json"] is before
    assert found.name == "json"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1", "mine.py: it has no Settings; a trainer is a function train and a class Settings"),
        ("import no_such_module", "mine.py: it cannot be imported: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "mine.py: it cannot be imported: SystemExit: 3"),
        ("Settings = dict", "mine.py: Settings is <class 'dict'>; allowed are a subclass of octant.Settings"),
        (
            "import dataclasses\n@dataclasses.dataclass\nclass Settings:\n    width: int = 3",
            "mine.py: Settings has no seed; add `seed: int = 0`",
        ),
    ],
)
def test_file_that_is_no_trainer(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        trainer(written(tmp_path, text))
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)


def test_unknown_trainers_name_known() -> None:
    with pytest.raises(InputError, match=r"trainer: 'netwrk' is unknown; did you mean 'network'.*or a file"):
        trainer("netwrk")
    with pytest.raises(InputError, match=r"nowhere.py does not exist"):
        trainer("/nowhere.py")


def test_setting_may_not_take_octants_words(tmp_path: Path) -> None:
    found = trainer(written(tmp_path, "class Settings(octant.Settings):\n    width: int = 1\n    workers: int = 1"))
    with pytest.raises(InputError, match=r"mine.py: Settings.workers: octant has that word for itself"):
        refuse_taken(found.settings, frozenset({"workers"}), found.label)


def test_functions_without_a_file_are_refused(tmp_path: Path) -> None:
    def inner(settings: Any, state: Any = None) -> None: ...

    with pytest.raises(InputError, match=r"test_files.py: train is .*; it must be defined by name at the top level"):
        files.reference_of({"train": inner, "settings": int})


def test_package_offers_a_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "class Settings(octant.Settings):\n    width: int = 5", "offered_module.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    point = EntryPoint("boosting", "offered_module", files.OFFERED)
    monkeypatch.setattr(files, "entry_points", lambda group: [point] if group == files.OFFERED else [])
    found = trainer("boosting")
    assert (found.name, found.command, found.parse({}).width) == ("boosting", ("octant", "trainer=boosting"), 5)


def test_data_and_files_are_plain_functions(tmp_path: Path) -> None:
    text = """
    class Settings(octant.Settings):
        width: int = 5
    def digest(settings): return f"table of {settings.width} rows"
    def report(settings, last): return {"report.txt": f"{last.metrics}"}
    """
    found = trainer(written(tmp_path, text) + "::data=digest,files=report")
    five, six = (found.data(found.parse({"width": width})) for width in (5, 6))
    assert five.digest != six.digest
    assert len(five.digest) == 64
    (last,) = found.train(found.parse({}), None)
    assert found.files(found.parse({}), last) == {"report.txt": b"{'test_accuracy': 0.05}"}

"""Imports go one way, numerics know neither Hydra nor MLflow, and words equal yaml stems."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from octant.network import settings
from octant.network.activations import HIDDEN, OUTPUT
from octant.network.engines import ENGINES
from octant.network.initialisers import INITIALISERS
from octant.network.losses import LOSSES

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "octant"

# Each room, and each file at the root, imports only from those before it.
LAYERS = [
    "errors", "seal", "locks", "environment", "home", "trainer", "network", "analysis", "runs", "tracking",
    "servers", "models", "cli", "__main__",
]  # fmt: skip
# The seams that are still open: file -> rooms above it that it imports.
OPEN = {
    "analysis/report": {"tracking", "runs"},
    "runs": {"tracking"},
}
NUMERICS = [
    "network.activations", "network.losses", "network.initialisers", "network.seeds", "network.network",
    "network.engines", "network.training",
]  # fmt: skip


def modules() -> dict[str, Path]:
    return {str(path.relative_to(SOURCE)): path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py"}


def layer(relative: str) -> str:
    return Path(relative).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("relative", sorted(modules()))
def test_imports_go_one_way(relative: str) -> None:
    here = LAYERS.index(layer(relative))
    seams = set().union(
        *(rooms for place, rooms in OPEN.items() if relative == place or relative.startswith(f"{place}/"))
    )
    for name in imported(modules()[relative]):
        parts = name.split(".")
        if parts[0] == "octant" and len(parts) > 1 and parts[1] in LAYERS and parts[1] not in seams:
            assert LAYERS.index(parts[1]) <= here, f"{relative} imports {name}, a layer above it"


def test_kit_names_no_trainer() -> None:
    """It has what is registered, or what a person's file brings."""
    for relative, path in modules().items():
        if layer(relative) in ("runs", "tracking", "servers", "cli"):
            constants = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
            assert "network" not in constants, relative


def test_analysis_knows_no_network() -> None:
    for relative, path in modules().items():
        if layer(relative) in ("analysis", "runs", "tracking", "servers", "cli"):
            found = {name for name in imported(path) if name.startswith(("octant.network", "octant.models"))}
            assert not found, relative


def importers(package: str) -> set[str]:
    return {
        relative for relative, path in modules().items()
        if any(name.split(".")[0] == package for name in imported(path))
    }  # fmt: skip


def rooms(package: str) -> set[str]:
    return {layer(relative) for relative in importers(package)}


def test_libraries_have_one_door_each() -> None:
    assert rooms("mlflow") == {"tracking", "models", "servers"}
    for package in ("hydra", "omegaconf", "antlr4"):
        assert importers(package) == {"cli/compose.py"}
    assert rooms("numba") <= {"network"}
    assert importers("fcntl") == {"locks.py"}


def test_hydra_s_private_parts_have_one_door() -> None:
    """hydra_plugins/ alone, and nothing of another library's is replaced."""
    for relative, path in modules().items():
        assert "hydra._internal" not in path.read_text(), relative
        plugins = {name for name in imported(path) if name.startswith("hydra_plugins.")}
        assert plugins <= ({"hydra_plugins.octant_overrides"} if relative == "cli/compose.py" else set()), relative
    door = (SOURCE.parent / "hydra_plugins" / "octant_plugins.py").read_text()
    assert "octant.cli" not in door
    assert "SystemExit" not in door


@pytest.mark.parametrize("module", NUMERICS)
def test_numerics_import_no_framework(module: str) -> None:
    """Measured in a fresh interpreter, so that indirect imports count."""
    code = (
        f"import sys, octant.{module}\n"
        "print([name for name in ('hydra', 'mlflow', 'matplotlib', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_catalogue_words_equal_yaml_stems() -> None:
    catalogues = {
        "loss": LOSSES, "hidden": HIDDEN, "output": OUTPUT, "init": INITIALISERS, "engine": ENGINES,
        "dataset": settings.DATASETS,
    }  # fmt: skip
    for group, words in catalogues.items():
        files = sorted((ROOT / "conf" / group).glob("*.yaml"))
        assert sorted(words) == [path.stem for path in files], group
        for path in files:
            content = yaml.safe_load(path.read_text())
            assert (content["name"] if group == "dataset" else content[group]) == path.stem


@pytest.mark.parametrize("path", sorted((ROOT / "conf" / "experiment").glob("*.yaml")), ids=lambda path: path.stem)
def test_experiments_name_is_its_yaml_stem(path: Path) -> None:
    content = yaml.safe_load(path.read_text())
    assert content["experiment"]["name"] == path.stem
    assert content["experiment"]["question"].endswith("?")


def test_public_names_exist_once() -> None:
    """But for the contract's words, which each trainer has, and tanh: compiled code finds its own by NumPy's name."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    names = [
        node.name
        for path in modules().values()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, kinds) and not node.name.startswith("_")
    ]
    assert {name for name in names if names.count(name) > 1} == {"main", "Settings", "tanh", "train"}


def test_conf_names_no_python_path() -> None:
    for path in (ROOT / "conf").rglob("*.yaml"):
        assert "_target_" not in path.read_text(), path


def test_engine_words() -> None:
    assert set(ENGINES) == set(settings.ENGINES)

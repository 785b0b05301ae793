"""Generated configurations and data files: each one trains, or is refused with one line. Nothing else may happen."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from octant import home
from octant.errors import InputError
from octant.network.trainer import dataset_of
from octant.network.training import train
from octant.runs.settings import parse_launch
from octant.runs.sweep import prepare_sweep
from support.settings import settings

JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(), st.text(max_size=8), st.lists(st.integers())
)


def sometimes(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly a value that is allowed, so that whole configurations get through."""
    return st.one_of(good, good, good, good, good, JUNK)


CONFIGURATIONS = st.fixed_dictionaries(
    {
        "loss": sometimes(st.sampled_from(["mse", "cross_entropy"])),
        "hidden": sometimes(st.sampled_from(["sigmoid", "tanh", "relu"])),
        "output": sometimes(st.sampled_from(["sigmoid", "softmax"])),
        "init": sometimes(st.sampled_from(["uniform", "normal", "scaled", "glorot", "lecture"])),
        "engine": st.just("numpy"),
        "hidden_units": sometimes(st.integers(1, 8)),
        "learning_rate": sometimes(st.floats(1e-9, 1e6)),
        "batch_size": sometimes(st.integers(1, 40)),
        "epochs": sometimes(st.integers(1, 2)),
        "seed": sometimes(st.integers(0, 2**32 - 1)),
        "dtype": sometimes(st.sampled_from(["float64", "float32"])),
        "targets": sometimes(st.sampled_from(["one_hot", "lecture"])),
        "order": sometimes(st.sampled_from(["shuffled", "file"])),
        "output_step": sometimes(st.sampled_from(["gradient", "divided"])),
        "hidden_error": sometimes(st.sampled_from(["gradient", "raw"])),
    },
    optional={"workers": sometimes(st.integers(1, 4)), "momentum": JUNK, "rerun": st.booleans()},
)

SPECIAL = st.sampled_from([0.0, 1.0, -1.0, 1e308, -1e308, 5e-324, float("nan"), float("inf")])
NUMBERS = st.one_of(st.floats(0, 1), SPECIAL)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "small.npz"
    np.savez(path, X=rng.random((50, 3)), y=np.arange(50) % 3)
    return path


def attempt(composed: dict[str, Any], state: Path) -> None:
    """What a launch does, in this process: check, then train to the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(home, "state", lambda: state)
        try:
            sweep = prepare_sweep([parse_launch(composed)], "octant")
        except InputError as error:
            assert str(error).strip()
            assert "\n" not in str(error)
            return
        (run,) = sweep.runs
        data = dataset_of(run.settings.dataset, run.settings.dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            records = list(train(run.settings, data))
        assert records[-1].epoch == run.settings.epochs or records[-1].diverged


@budget(deadline=None, max_examples=150)
@given(CONFIGURATIONS)
def test_any_configuration_trains_or_is_refused(
    table: Path, tmp_path_factory: pytest.TempPathFactory, composed: Any
) -> None:
    dataset = {"name": "arrays", "path": str(table), "test_fraction": 0.2, "validation_fraction": 0.2}
    attempt({"dataset": dataset, "experiment": {"name": "x"}, "tracking": {}} | composed, table.parent / "state")


@budget(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    X=st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=1, max_size=30),
    labels=st.lists(st.sampled_from([0, 1, 2, 0, 1, 2, -1, 1.5]), min_size=1, max_size=30),
    suffix=st.sampled_from([".npz", ".csv", ".txt"]),
)
def test_any_data_file_trains_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, X: Any, labels: Any, suffix: str
) -> None:
    folder = tmp_path_factory.mktemp("file")
    path = folder / f"data{suffix}"
    if suffix == ".npz":
        np.savez(path, X=np.array(X), y=np.array(labels))
    else:
        rows = [f"{','.join(map(str, row))},{label}" for row, label in zip(X, labels, strict=False)]
        path.write_text("\n".join(rows))
    base = settings(hidden_units=3, epochs=1, batch_size=1).model_dump()
    dataset = {"name": "arrays", "path": str(path), "test_fraction": 0.2, "validation_fraction": 0.2}
    attempt(base | {"dataset": dataset, "experiment": {"name": "x"}, "tracking": {}}, folder / "state")

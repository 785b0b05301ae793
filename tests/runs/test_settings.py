"""The border: what is refused, and that each refusal is one line that says what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from octant import home
from octant.errors import InputError, without_credentials
from octant.network.settings import Settings
from octant.runs.fingerprint import fingerprint
from octant.runs.settings import Tracking, parse_launch
from octant.tracking.store import Store, locate
from support.settings import parse_settings, settings

BAD = {
    "loss": ("msee", "did you mean 'mse'"),
    "hidden": ("relu6", "known: none, relu, sigmoid, tanh"),
    "output": ("linear", "known: sigmoid, softmax"),
    "init": ("glorrot", "did you mean 'glorot'"),
    "engine": ("jax", "known: numba, numpy"),
    "hidden_units": (0, "greater than or equal to 1"),
    "learning_rate": (-0.1, "greater than 0"),
    "batch_size": (1.5, "integer"),
    "epochs": ("ten", "integer"),
    "seed": (-1, "greater than or equal to 0"),
    "dtype": ("float16", "'float64' or 'float32'"),
    "targets": ("soft", "'one_hot' or 'lecture'"),
    "order": (True, "'shuffled' or 'file'"),
}


@pytest.mark.parametrize("key", BAD)
def test_refusals_name_the_setting(key: str) -> None:
    value, said = BAD[key]
    with pytest.raises(InputError) as caught:
        settings(**{key: value})
    line = str(caught.value)
    assert key in line
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, None, [0.1], "0.1"])
def test_learning_rate_is_a_finite_number(value: object) -> None:
    with pytest.raises(InputError, match="learning_rate"):
        settings(learning_rate=value)


def test_misspelt_key_names_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'learning_rate'"):
        parse_settings(settings().model_dump() | {"learning_rat": 1})


def test_launch_takes_its_own_keys_apart() -> None:
    composed = settings().model_dump() | {"experiment": {"name": "x"}, "tracking": {"uri": None}, "workers": 2}
    chosen, launch = parse_launch(composed)
    assert chosen == settings()
    assert launch.workers == 2
    with pytest.raises(InputError, match="workers"):
        parse_launch(composed | {"workers": 0})


def test_fingerprint_of_settings_and_data() -> None:
    base = settings()
    changed = [
        settings(**change)
        for change in (
            {"loss": "mse"}, {"hidden": "tanh"}, {"output": "sigmoid"}, {"init": "glorot"}, {"engine": "numba"},
            {"hidden_units": 17}, {"learning_rate": 0.2}, {"batch_size": 1}, {"epochs": 4}, {"seed": 1},
            {"dtype": "float32"}, {"targets": "lecture"}, {"order": "file"}, {"output_step": "divided"},
            {"hidden_error": "raw"}, {"dataset": {**base.dataset.model_dump(), "split_seed": 1}},
        )
    ]  # fmt: skip

    def name(chosen: Settings, digest: str = "digest") -> str:
        return fingerprint(chosen.model_dump(), chosen.places, digest, "code")

    names = [*map(name, changed), name(base), name(base, "other")]
    assert len(set(names)) == len(changed) + 2
    moved = settings(dataset={**base.dataset.model_dump(), "root": "/elsewhere"})
    assert name(moved) == name(base)


def test_defaults_are_those_of_conf() -> None:
    """So that notebooks, which have no conf/, train what the command line trains."""
    with initialize_config_dir(str(home.conf()), version_base="1.3"):
        composed: Any = OmegaConf.to_container(compose("config"), resolve=True)
    assert parse_launch(composed)[0] == Settings()


def test_data_set_is_found_from_any_folder() -> None:
    """Its place is stored as MLflow shows it, and octant rerun may be called elsewhere."""
    chosen = settings(dataset={"name": "arrays", "path": "x/a.npz", "test_fraction": 0.2})
    assert chosen.dataset.path == str(Path.cwd() / "x" / "a.npz")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("./mlruns", "known scheme"),
        ("file:///tmp/x", "known scheme"),
        ("http://", "no host"),
        ("http://host:99999", "not an address"),
        ("sqlite:///", "names no file"),
        ("ftp://user:secret@host/x", "known scheme"),
        ("sqlite:///x.db", "from the root"),
        ("postgresql://user:secret@/db", "known scheme"),
        ("http://ann:s3/secret@host:1", "not an address"),
        ("ann:secret@host:5000", "known scheme"),
        ("http:/ann:secret@host", "no host"),
        ("http://ann:secret\u2100@host", "not an address"),
    ],
)
def test_malformed_tracking_address(uri: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(InputError, match=said) as caught:
        locate(Tracking(uri=uri), tmp_path)
    assert "secret" not in str(caught.value)


def test_credentials_never_show(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(uri: str) -> Store:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        return locate(Tracking(uri=uri), Path("/tmp"))

    text = "postgresql+psycopg2://ann:s3cret@db:5432/x?password=hunter2 failed, http://tok3n@host/"
    shown = without_credentials(text)
    assert shown == "postgresql+psycopg2://***@db:5432/x?password=*** failed, http://***@host/"
    for password in ("s3cret", "p@s3cret", "s3cret@", "%40s3cret"):
        assert "s3cret" not in known(f"https://ann:{password}@host/").shown
    store = known("https://ann:s3cret@host/")
    assert store.shown == "https://***@host/"
    assert without_credentials("is not in sqlite:////home/me@corp/x.db") == "is not in sqlite:////home/me@corp/x.db"
    assert locate(Tracking(uri="sqlite:////tmp/a@b/x.db"), Path("/tmp")).shown == "sqlite:////tmp/a@b/x.db"
    with pytest.raises(InputError, match="name and password do not belong there"):
        locate(Tracking(uri="https://bob:other@host/"), Path("/tmp"))
    assert store.key("x") == known("https://bob:other@host/").key("x")

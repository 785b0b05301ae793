"""octant.train: one run as a DataFrame, with the defaults of conf/ and the numbers of the command line."""

from __future__ import annotations

import pytest
import yaml

import octant
from octant import home
from octant.errors import InputError
from octant.runs.inprocess import _whole
from octant.runs.records import checked
from octant.trainer import trainer

SMALL = {"engine": "numpy", "batch_size": 50, "hidden_units": 4, "epochs": 2}


def test_records_are_those_of_a_run() -> None:
    frame = octant.train(loss="mse", seed=3, **SMALL)
    assert list(frame.index) == [0, 1, 2]
    trained = trainer()
    records = checked(trained.train(trained.parse({"loss": "mse", "seed": 3, **SMALL}), None))
    for number, record in enumerate(records):
        assert frame.loc[number].to_dict() == record.metrics
    assert frame.attrs["settings"]["learning_rate"] == 0.1
    assert frame.attrs["diverged"] is None


def test_defaults_are_those_of_conf() -> None:
    composed = yaml.safe_load((home.conf() / "config.yaml").read_text())
    defaults = trainer().parse({}).model_dump()
    for name, value in composed.items():
        if name in defaults:
            assert defaults[name] == value, name
    for group in (each for each in composed["defaults"] if isinstance(each, dict)):
        for name, word in group.items():
            if name in defaults and name != "dataset":
                assert defaults[name] == word
    assert trainer().parse({"dataset": _whole("dataset", "digits")}) == trainer().parse({})


def test_data_set_comes_with_its_settings() -> None:
    assert _whole("dataset", "mnist")["validation_fraction"] == 0.1
    assert _whole("dataset", {"name": "mnist", "split_seed": 2})["split_seed"] == 2
    assert _whole("loss", "mse") == "mse"


def test_mistakes_are_one_line() -> None:
    with pytest.raises(InputError, match="setting: 'los' is unknown; did you mean 'loss'"):
        octant.train(los="mse")
    with pytest.raises(InputError, match="dataset: 'digitz' is unknown"):
        octant.train(dataset={"name": "digitz"})

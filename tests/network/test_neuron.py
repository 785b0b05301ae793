"""experiment=neuron: Nielsen's neuron, against its two recursions written out for one weight and one bias."""

from __future__ import annotations

from math import exp

import pytest

from octant.network.data import load
from octant.network.training import train
from support.settings import parse_settings


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_neuron_is_nielsens(loss: str) -> None:
    values = {"dataset": {"name": "point", "test_fraction": 0.2}, "hidden": "none", "output": "sigmoid", "loss": loss}
    more = {"init": "wrong", "engine": "numpy", "learning_rate": 0.15, "batch_size": 3, "epochs": 300}
    settings = parse_settings(values | more)
    found = [record.metrics["output_distance"] for record in train(settings, load(settings.dataset))]
    w = b = -2.0
    for epoch in range(301):
        a = 1 / (1 + exp(-(w + b)))
        assert found[epoch] == pytest.approx(1 - a, rel=1e-9)
        dz = (a - 1) * (a * (1 - a) if loss == "mse" else 1)
        w, b = w - 0.15 * dz, b - 0.15 * dz
    plateau = [epoch for epoch, distance in enumerate(found) if distance > 0.9]
    assert len(plateau) == (172 if loss == "mse" else 7)  # as the worksheet has it

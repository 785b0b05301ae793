"""hidden=none is softmax regression, of which scikit-learn has a second implementation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from octant.network.engines import ENGINES, Step
from octant.network.initialisers import Parameters
from octant.network.network import build, forward


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("classes", [2, 4])
def test_no_hidden_layer_is_logistic_regression(engine: str, classes: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(0, 1, (80, 3))
    labels = (X @ rng.normal(0, 1, (3, classes)) + rng.normal(0, 2, (80, classes))).argmax(axis=1)
    parameters = Parameters(np.empty((3, 0)), np.empty(0), np.zeros((3, classes)), np.zeros(classes))
    network = build("cross_entropy", "none", "softmax")
    epoch = ENGINES[engine](network, X, np.eye(classes)[labels], Step(1.0, 80))
    for _ in range(4000):
        epoch(parameters, np.arange(80))
    found = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(X, labels)
    np.testing.assert_allclose(forward(network, parameters, X).A2, found.predict_proba(X), atol=1e-6)
    assert found.score(X, labels) < 0.95  # an optimum at finite weights

"""The model that every finished run logs: MLflow runs a copy of this file (models from code), octant never imports it.

Beside it lie `weights.npz` (W1 (d, h), b1 (h,), W2 (h, k), b2 (k,); h is 0 and W2 (d, k) for hidden=none; no pickle)
and a copy of octant's activations, so the forward pass is the trainer's own. What the run chose stands in MLmodel as
the model's config: hidden, output,
inputs (d), classes (k), class_names, scale, image_shape, sha256 (of weights.npz).
"""

from __future__ import annotations

import hashlib
import io
import runpy
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext


def weights_of(path: Path, config: dict[str, Any]) -> list[Any]:
    """The checked arrays W1, b1, W2, b2; raises MlflowException, one line, for a file that is not the one logged."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != config["sha256"]:
        raise _refusal(f"{path.name} is not the file that the run logged: its SHA-256 differs; log the run anew")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        weights = [stored[name] for name in ("W1", "b1", "W2", "b2")]
    h = len(weights[1])
    into_output = config["inputs"] if config["hidden"] == "none" else h
    shapes = [(config["inputs"], h), (h,), (into_output, config["classes"]), (config["classes"],)]
    if [each.shape for each in weights] != shapes or not all(np.isfinite(each).all() for each in weights):
        raise _refusal(f"{path.name} does not hold finite arrays of the shapes {shapes}")
    return weights


def _refusal(text: str) -> MlflowException:
    return MlflowException.invalid_parameter_value(text)


class Forward:
    """Inputs X (n, d), float64, scaled as the data set was, to class probabilities (n, k), float64.

    Softmax probabilities sum to 1 in each row. Sigmoid outputs are one probability a class, each for itself: their
    sum is anything from 0 to k. Either way the class is the largest. Computed in the dtype of the weights.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read and check the weights."""
        self._config: dict[str, Any] = context.model_config
        known = runpy.run_path(context.artifacts["activations"])
        self._hidden = known["HIDDEN"][self._config["hidden"]].forward
        self._output = known["OUTPUT"][self._config["output"]].forward
        self._weights = weights_of(Path(context.artifacts["weights"]), self._config)

    def predict(self, context: PythonModelContext, model_input: Any, params: Any = None) -> Any:
        """Class probabilities (n, k); raises MlflowException (HTTP 400), one line, for what cannot be an input."""
        W1, b1, W2, b2 = self._weights
        with np.errstate(over="ignore"):
            X = np.asarray(model_input).astype(W1.dtype)
        if X.ndim != 2 or X.shape[1] != len(W1):
            raise _refusal(f"inputs have shape {X.shape}, allowed is (n, {len(W1)})")
        if not np.isfinite(X).all():
            raise _refusal("inputs hold NaN or infinity, or are too large; allowed are finite numbers")
        if self._config["scale"] != 1 and X.size and not 0 <= X.min() <= X.max() <= 1:
            divisor = f"pixels divided by {self._config['scale']:g}"
            raise _refusal(f"inputs range from {X.min():g} to {X.max():g}, allowed is 0 to 1: {divisor}")
        A1 = X if self._config["hidden"] == "none" else self._hidden(X @ W1 + b1)
        return np.asarray(self._output(A1 @ W2 + b2), dtype=np.float64)


class Classifier(Forward, PythonModel):
    """The same for MLflow, which would ask for type hints were `predict` written here."""


set_model(Classifier())

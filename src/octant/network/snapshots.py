"""What a run keeps of some epochs for people to look at: weights as pictures, the confusion matrix, areas in the plane.

Kept before training, after epochs 1, 2, 4, 8, ... and after the last one; small, so that every run can have them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from octant.network.activations import Array
from octant.network.data import Dataset
from octant.network.initialisers import Parameters
from octant.network.network import Network, forward

NAME = "snapshots.json"
UNITS = 16  # whose incoming weights are kept
GRID = 40  # points a side of the plane
MARGIN = 0.08  # of the plane beyond its test examples


def is_kept(epoch: int, last: int) -> bool:
    """Whether that epoch is kept."""
    return epoch in (0, last) or epoch & (epoch - 1) == 0


def snapshot(
    network: Network, parameters: Parameters, dataset: Dataset, epoch: int, predicted: Array
) -> dict[str, Any]:
    """The epoch's snapshot (JSON): `weights` of the first units as int8 of the largest, base64, a unit after the other;
    `confusion` (k, k), rows the true class; for two inputs `area`, the predicted class of each point of `plane`.
    """
    k = dataset.classes
    confusion = np.bincount(dataset.test.labels * k + predicted, minlength=k * k).reshape(k, k)
    layer = parameters.W1 if parameters.W1.size else parameters.W2
    weights = layer[:, :UNITS].T
    largest = float(np.abs(weights).max()) or 1.0
    found = {
        "epoch": epoch,
        "largest": largest,
        "units": len(weights),
        "weights": encoded(np.rint(127 * weights / largest).astype(np.int8)),
        "confusion": confusion.tolist(),
    }
    if dataset.inputs == 2:
        points = plane(dataset.test.X)[0].astype(parameters.W2.dtype)
        found["area"] = encoded(forward(network, parameters, points).A2.argmax(axis=1).astype(np.uint8))
    return found


def plane(X: Array) -> tuple[Array, tuple[float, float, float, float]]:
    """Points (GRID^2, 2), row by row from below, that cover X (n, 2), and their limits (left, right, low, high)."""
    (left, low), (right, high) = X.min(axis=0), X.max(axis=0)
    dx, dy = MARGIN * (right - left), MARGIN * (high - low)
    limits = (float(left - dx), float(right + dx), float(low - dy), float(high + dy))
    x, y = np.meshgrid(np.linspace(*limits[:2], GRID), np.linspace(*limits[2:], GRID))
    return np.stack([x.ravel(), y.ravel()], 1), limits


def page(kept: str, words: Mapping[str, str], dataset: Dataset, parameters: Parameters) -> bytes:
    """What is logged with a finished run: its snapshots, and the network itself in half precision, at most 65,504."""
    most = np.finfo(np.float16).max
    halves = {name: values.clip(-most, most).astype(np.float16) for name, values in parameters._asdict().items()}
    network = {name: encoded(values) for name, values in halves.items()}
    about = {
        **words,
        "inputs": dataset.inputs,
        "hidden_units": len(parameters.b1),
        "classes": list(dataset.class_names or map(str, range(dataset.classes))),
        "image_shape": dataset.image_shape,
        "plane": plane(dataset.test.X)[1] if dataset.inputs == 2 else None,
    }
    return (json.dumps(about | network | {"snapshots": json.loads(kept)}) + "\n").encode()


def encoded(array: Array) -> str:
    """The array's bytes, little-endian, in base64."""
    return base64.b64encode(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()).decode()

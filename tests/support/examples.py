"""The examples for the tests; PyTorch's, where it is installed, are for `make test-services`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from support.services import need_python

EXAMPLES = Path(__file__).parents[2] / "examples"
_TORCH = (pytest.mark.slow, pytest.mark.services, pytest.mark.xdist_group("torch"))


def marked(names: Iterable[str]) -> list[Any]:
    """The names as parameters, those that need PyTorch with the marks of a service."""
    return [pytest.param(name, marks=_TORCH) if "torch" in name else name for name in names]


def need(name: str) -> None:
    """Demand what an example needs; PyTorch in one thread, for its threads wait for each other on a busy machine."""
    if "torch" in name:
        need_python("torch", "bench")
        import torch

        torch.set_num_threads(1)

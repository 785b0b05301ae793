"""A GPU for each worker, where the machine has several."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from octant.locks import lock_alone

VARIABLE = "CUDA_VISIBLE_DEVICES"
_NVIDIA = Path("/proc/driver/nvidia/gpus")  # a folder for each GPU


def visible() -> list[str]:
    """The GPUs that this process may use: those that CUDA_VISIBLE_DEVICES names, else all."""
    given = os.environ.get(VARIABLE)
    if given is not None:
        return [each.strip() for each in given.split(",") if each.strip()]
    return [str(number) for number in range(len(list(_NVIDIA.glob("*"))))]


def take_one(state: Path, devices: list[str]) -> int | None:
    """Show this process one of several GPUs, the first that no other worker of the state folder has.

    With more workers than GPUs they share. Returns the lock's descriptor, which frees the GPU when the process ends.
    """
    if len(devices) < 2:
        return None
    for slot in count():
        lock = os.open(state / f"gpu-{slot}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            lock_alone(lock, wait=False)
        except BlockingIOError:
            os.close(lock)
            continue
        os.environ[VARIABLE] = devices[slot % len(devices)]
        return lock
    raise AssertionError

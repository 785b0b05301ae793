"""Tasks on a Ray cluster that is already started, through Ray itself.

hydra-ray-launcher starts a task and a Hydra for every run, repeats a killed one three times into the same folder,
and wants cloudpickle < 3, which MLflow's other dependencies have left behind.
"""

from __future__ import annotations

import logging
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from octant.errors import InputError
from octant.runs.cluster import task
from octant.runs.settings import Ray

if TYPE_CHECKING:
    from ray import ObjectRef


class _Futures:
    """Submitted tasks."""

    def __init__(self, references: list[ObjectRef[None]]) -> None:
        self._open = dict(enumerate(references))
        self._ended: dict[int, str] = {}

    def ended(self) -> dict[int, str]:
        """Task -> what became of it."""
        import ray

        ready, _ = (
            ray.wait(list(self._open.values()), num_returns=len(self._open), timeout=0) if self._open else ([], [])
        )
        for number, reference in list(self._open.items()):
            if reference in ready:
                self._ended[number] = _said(reference)
                del self._open[number]
        return self._ended

    def close(self) -> None:
        """End what is left and leave the cluster."""
        import ray

        for reference in self._open.values():
            with suppress(Exception):
                ray.cancel(reference, force=True)
        ray.shutdown()


def _said(reference: ObjectRef[None]) -> str:
    import ray

    try:
        ray.get(reference)
    except Exception as error:  # noqa: BLE001 - a lost node, a killed worker, or what the task raised
        cause = getattr(error, "cause", None) or error
        return f"{type(error).__name__}: {' '.join(str(cause).split())[:300]}"
    return "completed"


def submit_to_ray(options: Ray, folder: Path, sizes: list[int]) -> _Futures:
    """Submit a task for each batch of so many runs. Raises InputError when there is no cluster to join."""
    import ray

    before = signal.getsignal(signal.SIGTERM)  # Ray puts its own in place, which would end octant unheard
    try:
        ray.init(address=options.address, log_to_driver=False, logging_level=logging.ERROR, namespace="octant")
    except Exception as error:  # noqa: BLE001 - whatever Ray raises for an address
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"hydra/launcher=ray: no cluster answers at {options.address}: {reason} (docs/scaling.md starts one)"
        ) from None
    finally:
        signal.signal(signal.SIGTERM, before)
    remote = ray.remote(
        num_cpus=1,
        memory=options.memory_mb * 2**20,
        max_retries=0,  # Ray would start a killed task again by itself, while the first may still live
        runtime_env={"env_vars": task.task_environment(folder)},
    )(task.run_batch)
    return _Futures([remote.remote(str(folder), number) for number in range(len(sizes))])

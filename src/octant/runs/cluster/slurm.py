"""Tasks as one Slurm array, through submitit, the library beneath hydra-submitit-launcher.

That launcher starts a task and a Hydra for every run, and asks Slurm's accounting how a task ended: without slurmdbd
a killed task hangs it. Here squeue is asked, which needs no accounting.
"""

from __future__ import annotations

import io
import re
import shlex
import subprocess
from contextlib import redirect_stderr, suppress
from pathlib import Path

from octant.errors import InputError
from octant.runs.cluster import task
from octant.runs.settings import Slurm

STARTUP_MINUTES = 5  # of Python and the compiled engine, on a node that has neither in its caches
_OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "BOOT_FAIL",
         "DEADLINE", "REVOKED")  # fmt: skip


class _Array:
    """A submitted array."""

    def __init__(self, number: str, count: int) -> None:
        self._number, self._count = number, count

    def ended(self) -> dict[int, str]:
        """Task -> its state; one that Slurm has forgotten is over, too."""
        command = ["squeue", "--noheader", "--array", "--states=all", "--format=%K %T", f"--jobs={self._number}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            return {}
        if done.returncode and "Invalid job id" not in done.stderr:
            return {}  # the controller is away: its tasks may well go on
        states = dict(line.split()[:2] for line in done.stdout.splitlines())
        found = {number: states.get(str(number), "gone from the queue") for number in range(self._count)}
        return {number: f"Slurm says {state}" for number, state in found.items() if state in _OVER or " " in state}

    def close(self) -> None:
        """End what is left; a task that is over stays as it is."""
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(["scancel", "--quiet", self._number], capture_output=True, timeout=2, check=False)  # noqa: S603, S607


def submit_to_slurm(options: Slurm, folder: Path, sizes: list[int]) -> _Array:
    """Submit a task for each batch of so many runs. Raises InputError with Slurm's words when it refuses them."""
    import submitit

    executor = submitit.SlurmExecutor(folder=folder / "slurm", max_num_timeout=0)
    exports = [f"export {name}={shlex.quote(value)}" for name, value in task.task_environment(folder).items()]
    executor.update_parameters(
        job_name="octant",
        cpus_per_task=1,
        time=round(max(sizes) * options.minutes_per_run) + STARTUP_MINUTES,
        mem=f"{options.memory_mb}MB",
        array_parallelism=options.tasks,
        stderr_to_stdout=True,
        setup=exports,
        use_srun=False,
        # Slurm would start a task of a lost node again by itself; PATH and HOME travel, secrets do not.
        additional_parameters={"no-requeue": True, "export": "PATH,HOME,LD_LIBRARY_PATH", **options.sbatch},
    )
    try:
        with redirect_stderr(io.StringIO()):  # what sbatch says stands in the exception, too
            submitted = executor.map_array(task.run_batch, [str(folder)] * len(sizes), range(len(sizes)))
    except Exception as error:  # noqa: BLE001 - submitit raises several kinds for what sbatch said
        reason = re.sub(r"\s+", " ", str(error))
        raise InputError(f"hydra/launcher=slurm: Slurm refused the tasks: {reason[:300]}") from None
    return _Array(submitted[0].job_id.split("_")[0], len(sizes))

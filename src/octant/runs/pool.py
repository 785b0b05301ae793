"""Worker processes that train runs side by side; one that is killed costs its own run only."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path

from octant import home
from octant.runs import devices
from octant.runs.disk import SAY_SECONDS, say_waiting
from octant.runs.run import Ending, Outcome, Run
from octant.runs.settings import Launch
from octant.runs.worker import execute_sent, start
from octant.trainer import Trainer, trainer
from octant.trainer.files import PRELOAD

TICK_SECONDS = 0.2
RETRY_BUSY_SECONDS = 0.5
AHEAD = 4  # runs given to the pool for each worker: what waits there takes memory, and time at each step


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def train_here(runs: Sequence[Run], launch: Launch) -> Generator[tuple[Run, Ending] | None, None, None]:
    """As `train_all`, with the workers, threads and time limit of a launch."""
    workers = launch.workers or max(1, _cores() // launch.threads)
    return train_all(runs, workers, launch.threads, launch.time_limit)


def train_all(
    runs: Sequence[Run], workers: int, threads: int = 1, time_limit: float | None = None
) -> Generator[tuple[Run, Ending] | None, None, None]:
    """Yield each run with its ending as it comes, and None at every tick in between.

    A run that another launch is training is tried again until that one is done with it. A run that takes longer than
    `time_limit` seconds is stopped. Closing the generator stops the workers.
    """
    from pebble import ProcessPool

    trained = trainer(runs[0].trainer)
    # A person's file finds its data where the command was typed; Numba reads a .numba_config.yaml where it is.
    where = [home.state(), Path.cwd() if trained.reference else Path("/"), devices.visible()]
    pool = ProcessPool(
        max_workers=min(workers, len(runs)), initializer=start, initargs=where, context=_context(trained, runs, threads)
    )

    def schedule(run: Run) -> Future[Ending]:
        found: Future[Ending] = pool.schedule(execute_sent, args=(run.state, run.identity), timeout=time_limit)
        return found

    try:
        left = deque(runs)
        waiting: dict[Future[Ending], Run] = {}
        busy: list[Run] = []
        rounds = 0
        while waiting or left or busy:
            while left and len(waiting) < AHEAD * workers:
                run = left.popleft()
                waiting[schedule(run)] = run
            for future in wait(waiting, TICK_SECONDS, FIRST_COMPLETED).done:
                run = waiting.pop(future)
                ending = _ending(future, trained.label, time_limit)
                if ending.outcome is Outcome.BUSY:
                    busy.append(run)
                else:
                    yield run, ending
            yield None
            if busy and not (waiting or left):
                time.sleep(RETRY_BUSY_SECONDS)
                rounds += 1
                if rounds * RETRY_BUSY_SECONDS >= SAY_SECONDS:
                    say_waiting(
                        f"the process that trains {len(busy)} of the runs: it holds {busy[0].journal.folder}/lock"
                    )
                left, busy = deque(busy), []
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _ending(future: Future[Ending], label: str, time_limit: float | None) -> Ending:
    from pebble import ProcessExpired

    error = future.exception()
    if isinstance(error, TimeoutError):
        return Ending(
            Outcome.KILLED,
            f"{label}: stopped after time_limit={time_limit:g} seconds; its last state is kept, and the same command "
            "goes on from there",
        )
    if isinstance(error, ProcessExpired):
        return Ending(Outcome.KILLED, f"{label}: its worker was killed ({_signal(error.exitcode)})")
    return future.result()


def _signal(code: int) -> str:
    """What an exit code tells: negative ones are signals."""
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    why = {"SIGKILL": ", as by Linux when memory runs out", "SIGSEGV": ", a fault in compiled code"}.get(name, "")
    return f"exit code {code}: {name}{why}"


def _context(trained: Trainer, runs: Sequence[Run], threads: int) -> multiprocessing.context.ForkServerContext:
    """Workers are forked from a server that has imported what they need: 13 ms each instead of a second."""
    for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM", "NUMEXPR"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)
    context = multiprocessing.get_context("forkserver")
    try:
        context.Lock()
    except OSError as error:  # a container without it, or with a read-only one
        raise OSError(error.errno, f"workers need to write there ({error.strerror})", "/dev/shm") from error  # noqa: S108
    modules = trained.preload([run.settings for run in runs])
    os.environ[PRELOAD] = trained.reference
    context.set_forkserver_preload(["octant.runs.forked", "octant.runs.worker", *modules])
    return context

"""Worker processes that train jobs side by side; one that is killed costs its own job only."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from octant.runs.journal import SAY_SECONDS, say_waiting
from octant.runs.worker import Job, execute, start

TICK_SECONDS = 0.2
RETRY_BUSY_SECONDS = 0.5


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def train_all(jobs: Sequence[Job], workers: int) -> Generator[tuple[Job, str] | None, None, None]:
    """Yield each job with its worker's result as it comes, and None at every tick in between.

    A job that another launch is training is tried again until that one is done with it. Closing the generator
    stops the workers.
    """
    from pebble import ProcessPool

    pool = ProcessPool(max_workers=min(workers, len(jobs)), initializer=start, context=_context(jobs))
    try:
        waiting: dict[Future[str], Job] = {pool.schedule(execute, args=(job,)): job for job in jobs}
        busy: list[Job] = []
        rounds = 0
        while waiting or busy:
            for future in wait(waiting, TICK_SECONDS, FIRST_COMPLETED).done:
                job, said = waiting.pop(future), _said(future)
                if said == "busy":
                    busy.append(job)
                else:
                    yield job, said
            yield None
            if busy and not waiting:
                time.sleep(RETRY_BUSY_SECONDS)
                rounds += 1
                if rounds * RETRY_BUSY_SECONDS >= SAY_SECONDS:
                    say_waiting(
                        f"the process that trains {len(busy)} of the runs: it holds {busy[0].journal.folder}/lock"
                    )
                waiting, busy = {pool.schedule(execute, args=(job,)): job for job in busy}, []
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _said(future: Future[str]) -> str:
    from pebble import ProcessExpired

    error = future.exception()
    if isinstance(error, ProcessExpired):
        return f"its worker was killed (exit code {error.exitcode})"
    return future.result()


def _context(jobs: Sequence[Job]) -> multiprocessing.context.ForkServerContext:
    """Workers are forked from a server that has imported what they need: 13 ms each instead of a second."""
    for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM", "NUMEXPR"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    compiled = ["octant.network.engines.compiled"] if any(job.settings.engine == "numba" for job in jobs) else []
    context.set_forkserver_preload(["octant.runs.forked", "octant.runs.worker", *compiled])
    return context

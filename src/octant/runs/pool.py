"""Worker processes that train runs side by side; one that is killed costs its own run only."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

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

    over: SimpleQueue[tuple[Run, Future[Ending]]] = SimpleQueue()  # wait() would look at all that are left each time

    def schedule(some: Sequence[Run]) -> int:
        for run in some:
            future = pool.schedule(execute_sent, args=(run.state, run.identity), timeout=time_limit)
            future.add_done_callback(partial(_put, over, run))
        return len(some)

    try:
        waiting, busy, rounds = schedule(runs), list[Run](), 0
        while waiting or busy:
            if found := _next(over):
                run, future = found
                waiting -= 1
                ending = _ending(future, trained.label, time_limit)
                if ending.outcome is Outcome.BUSY:
                    busy.append(run)
                else:
                    yield run, ending
            yield None
            if busy and not waiting:
                time.sleep(RETRY_BUSY_SECONDS)
                rounds += 1
                if rounds * RETRY_BUSY_SECONDS >= SAY_SECONDS:
                    say_waiting(
                        f"the process that trains {len(busy)} of the runs: it holds {busy[0].journal.folder}/lock"
                    )
                waiting, busy = schedule(busy), []
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _put(over: SimpleQueue[tuple[Run, Future[Ending]]], run: Run, future: Future[Ending]) -> None:
    over.put((run, future))


def _next(over: SimpleQueue[tuple[Run, Future[Ending]]]) -> tuple[Run, Future[Ending]] | None:
    try:
        return over.get(timeout=TICK_SECONDS)
    except Empty:
        return None


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

"""Units run in processes of this machine."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import Any, Self

from tightbound.verification.errors import NotSendableError
from tightbound.verification.executors.base import T, call, failed, packed
from tightbound.verification.executors.pinning import applied, surroundings
from tightbound.verification.interrupts import interrupts_held


class LocalExecutor:
    """Runs functions in processes of their own: spawned, one thread each, replaced where one is killed.

    Parameters
    ----------
    jobs : int
        Number of processes; they start with the first function and live as long as the executor.
    """

    writes = True
    remote = False

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool: ProcessPoolExecutor | None = None

    @functools.cached_property
    def _environment(self) -> dict[str, str]:
        return surroundings(threads=True)

    @property
    def workers(self) -> int:
        """Number of processes."""
        return self._jobs

    @property
    def slots(self) -> int:
        """Two units per worker: one runs, one waits."""
        return 2 * self._jobs

    def submit(self, fn: Callable[..., T], /, *args: Any) -> Future[T]:
        """Send ``fn(*args)`` to a worker and return its future."""
        try:
            payload = packed(fn, args)
        except NotSendableError as error:
            return failed(error)
        with applied(self._environment), interrupts_held():
            try:
                return self._processes().submit(call, payload)
            except BrokenExecutor:
                self._close()
                return self._processes().submit(call, payload)

    def abandon(self) -> None:
        """Kill the workers: what they write is in place whole or not at all."""
        if self._pool is not None:
            processes = list((self._pool._processes or {}).values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.kill()
            for process in processes:
                process.join()
            self._pool = None

    def _processes(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._jobs, mp_context=context, initializer=_start_worker)
        return self._pool

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


def _start_worker() -> None:
    """Leave standard output to the parent's data and Ctrl-C to the parent, and end with it."""
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)

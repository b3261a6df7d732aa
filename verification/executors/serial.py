"""Units run in this process, one after the other."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Self

from tightbound.verification.executors.base import T
from tightbound.verification.executors.pinning import applied, surroundings
from tightbound.verification.interrupts import interrupts_deferred


class SerialExecutor:
    """Runs each function when it is submitted, in this process."""

    workers = slots = 1
    writes = True
    remote = False

    def __init__(self) -> None:
        self._environment = contextlib.ExitStack()

    def submit(self, fn: Callable[..., T], /, *args: Any) -> Future[T]:
        """Run ``fn(*args)`` and return its finished future."""
        future: Future[T] = Future()
        try:
            with printing_to_stderr():
                future.set_result(fn(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def abandon(self) -> None:
        """Nothing waits and nothing runs."""

    def __enter__(self) -> Self:
        self._environment.enter_context(applied(surroundings(threads=False)))
        return self

    def __exit__(self, *_: object) -> None:
        self._environment.close()


@contextlib.contextmanager
def printing_to_stderr() -> Iterator[None]:
    """Keep what a unit prints, libraries in C included, out of standard output, which carries data."""
    with interrupts_deferred():
        sys.stdout.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        with interrupts_deferred():
            # C has buffers of its own, which would be written only once standard output is back.
            with contextlib.suppress(OSError, AttributeError, TypeError):
                ctypes.CDLL(None).fflush(None)
            os.dup2(kept, 1)
            os.close(kept)

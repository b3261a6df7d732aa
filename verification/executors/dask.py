"""Units run through dask.distributed: on the workers of a scheduler anywhere, or of one started here."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from importlib.util import find_spec
from typing import Any, Self

from tightbound.verification.errors import ExecutorError, NotSendableError
from tightbound.verification.executors.base import T, call, failed, packed
from tightbound.verification.executors.pinning import applied, cores, restore, surroundings
from tightbound.verification.interrupts import interrupts_held

_PATIENCE = 10.0  # seconds to reach a scheduler
_BLINK = 1.0  # seconds to ask it something while units run
_FRESH = 5.0  # seconds for which a count of workers is believed


class DaskExecutor:
    """Sends functions to the workers of a dask scheduler; what they return travels back over the network.

    Parameters
    ----------
    jobs : int, optional
        How many workers to keep busy: those of the scheduler where left out; without an address the number
        of worker processes to start here, one per core where left out.
    address : str, optional
        Of a running scheduler, e.g. ``"tcp://10.0.0.1:8786"``. Left out, a scheduler and its workers are
        started on the loopback interface and end with the executor.

    Raises
    ------
    ExecutorError
        Where ``distributed`` is not installed, and on entering where nobody answers at the address.
    """

    writes = False
    remote = True

    def __init__(self, jobs: int | None, address: str | None = None) -> None:
        if find_spec("distributed") is None:
            raise ExecutorError(
                "the executor dask needs the package distributed: pip install 'tightbound[dask]'"
            )
        self._jobs = jobs
        self._address = address
        self._client: Any = None
        self._cluster: Any = None
        self._started = contextlib.ExitStack()
        self._flying: dict[Future[Any], Any] = {}
        self._counted = (float("-inf"), 1)

    @property
    def workers(self) -> int:
        """Number of workers that are asked for, or that the scheduler has now."""
        return self._jobs or (cores() if self._address is None else self._count())

    @property
    def slots(self) -> int:
        """Two units per worker: one runs, one waits."""
        return 2 * self.workers

    def submit(self, fn: Callable[..., T], /, *args: Any) -> Future[T]:
        """Send ``fn(*args)`` to a worker and return its future."""
        try:
            payload = packed(fn, args)
        except NotSendableError as error:
            return failed(error)
        if self._client.status != "running":  # dask would keep it for a scheduler that may never come
            return failed(self._lost(f"its connection is {self._client.status}"))
        key = f"tightbound-{secrets.token_hex(8)}"
        try:
            theirs = self._client.submit(run, payload, self._cluster is not None, key=key, pure=False)
        except Exception as error:
            return failed(self._lost(type(error).__name__))
        ours: Future[T] = Future()
        self._flying[ours] = theirs
        theirs.add_done_callback(functools.partial(self._settle, ours))
        return ours

    def abandon(self) -> None:
        """Drop what waits; end what runs where the workers are ours, else let it end by itself."""
        with contextlib.suppress(Exception):
            self._client.cancel(list(self._flying.values()), force=True)
        self._flying.clear()
        for nanny in self._cluster.workers.values() if self._cluster is not None else ():
            nanny.auto_restart = False
            with contextlib.suppress(OSError, TypeError):
                os.kill(nanny.pid, signal.SIGKILL)
        self._close()

    def _settle(self, ours: Future[Any], theirs: Any) -> None:
        """Carry the outcome over; runs in a thread of dask's."""
        try:
            value = theirs.result()
        except BaseException as error:
            ours.set_exception(self._translated(error))
        else:
            ours.set_result(value)
        self._flying.pop(ours, None)

    def _translated(self, error: BaseException) -> BaseException:
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            return BrokenExecutor(str(error))
        if isinstance(error, (CancelledError, OSError, TimeoutError)) or self._client.status != "running":
            return self._lost(type(error).__name__)
        return error

    def _lost(self, reason: str) -> ExecutorError:
        where = self._address or "on this machine"
        return ExecutorError(
            f"the scheduler {where} is out of reach ({reason}); finished evidence is kept: "
            "start it and run the same command again"
        )

    def _count(self) -> int:
        """Return the number of workers that the scheduler has, at least 1: one that is to come."""
        when, number = self._counted
        if time.monotonic() - when > _FRESH:
            with contextlib.suppress(Exception):  # a scheduler out of reach shows in the futures
                number = max(1, len(self._client.nthreads(callback_timeout=_BLINK)))
            self._counted = (time.monotonic(), number)
        return number

    def __enter__(self) -> Self:
        from distributed import Client

        self._started.enter_context(_silent("distributed.client"))
        if self._address is None:
            self._cluster = self._started.enter_context(_loopback(self.workers))
        try:
            self._client = Client(
                self._cluster or self._address, timeout=_PATIENCE, set_as_default=False, name="tightbound"
            )
        except (OSError, ValueError) as error:
            self._started.close()
            raise ExecutorError(
                f"no dask scheduler answers at {self._address!r} ({error or type(error).__name__}): give the "
                "address that 'dask scheduler' prints, e.g. tcp://10.0.0.1:8786"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.close()
        self._started.close()
        self._client = self._cluster = None


@contextlib.contextmanager
def _silent(name: str) -> Iterator[None]:
    """Keep a logger quiet about what an error says as well."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def _loopback(jobs: int) -> Iterator[Any]:
    """Start a scheduler and its workers on this machine, each worker with one thread."""
    import dask
    from distributed import LocalCluster

    before = dict(os.environ)
    settings = {
        "distributed.scheduler.allowed-failures": 0,  # the runner itself tries again
        "distributed.nanny.pre-spawn-environ": surroundings(threads=True),
    }
    try:
        with applied(surroundings(threads=True)), interrupts_held(), dask.config.set(settings):
            cluster = LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
        with cluster:
            yield cluster
    finally:  # dask leaves the variables of its workers behind
        restore(dict.fromkeys(os.environ) | before)


_turn = threading.Lock()


@functools.cache
def _surroundings() -> dict[str, str]:
    return surroundings(threads=True)


@functools.cache
def _quiet() -> None:
    os.dup2(2, 1)


def run(payload: bytes, quiet: bool) -> Any:
    """Run a call in a worker, one at a time, with its threads pinned before NumPy is imported.

    Parameters
    ----------
    payload : bytes
        See ``packed``.
    quiet : bool
        Leave standard output, which this worker shares with the parent, to the parent's data.
    """
    if quiet:
        _quiet()
    with _turn, applied(_surroundings()):
        return call(payload)

"""Where units run: in this process or in local worker processes, behind ``submit(fn, *args) -> Future``."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import tightbound
from tightbound.verification.errors import NotSendableError
from tightbound.verification.interrupts import interrupts_deferred, interrupts_held

T = TypeVar("T")

EXECUTORS: tuple[str, ...] = ("serial", "local")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_XLA = "--xla_cpu_multi_thread_eigen=false"


class Executor(Protocol):
    """Runs functions; a context manager.

    A future that fails with ``concurrent.futures.BrokenExecutor`` was lost with its worker and may be
    submitted again; one that fails with ``NotSendableError`` never reached a worker.
    """

    @property
    def slots(self) -> int:
        """How many units to keep submitted so that no worker waits."""
        ...

    def submit(self, fn: Callable[..., T], /, *args: Any) -> Future[T]:
        """Run ``fn(*args)`` and return its future."""
        ...

    def abandon(self) -> None:
        """Stop at once: drop what waits and end what runs."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


def get_executor(name: str, jobs: int | None = None) -> Executor:
    """Return the executor called ``name``.

    Parameters
    ----------
    name : {"serial", "local"}
        This process, or worker processes of this machine.
    jobs : int, optional
        Worker processes; the number of cores this process may use where left out. ``serial`` has one.

    Raises
    ------
    ValueError
        For an unknown name or fewer than one job.
    """
    if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1):
        raise ValueError(f"jobs is {jobs!r}: give an integer of at least 1, or leave it out for one per core")
    if name == "serial":
        return SerialExecutor()
    if name == "local":
        return LocalExecutor(jobs or cores())
    raise ValueError(f"executor is {name!r}: choose one of {', '.join(EXECUTORS)}")


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class SerialExecutor:
    """Runs each function when it is submitted, in this process."""

    slots = 1

    def __init__(self) -> None:
        self._environment = contextlib.ExitStack()

    def submit(self, fn: Callable[..., T], /, *args: Any) -> Future[T]:
        """Run ``fn(*args)`` and return its finished future."""
        future: Future[T] = Future()
        try:
            with _printing_to_stderr():
                future.set_result(fn(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def abandon(self) -> None:
        """Nothing waits and nothing runs."""

    def __enter__(self) -> Self:
        self._environment.enter_context(_environment(threads=False))
        return self

    def __exit__(self, *_: object) -> None:
        self._environment.close()


class LocalExecutor:
    """Runs functions in processes of their own: spawned, one thread each, replaced where one is killed.

    Parameters
    ----------
    jobs : int
        Number of processes; they start with the first function and live as long as the executor.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool: ProcessPoolExecutor | None = None

    @property
    def slots(self) -> int:
        """Two units per worker: one runs, one waits."""
        return 2 * self._jobs

    def submit(self, fn: Callable[..., T], /, *args: Any) -> Future[T]:
        """Send ``fn(*args)`` to a worker and return its future."""
        try:
            payload = pickle.dumps((fn, args))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            unsent: Future[T] = Future()
            unsent.set_exception(NotSendableError(str(error)))
            return unsent
        with _environment(threads=True), interrupts_held():
            try:
                return self._workers().submit(_call, payload)
            except BrokenExecutor:
                self._close()
                return self._workers().submit(_call, payload)

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

    def _workers(self) -> ProcessPoolExecutor:
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


def _call(payload: bytes) -> Any:
    """Unpack here, where a function that cannot be found is an error and not the death of the worker."""
    try:
        fn, args = pickle.loads(payload)
    except Exception as error:
        raise NotSendableError(f"{type(error).__name__}: {error}") from None
    return fn(*args)


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


@contextlib.contextmanager
def _printing_to_stderr() -> Iterator[None]:
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


@contextlib.contextmanager
def _environment(*, threads: bool) -> Iterator[None]:
    """Set where compiled code is kept and, for workers, one thread each; restore it afterwards."""
    wanted = dict.fromkeys(_THREADS, "1") if threads else {}
    flags = os.environ.get("XLA_FLAGS", "")
    if _XLA not in flags:
        wanted["XLA_FLAGS"] = f"{flags} {_XLA}".strip()
    # the size of XLA's pool of threads, which decides the order of some sums
    wanted |= {} if "NPROC" in os.environ else {"NPROC": "1"}
    folder = _cache_folder()
    caches = {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
        "NUMBA_CACHE_DIR": str(kernel_cache()),
    }
    wanted |= {name: value for name, value in caches.items() if name not in os.environ}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def kernel_cache() -> Path:
    """Return the folder of compiled Numba code, another one for other sources.

    Numba compares a kernel's own file with what it compiled, not the files of the kernels it calls.
    """
    digest = hashlib.sha256()
    # The layers are links in a checkout, which rglob does not follow from above.
    layers = (layer for root in tightbound.__path__ for layer in Path(root).iterdir() if layer.is_dir())
    for file in sorted(file for layer in layers for file in layer.rglob("_kernel*.py")):
        digest.update(file.read_bytes())
    return _cache_folder() / "numba" / digest.hexdigest()[:16]


def _cache_folder() -> Path:
    """Return the user's cache folder, or a temporary one where that cannot be written."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        (base / "tightbound").mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir()) / "tightbound"
    return base / "tightbound"

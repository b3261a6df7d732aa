"""What every executor offers: ``submit(fn, *args) -> Future``, and how a call travels."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from tightbound.verification.errors import NotSendableError

T = TypeVar("T")


class Executor(Protocol):
    """Runs functions; a context manager.

    A future that fails with ``concurrent.futures.BrokenExecutor`` was lost with its worker and may be
    submitted again; one that fails with ``NotSendableError`` never reached a worker; one that fails with
    ``ExecutorError`` says that no further unit can run.
    """

    @property
    def workers(self) -> int:
        """How many units run at once."""
        ...

    @property
    def writes(self) -> bool:
        """Whether a worker writes into the output folder; where not, what it finds travels back."""
        ...

    @property
    def remote(self) -> bool:
        """Whether workers may run other code than this process, so that they have to compare."""
        ...

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


def packed(fn: Callable[..., Any], args: tuple[Any, ...]) -> bytes:
    """Return the call as bytes.

    Raises
    ------
    NotSendableError
        For a function that another process could not find.
    """
    try:
        return pickle.dumps((fn, args))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotSendableError(str(error)) from None


def failed(error: Exception) -> Future[Any]:
    """Return the future of a call that never started."""
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def call(payload: bytes) -> Any:
    """Unpack here, where a function that cannot be found is an error and not the death of the worker."""
    try:
        fn, args = pickle.loads(payload)
    except Exception as error:
        raise NotSendableError(f"{type(error).__name__}: {error}") from None
    return fn(*args)

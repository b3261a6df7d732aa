"""How many threads compiled loops may use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


@contextmanager
def threads(count: int, *, torch: bool = False) -> Iterator[None]:
    """Run Numba's loops, and torch's where asked for, on this many threads inside this context.

    Parameters
    ----------
    count : int
        Number of threads.
    torch : bool
        Whether torch is there and takes part; importing it takes seconds.
    """
    libraries: list[Any] = [import_module("numba"), *([import_module("torch")] if torch else [])]
    before = [library.get_num_threads() for library in libraries]
    for library in libraries:
        library.set_num_threads(count)
    try:
        yield
    finally:
        for library, number in zip(libraries, before, strict=True):
            library.set_num_threads(number)

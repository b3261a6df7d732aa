"""Committed and pending rows of a batch of sequences, whatever holds their keys and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models._rows import checked_commit
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.language_model import ContextOverflowError
from tightbound.theory._validation import Integers, as_integer


class CachedRows:
    """Rows of sequences of different lengths, pending ones right behind the committed.

    Keeping a chain therefore moves nothing; keeping a path of a tree moves its rows forward.

    Parameters
    ----------
    config : LlamaConfig
        Sizes of the model.
    batch : int
        Sequences, at least 1.
    capacity : int
        Most committed rows of a sequence.
    room : int
        Pending rows that fit behind a full sequence.
    zeros : callable
        Makes an array of a shape; keys and values (layers, B, Hk, N, D) are two.
    """

    keys: Any
    values: Any

    def __init__(
        self,
        config: LlamaConfig,
        batch: int,
        capacity: int,
        room: int,
        zeros: Callable[[tuple[int, ...]], Any],
    ) -> None:
        sequences = as_integer("batch", batch, least=1)
        self._capacity = as_integer("capacity", capacity, least=1)
        if self._capacity > config.context:
            raise ContextOverflowError(
                f"capacity is {capacity} and the model has a context of {config.context}: give at most that"
            )
        shape = (config.layers, sequences, config.kv_heads, self._capacity + room, config.head_size)
        self.keys, self.values = zeros(shape), zeros(shape)
        self._lengths: Integers = np.zeros(sequences, dtype=np.int64)
        self._pending = 0

    @property
    def lengths(self) -> Integers:
        """Committed rows of each sequence, shape (B,)."""
        return self._lengths.copy()

    @property
    def pending(self) -> int:
        """Pending rows of every sequence."""
        return self._pending

    @property
    def capacity(self) -> int:
        """Most committed rows that a sequence can have."""
        return self._capacity

    def grow(self, rows: int) -> Integers:
        """Return where ``rows`` more pending rows of each sequence begin, or raise if there is no room."""
        starts = self._lengths + self._pending
        if starts.max() + rows > self.keys.shape[3]:
            raise ContextOverflowError(
                f"{self._pending + rows} rows would be pending behind {self._lengths.max()} committed ones, "
                f"and the cache has room for {self.keys.shape[3]} together: start it with a larger capacity, "
                "or commit earlier"
            )
        return starts

    def written(self, rows: int) -> None:
        """Count ``rows`` more rows of each sequence as pending."""
        self._pending += rows

    def commit(self, rows: ArrayLike, counts: ArrayLike) -> None:
        """Keep pending rows; see `Cache.commit`."""
        paths, kept = checked_commit(
            rows, counts, lengths=self._lengths, pending=self._pending, capacity=self._capacity
        )
        for b, (path, count) in enumerate(zip(paths, kept, strict=True)):
            first = int(np.argmax(path[:count] != np.arange(count))) if count else 0
            if count and path[first] != first:  # rows before are where they belong
                start = int(self._lengths[b])
                source = (start + path[first:count]).tolist()
                for part in (self.keys, self.values):
                    part[:, b, :, start + first : start + count] = part[:, b][:, :, source]
        self._lengths = self._lengths + kept
        self._pending = 0

    def discard(self) -> None:
        """Drop all pending rows."""
        self._pending = 0

    def append(self, keys: ArrayLike, values: ArrayLike) -> None:
        """Commit rows that come from elsewhere, e.g. a prefix that acts as a bias of each key head.

        Parameters
        ----------
        keys, values : array_like, shape (layers, B, n, Hk, D)
            Keys are those that queries meet, i.e. already rotated.

        Raises
        ------
        ValueError
            If shapes do not fit, numbers are not finite, or rows are pending.
        ContextOverflowError
            If a sequence would have more than ``capacity`` rows.
        """
        layers, batch, heads, _, dim = self.keys.shape
        given = [np.asarray(x, dtype=np.float32) for x in (keys, values)]
        for name, x in zip(("keys", "values"), given, strict=True):
            if x.ndim != 5 or (*x.shape[:2], *x.shape[3:]) != (layers, batch, heads, dim):
                raise ValueError(f"{name} has shape {x.shape}: give {(layers, batch, 'n', heads, dim)}")
            if not np.all(np.isfinite(x)):
                raise ValueError(f"{name} has entries that are NaN or infinite: remove or replace them")
        count = given[0].shape[2]
        if given[1].shape[2] != count:
            raise ValueError(f"keys has {count} rows and values {given[1].shape[2]}: give as many of both")
        if self._pending:
            raise ValueError(f"{self._pending} rows are pending: commit or discard them first")
        if self._lengths.max() + count > self._capacity:
            raise ContextOverflowError(
                f"a sequence has {self._lengths.max()} rows and would get {count} more, but capacity is "
                f"{self._capacity}: start the cache with a larger one"
            )
        for part, x in zip((self.keys, self.values), given, strict=True):
            moved = self._moved(x.swapaxes(2, 3))
            for b, start in enumerate(self._lengths.tolist()):
                part[:, b, :, start : start + count] = moved[:, b]
        self._lengths = self._lengths + count

    def _moved(self, array: NDArray[np.float32]) -> Any:
        """Return an array of the CPU where keys and values are."""
        return array

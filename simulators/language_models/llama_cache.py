"""Keys and values of a batch of sequences of different lengths, pending rows right behind the committed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from tightbound.simulators.language_models._rows import checked_commit, checked_sequences
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.language_model import ContextOverflowError
from tightbound.theory._validation import Integers, as_integer

PENDING_ROOM = 512
"""Pending rows that fit behind a full sequence."""


class LlamaCache:
    """Keys and values; see `tightbound.simulators.language_models.language_model.AttentionCache`.

    The rows that a pass writes lie behind the committed ones of their sequence. Keeping a chain therefore
    moves nothing; keeping a path of a tree moves its rows forward.

    Parameters
    ----------
    config : LlamaConfig
        Sizes of the model.
    batch : int
        Sequences, at least 1.
    capacity : int
        Most committed rows of a sequence. Memory is taken when rows are written, not before.
    dtype : numpy dtype
        Of keys and values.
    """

    def __init__(self, config: LlamaConfig, batch: int, capacity: int, dtype: DTypeLike = np.float32) -> None:
        sequences = as_integer("batch", batch, least=1)
        self._capacity = as_integer("capacity", capacity, least=1)
        if self._capacity > config.context:
            raise ContextOverflowError(
                f"capacity is {capacity} and the model has a context of {config.context}: give at most that"
            )
        shape = (
            config.layers,
            sequences,
            config.kv_heads,
            self._capacity + PENDING_ROOM,
            config.head_size,
        )
        self.keys: NDArray[Any] = np.zeros(shape, dtype=dtype)
        self.values: NDArray[Any] = np.zeros(shape, dtype=dtype)
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

    def rows(self, layer: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return keys and values (B, N, Hk, D) of a layer; see `AttentionCache.rows`."""
        return self.keys[layer].swapaxes(1, 2), self.values[layer].swapaxes(1, 2)

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
                start, source = self._lengths[b], self._lengths[b] + path[first:count]
                self.keys[:, b, :, start + first : start + count] = self.keys[:, b, :, source].transpose(
                    1, 2, 0, 3
                )
                self.values[:, b, :, start + first : start + count] = self.values[:, b, :, source].transpose(
                    1, 2, 0, 3
                )
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
        for b, start in enumerate(self._lengths):
            self.keys[:, b, :, start : start + count] = given[0][:, b].swapaxes(1, 2)
            self.values[:, b, :, start : start + count] = given[1][:, b].swapaxes(1, 2)
        self._lengths = self._lengths + count

    def select(self, sequences: ArrayLike) -> None:
        """Keep only these sequences; see `Cache.select`."""
        kept = checked_sequences(sequences, self._lengths.size)
        for new, old in enumerate(kept):
            if new != old:
                used = self._lengths[old] + self._pending
                self.keys[:, new, :, :used] = self.keys[:, old, :, :used]
                self.values[:, new, :, :used] = self.values[:, old, :, :used]
        self._lengths = self._lengths[kept]
        self.keys, self.values = self.keys[:, : kept.size], self.values[:, : kept.size]

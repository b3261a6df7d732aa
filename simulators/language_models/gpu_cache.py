"""Keys and values of a batch of sequences on a device, laid out as those of `LlamaCache`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models._rows import checked_commit, checked_sequences
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.language_model import ContextOverflowError
from tightbound.theory._validation import Integers, as_integer


class GpuCache:
    """Keys and values (layers, B, Hk, N, D); see `tightbound.simulators.language_models.AttentionModel`.

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
    dtype, device
        Of torch. All memory is taken at once.
    """

    def __init__(
        self, config: LlamaConfig, batch: int, capacity: int, *, room: int, dtype: Any, device: Any
    ) -> None:
        import torch

        sequences = as_integer("batch", batch, least=1)
        self._capacity = as_integer("capacity", capacity, least=1)
        if self._capacity > config.context:
            raise ContextOverflowError(
                f"capacity is {capacity} and the model has a context of {config.context}: give at most that"
            )
        shape = (config.layers, sequences, config.kv_heads, self._capacity + room, config.head_size)
        self.keys: Any = torch.zeros(shape, dtype=dtype, device=device)
        self.values: Any = torch.zeros(shape, dtype=dtype, device=device)
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
        """Return a copy in float32 of keys and values (B, N, Hk, D); see `AttentionCache.rows`."""
        parts = (part[layer].transpose(1, 2).float().cpu() for part in (self.keys, self.values))
        keys, values = (np.array(part.numpy()) for part in parts)
        return keys, values

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
            start = int(self._lengths[b])
            if np.any(path[:count] != np.arange(count)):
                source = (start + path[:count]).tolist()
                for part in (self.keys, self.values):
                    part[:, b, :, start : start + count] = part[:, b][:, :, source]
        self._lengths = self._lengths + kept
        self._pending = 0

    def discard(self) -> None:
        """Drop all pending rows."""
        self._pending = 0

    def append(self, keys: ArrayLike, values: ArrayLike) -> None:
        """Commit rows that come from elsewhere; see `LlamaCache.append`.

        Raises
        ------
        ValueError
            If shapes do not fit or rows are pending.
        ContextOverflowError
            If a sequence would have more than ``capacity`` rows.
        """
        import torch

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
            moved = torch.from_numpy(np.ascontiguousarray(x)).to(part).transpose(2, 3)
            for b, start in enumerate(self._lengths.tolist()):
                part[:, b, :, start : start + count] = moved[:, b]
        self._lengths = self._lengths + count

    def select(self, sequences: ArrayLike) -> None:
        """Keep only these sequences; see `Cache.select`."""
        kept = checked_sequences(sequences, self._lengths.size)
        self._lengths = self._lengths[kept]
        self.keys, self.values = self.keys[:, kept.tolist()], self.values[:, kept.tolist()]

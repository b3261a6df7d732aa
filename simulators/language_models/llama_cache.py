"""Keys and values of a batch of sequences of different lengths, pending rows right behind the committed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from tightbound.simulators.language_models._cached_rows import CachedRows
from tightbound.simulators.language_models._rows import checked_sequences
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig

PENDING_ROOM = 512
"""Pending rows that fit behind a full sequence."""


class LlamaCache(CachedRows):
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

    keys: NDArray[Any]
    values: NDArray[Any]

    def __init__(self, config: LlamaConfig, batch: int, capacity: int, dtype: DTypeLike = np.float32) -> None:
        super().__init__(config, batch, capacity, PENDING_ROOM, partial(np.zeros, dtype=dtype))

    def rows(self, layer: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return keys and values (B, N, Hk, D) of a layer; see `AttentionCache.rows`."""
        return self.keys[layer].swapaxes(1, 2), self.values[layer].swapaxes(1, 2)

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

"""Keys and values of a batch of sequences on a device, laid out as those of `LlamaCache`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models._cached_rows import CachedRows
from tightbound.simulators.language_models._rows import checked_sequences
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig


class GpuCache(CachedRows):
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

        super().__init__(config, batch, capacity, room, partial(torch.zeros, dtype=dtype, device=device))

    def rows(self, layer: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return a copy in float32 of keys and values (B, N, Hk, D); see `AttentionCache.rows`."""
        parts = (part[layer].transpose(1, 2).float().cpu() for part in (self.keys, self.values))
        keys, values = (np.array(part.numpy()) for part in parts)
        return keys, values

    def select(self, sequences: ArrayLike) -> None:
        """Keep only these sequences; see `Cache.select`."""
        kept = checked_sequences(sequences, self._lengths.size)
        self._lengths = self._lengths[kept]
        self.keys, self.values = self.keys[:, kept.tolist()], self.values[:, kept.tolist()]

    def _moved(self, array: NDArray[np.float32]) -> Any:
        import torch

        return torch.from_numpy(np.ascontiguousarray(array)).to(self.keys)

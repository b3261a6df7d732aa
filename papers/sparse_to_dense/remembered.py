"""A transformer that reads a batch of prompts once, however often the batch is decoded."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models.language_model import Observer
from tightbound.simulators.language_models.llama_cache import LlamaCache


class RememberedPrompts:
    """Keys, values and queries of prompts, copied where the same batch of them is read again.

    Passes in which no logits are read, from an empty cache on, are those over prompts. Their rows are kept,
    and so are the queries of rows from ``watched`` on; an observer gets zeros in place of queries before it,
    and no hidden states. All other passes are the model's own.

    Parameters
    ----------
    model : Llama
        What is run, or what passes everything on to one.
    watched : int
        First place in the text whose queries are wanted.
    """

    def __init__(self, model: Any, watched: int) -> None:
        self.model, self.watched = model, watched
        self.vocabulary, self.context, self.layers = model.vocabulary, model.context, model.layers
        self._read: dict[Any, tuple[NDArray[Any], NDArray[Any], dict[int, NDArray[Any]]]] = {}
        self._histories: WeakKeyDictionary[LlamaCache, Any] = WeakKeyDictionary()

    def start(self, batch: int, capacity: int | None = None) -> LlamaCache:
        """Return an empty cache."""
        cache: LlamaCache = self.model.start(batch, capacity)
        self._histories[cache] = ()
        return cache

    def forward(
        self,
        cache: LlamaCache,
        tokens: ArrayLike,
        *,
        read: ArrayLike | None = None,
        observe: Observer | None = None,
        **how: Any,
    ) -> NDArray[np.float32]:
        """Do as the model does, from memory where it can."""
        history = self._histories.get(cache)
        if read is None or np.size(read) or how or history is None:
            self._histories[cache] = None  # what comes now is no prompt
            logits: NDArray[np.float32] = self.model.forward(cache, tokens, read=read, observe=observe, **how)
            return logits
        rows = np.asarray(tokens, dtype=np.int64)
        key = (history, cache.lengths.tobytes(), rows.tobytes())
        self._histories[cache] = hash(key)
        first, count = int(cache.lengths.min()), rows.shape[1]
        if key not in self._read:
            queries: dict[int, NDArray[Any]] = {}

            def keep(layer: int, seen: NDArray[Any], hidden: NDArray[Any]) -> None:
                if layer < self.layers and first + count > self.watched:
                    queries[layer] = seen[:, max(self.watched - first, 0) :]

            self.model.forward(cache, rows, read=read, observe=keep)
            keys, values = (self._rows(part, cache, count) for part in (cache.keys, cache.values))
            self._read[key] = keys, values, queries
        else:
            starts = cache.grow(count)
            for part, stored in zip((cache.keys, cache.values), self._read[key][:2], strict=True):
                for b, start in enumerate(starts):
                    part[:, b, :, start : start + count] = stored[:, b]
            cache.written(count)
        if observe is not None:
            self._show(self._read[key][2], rows.shape, observe)
        return np.empty((rows.shape[0], 0, self.vocabulary), dtype=np.float32)

    def _show(self, queries: dict[int, NDArray[Any]], shape: tuple[int, ...], observe: Observer) -> None:
        sizes = self.model.config
        for layer in range(self.layers):
            known = queries.get(layer)
            after = 0 if known is None else known.shape[1]
            whole = np.zeros((shape[0], shape[1], sizes.heads, sizes.head_size), dtype=np.float32)
            if known is not None:
                whole[:, shape[1] - after :] = known
            observe(layer, whole, whole[:, :, :0, 0])

    @staticmethod
    def _rows(part: NDArray[Any], cache: LlamaCache, count: int) -> NDArray[Any]:
        ends = cache.lengths + cache.pending
        return np.stack([part[:, b, :, end - count : end] for b, end in enumerate(ends)], axis=1)

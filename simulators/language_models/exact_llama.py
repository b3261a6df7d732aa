"""A Llama in float64, by plain NumPy: what small models are checked against, and exact statements made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models._rows import Rows, checked_layers, checked_rows, checked_selection
from tightbound.simulators.language_models.language_model import KeySelection, Observer
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.llama_cache import LlamaCache
from tightbound.theory._validation import Array


@dataclass(frozen=True, eq=False)
class ExactLlama:
    """The weights of a Llama, run in float64: an `language_model.AttentionModel` for a few short texts.

    Every row attends to all keys under a mask, so a pass costs as much whatever it attends to.

    Parameters
    ----------
    llama : Llama
        Weights and sizes.

    Examples
    --------
    >>> from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
    >>> llama = Llama.random(LlamaConfig(5, 16, 8, 8, 2, 2, 1, 4), rng=0)
    >>> exact = ExactLlama(llama).forward(ExactLlama(llama).start(1), [[3, 1, 4]])
    >>> exact.dtype, bool(abs(exact - llama.forward(llama.start(1), [[3, 1, 4]])).max() < 1e-5)
    (dtype('float64'), True)
    """

    llama: Llama

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        return self.llama.vocabulary

    @property
    def context(self) -> int:
        """Number of positions."""
        return self.llama.context

    @property
    def layers(self) -> int:
        """Number of layers."""
        return self.llama.layers

    def start(self, batch: int, capacity: int | None = None) -> LlamaCache:
        """Return an empty cache of float64 keys and values; see `AttentionModel.start`."""
        rows = self.context if capacity is None else capacity
        return LlamaCache(self.llama.config, batch, rows, dtype=np.float64)

    def forward(
        self,
        cache: LlamaCache,
        tokens: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        positions: ArrayLike | None = None,
        read: ArrayLike | None = None,
        attend: KeySelection | None = None,
        run: Sequence[int] | None = None,
        observe: Observer | None = None,
    ) -> Array:
        """Append rows and return logits (B, R, V); see `AttentionModel.forward`."""
        config, lengths = self.llama.config, cache.lengths
        rows = checked_rows(
            tokens,
            mask,
            positions,
            read,
            lengths=lengths,
            pending=cache.pending,
            vocabulary=self.vocabulary,
            context=self.context,
        )
        chosen = checked_layers(run, self.layers)
        checked_selection(attend, (self.layers, lengths.size, config.kv_heads), lengths)
        batch, count = rows.tokens.shape
        starts = cache.grow(count)
        places = starts[:, np.newaxis] + np.arange(count)
        hidden = self._embedding[rows.tokens]
        dim, heads, shared = config.head_size, config.heads, config.kv_heads
        for layer in chosen:
            weights = self._blocks[layer]
            mixed = self._norm(hidden, weights["attention_norm"]) @ weights["query_key_value"].T
            split = mixed.reshape(batch, count, heads + 2 * shared, dim)
            queries = self._turned(split[:, :, :heads], rows.positions)
            keys, values = cache.keys[layer], cache.values[layer]
            fresh = self._turned(split[:, :, heads : heads + shared], rows.positions)
            for b in range(batch):
                keys[b][:, places[b]] = fresh[b].swapaxes(0, 1)
                values[b][:, places[b]] = split[b, :, heads + shared :].swapaxes(0, 1)
            if observe is not None:
                observe(layer, queries.copy(), hidden.copy())
            end = int(starts.max()) + count
            seen = _seen(rows, lengths, end, shared, layer, attend)
            grouped = queries.reshape(batch, count, shared, heads // shared, dim)
            scores = np.einsum("bmkgd,bknd->bkgmn", grouped, keys[:, :, :end]) * dim**-0.5
            scores = np.where(seen[:, :, np.newaxis], scores, -np.inf)
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            scores /= scores.sum(axis=-1, keepdims=True)
            out = np.einsum("bkgmn,bknd->bmkgd", scores, values[:, :, :end]).reshape(batch, count, -1)
            hidden = hidden + out @ weights["output"].T
            both = self._norm(hidden, weights["mlp_norm"]) @ weights["gate_up"].T
            gate, up = np.split(both, 2, axis=-1)
            hidden = hidden + (gate / (1.0 + np.exp(-gate)) * up) @ weights["down"].T
        if observe is not None:
            observe(self.layers, np.empty((batch, count, 0, dim)), hidden.copy())
        logits = self.read_out(np.take_along_axis(hidden, rows.read[:, :, np.newaxis], axis=1))
        cache.written(count)
        return logits

    def embed(self, tokens: ArrayLike) -> Array:
        """Return the embeddings (..., width) of tokens."""
        return np.asarray(self.llama.embed(tokens), dtype=np.float64)

    def read_out(self, hidden: ArrayLike, *, normalise: bool = True) -> Array:
        """Return logits (..., vocabulary) of hidden states (..., width)."""
        states = np.asarray(hidden, dtype=np.float64)
        if normalise:
            states = self._norm(states, self.llama.norm)
        return np.asarray(states @ self.llama.head.astype(np.float64).T)

    @cached_property
    def _embedding(self) -> Array:
        return self.llama.embedding.astype(np.float64)

    @cached_property
    def _blocks(self) -> list[dict[str, Array]]:
        return [
            {name: array.astype(np.float64) for name, array in vars(block).items()}
            for block in self.llama.blocks
        ]

    def _norm(self, x: Array, scale: NDArray[np.floating]) -> Array:
        mean = (x * x).mean(axis=-1, keepdims=True)
        return np.asarray(x / np.sqrt(mean + self.llama.config.eps) * scale)

    def _turned(self, x: Array, positions: NDArray[np.int64]) -> Array:
        """Turn heads (B, M, H, D) by the angles of their positions."""
        frequencies = self.llama.config.rope_frequencies(self.llama.rope_factors)
        angles = positions[:, :, np.newaxis, np.newaxis] * frequencies
        pairs = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
        return np.stack([pairs.real, pairs.imag], axis=-1).reshape(x.shape)


def _seen(
    rows: Rows,
    lengths: NDArray[np.int64],
    end: int,
    kv_heads: int,
    layer: int,
    attend: KeySelection | None,
) -> NDArray[np.bool_]:
    """Return which of ``end`` keys each row sees in a layer, (B, Hk, M, end)."""
    batch, count, pending = rows.mask.shape
    seen = np.zeros((batch, kv_heads, count, end), dtype=np.bool_)
    for b, length in enumerate(lengths):
        first = 0 if attend is None else int(attend.tail_start[b])
        seen[b, :, :, first:length] = True
        if attend is not None:
            for head, kept in enumerate(attend.keys[layer, b]):
                seen[b, head][:, kept] = True
        seen[b, :, :, length : length + pending] = rows.mask[b]
    return seen

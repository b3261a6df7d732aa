r"""Transformers of the Llama family in float32, on the CPU.

Layer by layer, with RMS norms, rotary positions, attention over a cache and gated MLPs,

.. math:: h \leftarrow h + W_o\,\mathrm{Attention}(\mathrm{norm}(h)), \qquad
          h \leftarrow h + W_d\,(\mathrm{silu}(W_g\,\mathrm{norm}(h)) \odot W_u\,\mathrm{norm}(h)),

and logits :math:`W\,\mathrm{norm}(h)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models._cached_attention import CachedAttention
from tightbound.simulators.language_models._rows import (
    checked_layers,
    checked_rows,
    checked_selection,
    checked_states,
)
from tightbound.simulators.language_models.gguf_checkpoint import GGUFCheckpoint, LlamaConfig, Weights
from tightbound.simulators.language_models.language_model import KeySelection, Observer
from tightbound.simulators.language_models.llama_cache import LlamaCache
from tightbound.theory._validation import as_indices

FEW_ROWS = 16
"""Up to here one core does what is done element by element."""


@dataclass(frozen=True, eq=False)
class LlamaLayer:
    """Weights of one layer, matrices as (outputs, inputs).

    Parameters
    ----------
    attention_norm, mlp_norm : ndarray, shape (width,)
    query_key_value : ndarray, shape ((H + 2 Hk) D, width)
        Rows for rotary pairs (2 i, 2 i + 1).
    output : ndarray, shape (width, H D)
    gate_up : ndarray, shape (2 inner, width)
    down : ndarray, shape (width, inner)
    """

    attention_norm: Weights
    query_key_value: Weights
    output: Weights
    mlp_norm: Weights
    gate_up: Weights
    down: Weights


@dataclass(frozen=True, eq=False)
class Llama:
    """A Llama-family model, an `tightbound.simulators.language_models.language_model.AttentionModel`.

    Parameters
    ----------
    config : LlamaConfig
        Sizes and constants.
    embedding : ndarray of float32, shape (vocabulary, width)
    blocks : tuple of LlamaLayer
    norm : ndarray of float32, shape (width,)
        Of the norm before the read-out.
    head : ndarray of float32, shape (vocabulary, width)
        Read-out; the embedding itself where they are tied.
    rope_factors : ndarray of float32, shape (head_size / 2,), optional
        Divisors of the rotary frequencies.

    References
    ----------
    Touvron et al., "LLaMA", 2023. Su et al., "RoFormer", 2021. Ainslie et al., "GQA", EMNLP 2023.

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=11, context=32, width=16, inner=24, layers=2, heads=4, kv_heads=2,
    ...                      head_size=4)
    >>> model = Llama.random(config, rng=0)
    >>> cache = model.start(1)
    >>> model.forward(cache, [[3, 1, 4]]).shape
    (1, 3, 11)
    >>> cache.commit([[0, 1, 2]], [3])
    >>> cache.lengths
    array([3])
    """

    config: LlamaConfig
    embedding: Weights
    blocks: tuple[LlamaLayer, ...]
    norm: Weights
    head: Weights
    rope_factors: Weights | None = None

    @classmethod
    def like(cls, other: Llama) -> Self:
        """Return a model with the weights of another: for a subclass that does one thing differently."""
        return cls(**{one.name: getattr(other, one.name) for one in fields(Llama)})

    @classmethod
    def from_checkpoint(cls, checkpoint: GGUFCheckpoint) -> Llama:
        """Return the model that a GGUF file holds."""
        tensors = checkpoint.tensors

        def joined(layer: int, *names: str) -> Weights:
            parts = [tensors[f"blk.{layer}.{name}.weight"] for name in names]
            return parts[0] if len(parts) == 1 else np.concatenate(parts)

        blocks = tuple(
            LlamaLayer(
                attention_norm=joined(layer, "attn_norm"),
                query_key_value=joined(layer, "attn_q", "attn_k", "attn_v"),
                output=joined(layer, "attn_output"),
                mlp_norm=joined(layer, "ffn_norm"),
                gate_up=joined(layer, "ffn_gate", "ffn_up"),
                down=joined(layer, "ffn_down"),
            )
            for layer in range(checkpoint.config.layers)
        )
        embedding = tensors["token_embd.weight"]
        return cls(
            checkpoint.config,
            embedding,
            blocks,
            tensors["output_norm.weight"],
            tensors.get("output.weight", embedding),
            tensors.get("rope_freqs.weight"),
        )

    @classmethod
    def random(cls, config: LlamaConfig, *, rng: int | np.random.Generator | None = None) -> Llama:
        """Return an untrained model: normal weights of variance one over the number of inputs."""
        source = np.random.default_rng(rng)

        def matrix(outputs: int, inputs: int) -> Weights:
            draws = source.standard_normal((outputs, inputs)) * inputs**-0.5
            return np.asarray(draws, dtype=np.float32)

        def scale() -> Weights:
            return source.uniform(0.5, 1.5, config.width).astype(np.float32)

        queries = config.heads * config.head_size
        blocks = tuple(
            LlamaLayer(
                attention_norm=scale(),
                query_key_value=matrix(queries + 2 * config.kv_heads * config.head_size, config.width),
                output=matrix(config.width, queries),
                mlp_norm=scale(),
                gate_up=matrix(2 * config.inner, config.width),
                down=matrix(config.width, config.inner),
            )
            for _ in range(config.layers)
        )
        embedding = source.standard_normal((config.vocabulary, config.width)).astype(np.float32)
        return cls(config, embedding, blocks, scale(), matrix(config.vocabulary, config.width))

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        return self.config.vocabulary

    @property
    def context(self) -> int:
        """Number of positions."""
        return self.config.context

    @property
    def layers(self) -> int:
        """Number of layers."""
        return self.config.layers

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights that a pass with few rows reads (of the embedding, only the tied read-out)."""
        arrays = [array for block in self.blocks for array in vars(block).values()]
        return sum(array.nbytes for array in [*arrays, self.norm, self.head])

    @cached_property
    def _rotation(self) -> tuple[Weights, Weights]:
        """Cosine and sine (context, D / 2) of every angle."""
        angles = np.arange(self.context)[:, np.newaxis] * self.config.rope_frequencies(self.rope_factors)
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    def start(self, batch: int, capacity: int | None = None) -> LlamaCache:
        """Return an empty cache; see `AttentionModel.start`."""
        return LlamaCache(self.config, batch, self.context if capacity is None else capacity)

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
    ) -> NDArray[np.float32]:
        """Append rows and return logits (B, R, V); see `AttentionModel.forward`."""
        from tightbound.simulators.language_models import _kernel_transformer as compiled

        lengths = cache.lengths
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
        checked_selection(attend, (self.layers, lengths.size, self.config.kv_heads), lengths)
        starts = cache.grow(rows.tokens.shape[1])
        attention = CachedAttention(lengths, rows.mask, self.config.kv_heads, attend)
        cosine, sine = self._rotation
        batch, count = rows.tokens.shape
        hidden = self.embedding[rows.tokens.ravel()]
        normal = np.empty_like(hidden)
        queries = np.empty((batch, count, self.config.heads, self.config.head_size), dtype=np.float32)
        gated = np.empty((batch * count, self.config.inner), dtype=np.float32)
        gate = compiled.gate_few if batch * count <= FEW_ROWS else compiled.gate_many
        for layer in chosen:
            block, keys, values = self.blocks[layer], cache.keys[layer], cache.values[layer]
            compiled.normalise(hidden, block.attention_norm, self.config.eps, normal)
            projected = linear(block.query_key_value, normal)
            compiled.rotate_and_store(projected, cosine, sine, rows.positions, starts, queries, keys, values)
            if observe is not None:
                observe(layer, queries.copy(), hidden.reshape(batch, count, -1).copy())
            mixed = attention(layer, queries, keys, values)
            hidden += linear(block.output, mixed.reshape(batch * count, -1))
            compiled.normalise(hidden, block.mlp_norm, self.config.eps, normal)
            gate(linear(block.gate_up, normal), gated)
            hidden += linear(block.down, gated)
        states = hidden.reshape(batch, count, -1)
        if observe is not None:
            observe(self.layers, queries[:, :, :0], states.copy())
        logits = self.read_out(np.take_along_axis(states, rows.read[:, :, np.newaxis], axis=1))
        cache.written(count)
        return logits

    def embed(self, tokens: ArrayLike) -> NDArray[np.float32]:
        """Return the embeddings (..., width) of tokens."""
        ids = as_indices("tokens", tokens, self.vocabulary)
        return np.asarray(self.embedding[ids])

    def read_out(self, hidden: ArrayLike, *, normalise: bool = True) -> NDArray[np.float32]:
        """Return logits (..., vocabulary) of hidden states (..., width).

        Raises
        ------
        ValueError
            If the width is not that of the model, or logits are not finite, because weights or keys put
            into a cache are not.
        """
        from tightbound.simulators.language_models import _kernel_transformer as compiled

        states = checked_states(hidden, self.config.width)
        flat = np.ascontiguousarray(states).reshape(-1, self.config.width)
        if flat.shape[0] == 0:
            return np.empty((*states.shape[:-1], self.vocabulary), dtype=np.float32)
        if normalise:
            normal = np.empty_like(flat)
            compiled.normalise(flat, self.norm, self.config.eps, normal)
            flat = normal
        logits = linear(self.head, flat)
        if not np.isfinite(logits.sum()):
            raise ValueError(
                "logits are NaN or infinite: weights, hidden states or keys put into the cache are not finite"
            )
        return logits.reshape(*states.shape[:-1], self.vocabulary)


def linear(weights: Weights, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``rows @ weights.T`` for contiguous rows (R, inputs)."""
    from tightbound.simulators.language_models import _kernel_transformer as compiled

    out = np.empty((rows.shape[0], weights.shape[0]), dtype=np.float32)
    compiled.linear(weights, rows, out)
    return out

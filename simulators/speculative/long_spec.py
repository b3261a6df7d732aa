"""LongSpec: a draft of one block whose state does not grow with the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
from tightbound.kernels.merge_states import merge_state, merge_states
from tightbound.kernels.tree_attention import tree_attention
from tightbound.simulators.language_models.llama import FEW_ROWS, linear
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.drafter import BaseSession, Job, Session, Turn
from tightbound.simulators.speculative.growth import Beam, Shape, as_shape, grow
from tightbound.simulators.speculative.long_spec_block import LongSpecBlock
from tightbound.simulators.speculative.ring import Ring
from tightbound.theory._validation import Integers

Rows = NDArray[np.float32]
BEAM = Beam((4, 16, 16, 16, 16))
"""68 nodes in five layers."""


@dataclass(frozen=True, eq=False)
class LongSpecDraft:
    """Draft with one block that reads the last W tokens by itself and everything before through the target.

    Parameters
    ----------
    block : LongSpecBlock
        Weights, trained for the target.
    shape : int, Branching or Beam
        Shape of the drafts, at most W deep; a number is the length of a chain of drawn tokens.

    Raises
    ------
    ValueError
        For a shape deeper than the window.

    References
    ----------
    Yang et al., "LongSpec", arXiv 2502.17421.

    Examples
    --------
    >>> from tightbound.simulators.language_models import LlamaConfig
    >>> config = LlamaConfig(vocabulary=11, context=32, width=16, inner=24, layers=2, heads=4, kv_heads=2,
    ...                      head_size=4)
    >>> block = LongSpecBlock.random(config, window=8, inner=24, rng=0)
    >>> LongSpecDraft(block).max_draft, LongSpecDraft(block, shape=3).max_draft
    (5, 3)
    """

    block: LongSpecBlock
    shape: Shape | int = BEAM

    def __post_init__(self) -> None:
        shape = as_shape(self.shape)
        object.__setattr__(self, "shape", shape)
        if shape.depth > self.block.window:
            raise ValueError(
                f"shape is {shape.depth} deep and the window has {self.block.window} tokens: draft at most "
                "as many"
            )

    @property
    def max_draft(self) -> int:
        """Longest path, in tokens."""
        return as_shape(self.shape).depth

    def open(self, job: Job) -> Session:
        """Return a session; TypeError, or DraftMismatchError, for a target that the draft is not for."""
        self.block.check(job.target)
        return LongSpecSession(job, self.block, as_shape(self.shape))


class LongSpecSession(BaseSession):
    """Drafts of one batch.

    Keys and values of the block depend on a token and its place alone, not on what the target had read when
    it was drafted. So the ring holds committed tokens only, is filled from the text before a round, and a
    prompt costs its last W tokens.

    Parameters
    ----------
    job : Job
        The batch.
    block : LongSpecBlock
        Weights.
    shape : Branching or Beam
        Shape of the drafts.
    """

    def __init__(self, job: Job, block: LongSpecBlock, shape: Shape) -> None:
        self.job, self.block, self.shape = job, block, shape
        sizes = block.target
        self.ring = Ring(len(job.prompts), block.window, sizes.kv_heads, sizes.head_size)

    @property
    def state_bytes(self) -> int:
        """Bytes that drafting keeps between rounds."""
        return self.ring.nbytes

    def draft(self, turn: Turn) -> list[Draft]:
        """Return one draft per sequence."""
        lengths = turn.cache.lengths
        self.catch_up(turn.texts, np.where(turn.limits > 0, lengths, 0))
        layers = Layers(self.job, self.block, self.ring, turn.cache)
        drafts, _ = grow(
            layers.forward,
            [text[-1:] for text in turn.texts],
            lengths,
            turn.limits,
            self.shape,
            self.job.sampling,
            turn.coins,
            backend=self.job.backend,
        )
        return drafts

    def select(self, kept: Integers) -> None:
        """Go on with these sequences."""
        self.ring.select(kept)

    def catch_up(self, texts: Sequence[Integers], lengths: Integers) -> None:
        """Write the committed tokens of each text that the ring lacks."""
        missing = self.ring.missing(lengths)
        places = np.concatenate(missing)
        if places.size == 0:
            return
        tokens = np.concatenate([text[some] for text, some in zip(texts, missing, strict=True)])
        keys, values = keys_and_values(self.job.target, self.block, tokens, places)
        ends = np.cumsum([some.size for some in missing])
        parts = zip(missing, np.split(keys, ends[:-1]), np.split(values, ends[:-1]), strict=True)
        for b, (some, k, v) in enumerate(parts):
            if some.size:
                self.ring.write(b, int(some[0]), k, v)


class Layers:
    """Forward passes over the layers of a draft tree; what they store is dropped with this object.

    Parameters
    ----------
    job : Job
        The batch.
    block : LongSpecBlock
        Weights.
    ring : Ring
        Committed tokens of the texts.
    cache : AttentionCache
        The target's.
    """

    def __init__(self, job: Job, block: LongSpecBlock, ring: Ring, cache: Any) -> None:
        self.target: Any = job.target
        self.backend, self.block, self.ring = job.backend, block, ring
        self.lengths = cache.lengths
        self.target_rows = cache.rows(block.target.layers - 1)
        batch, heads, dim = self.lengths.size, block.target.kv_heads, block.target.head_size
        self.keys: Rows = np.zeros((batch, 0, heads, dim), dtype=np.float32)
        self.values = self.keys
        self.depth = 0

    def forward(
        self,
        tokens: ArrayLike,
        *,
        mask: NDArray[np.bool_] | None,
        positions: Integers | None,
        read: Integers,
    ) -> Rows:
        """Return logits (B, R, V) of rows of the next layer, one position behind the last."""
        ids = np.asarray(tokens)
        batch, rows = ids.shape
        sizes, weights = self.block.target, self.block.weights
        places = np.repeat(self.lengths[:, np.newaxis] + self.depth, rows, axis=1).ravel()
        queries = sizes.heads * sizes.head_size
        hidden = np.ascontiguousarray(self.target.embed(ids.ravel()))

        projected = linear(weights["query_key_value"], self._norm(hidden, "self_norm"))
        split = (batch, rows, -1, sizes.head_size)
        own_queries = self._turned(projected[:, :queries], places).reshape(split)
        keys, values = _keys_and_values(self.target, self.block, projected[:, queries:], places)
        self.keys = np.concatenate([self.keys, keys.reshape(split)], axis=1)
        self.values = np.concatenate([self.values, values.reshape(split)], axis=1)
        mixed = self._self_attention(own_queries, mask)
        hidden += linear(weights["output"], mixed.reshape(batch * rows, -1))

        asked = self._turned(linear(weights["cross_query"], self._norm(hidden, "cross_norm")), places)
        keys, values = self.target_rows
        o, lse = decode_attention_splitk(
            asked.reshape(split), keys, values, self.lengths, backend=self.backend
        )
        mixed = np.asarray(merge_states(o, lse, backend=self.backend)[0], dtype=np.float32)
        hidden += linear(weights["cross_output"], mixed.reshape(batch * rows, -1))

        hidden += linear(weights["down"], self._gated(self._norm(hidden, "mlp_norm")))
        self.depth += 1
        states = np.take_along_axis(hidden.reshape(batch, rows, -1), read[:, :, np.newaxis], axis=1)
        flat = self._norm(np.ascontiguousarray(states).reshape(-1, sizes.width), "norm")
        logits: Rows = self.target.read_out(flat.reshape(*read.shape, -1), normalise=False)
        return logits

    def _self_attention(self, queries: Rows, mask: NDArray[np.bool_] | None) -> Rows:
        """Attend to the ring, and to the rows of the tree on the path of each row."""
        batch, rows = queries.shape[:2]
        width = self.keys.shape[1]
        path = np.tri(rows, width, width - rows, dtype=np.bool_) if mask is None else mask
        path = np.broadcast_to(path, (batch, rows, width))
        tree = tree_attention(queries, self.keys, self.values, path, backend=self.backend)
        past = self.ring.attend(queries, self.depth, backend=self.backend)
        o, lse = (np.asarray(part, dtype=tree[0].dtype) for part in past)
        return np.asarray(merge_state(o, lse, *tree, backend=self.backend)[0], dtype=np.float32)

    def _norm(self, hidden: Rows, name: str) -> Rows:
        return _normalised(hidden, self.block.weights[name], self.block.target.eps)

    def _turned(self, rows: Rows, places: Integers) -> Rows:
        return rotated(self.target, rows, places, self.block.target.head_size)

    def _gated(self, rows: Rows) -> Rows:
        from tightbound.simulators.language_models import _kernel_transformer as compiled

        both = linear(self.block.weights["gate_up"], rows)
        out = np.empty((rows.shape[0], self.block.inner), dtype=np.float32)
        (compiled.gate_few if rows.shape[0] <= FEW_ROWS else compiled.gate_many)(both, out)
        return out


def keys_and_values(
    target: Any, block: LongSpecBlock, tokens: Integers, places: Integers
) -> tuple[Rows, Rows]:
    """Return the block's own keys and values (n, Hk, D) of tokens at places, keys rotated."""
    sizes = block.target
    normal = _normalised(np.asarray(target.embed(tokens)), block.weights["self_norm"], sizes.eps)
    projection = block.weights["query_key_value"][sizes.heads * sizes.head_size :]
    return _keys_and_values(target, block, linear(projection, normal), places)


def _keys_and_values(target: Any, block: LongSpecBlock, both: Rows, places: Integers) -> tuple[Rows, Rows]:
    shape = (len(both), block.target.kv_heads, block.target.head_size)
    half = both.shape[1] // 2
    keys = rotated(target, both[:, :half], places, block.target.head_size)
    return keys.reshape(shape), np.ascontiguousarray(both[:, half:]).reshape(shape)


def rotated(target: Any, rows: Rows, places: Integers, head_size: int) -> Rows:
    """Turn the pairs (2 i, 2 i + 1) of all heads in rows (n, heads D) by the angles of the target."""
    frequencies = target.config.rope_frequencies(target.rope_factors)
    turn = np.exp(1j * places[:, np.newaxis] * frequencies).astype(np.complex64)
    pairs = np.ascontiguousarray(rows, dtype=np.float32).view(np.complex64)
    heads = pairs.reshape(len(rows), -1, head_size // 2) * turn[:, np.newaxis]
    return np.asarray(heads.view(np.float32).reshape(rows.shape))


def _normalised(rows: Rows, scale: Rows, eps: float) -> Rows:
    from tightbound.simulators.language_models import _kernel_transformer as compiled

    out = np.empty_like(rows)
    compiled.normalise(rows, scale, eps, out)
    return out

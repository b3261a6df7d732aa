"""Attention of the rows of one pass over a cache: committed keys without a mask, pending keys with one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import CHUNK, LEAST_KEYS, WANTED_TASKS, splits
from tightbound.kernels.merge_states.numba_cpu import merge_parts
from tightbound.simulators.language_models.language_model import KeySelection
from tightbound.theory._validation import Integers


class CachedAttention:
    """What all layers of a pass share, so that a layer makes only the compiled calls.

    Exact hybrid attention as in `tightbound.kernels.hybrid_tree_attention`: one state over the committed
    keys, all or those of a selection, one over the pending keys under the mask, and their merge. A single
    row that sees all pending keys needs one state only, since they lie behind the committed ones.

    Parameters
    ----------
    lengths : ndarray of int, shape (B,)
        Committed rows.
    mask : ndarray of bool, shape (B, M, T)
        Which of the T pending rows, its own included, each row sees.
    kv_heads : int
        Key heads.
    selection : KeySelection, optional
        Committed keys to read.
    """

    def __init__(
        self,
        lengths: Integers,
        mask: NDArray[np.bool_],
        kv_heads: int,
        selection: KeySelection | None = None,
    ) -> None:
        batch, rows, pending = mask.shape
        tail = np.zeros(batch, dtype=np.int64) if selection is None else selection.tail_start
        kept = 0 if selection is None else selection.keys.shape[3]
        self._nothing = np.empty((batch, kv_heads, 0), dtype=np.int32)
        self._selection = selection
        self._unmasked = np.empty((batch, rows, 0), dtype=np.uint8)
        counts = kept + lengths - tail
        self._mask = None if rows == 1 and mask.all() else np.ascontiguousarray(mask, dtype=np.uint8)
        if self._mask is None:
            counts = counts + pending
        self._tail, self._counts, self._lengths = tail, counts, lengths
        self._pending = np.full(batch, pending, dtype=np.int64)
        self._part = -(self._pending // -CHUNK) * CHUNK
        parts = batch * kv_heads
        self._splits = splits(None, parts, int(counts.max()), wanted=WANTED_TASKS, least=LEAST_KEYS)
        self._chunks = -(counts // -(self._splits * CHUNK)) * CHUNK
        self._prefix = bool(counts.max() > 0)

    def __call__(
        self, layer: int, queries: NDArray[np.float32], keys: NDArray[np.float32], values: NDArray[np.float32]
    ) -> NDArray[Any]:
        """Return the output (B, M, H, D) for queries (B, M, H, D) and keys, values (B, Hk, N, D)."""
        from tightbound.kernels._kernel_attention import attend

        _, heads, room, dim = keys.shape
        strides = (heads * room * dim, dim, room * dim)
        flat = (keys.reshape(-1), values.reshape(-1), strides, strides)
        extra = self._mask is not None
        used = self._splits if self._prefix else 0
        o = np.empty((used + extra, *queries.shape), dtype=np.float32)
        lse = np.empty((used + extra, *queries.shape[:3]))
        scale = dim**-0.5
        if used:
            index = self._nothing if self._selection is None else self._selection.keys[layer]
            attend(
                queries,
                *flat,
                index,
                self._tail,
                self._counts,
                self._unmasked,
                used,
                self._chunks,
                scale,
                o[:used],
                lse[:used],
            )
        if extra:
            attend(
                queries,
                *flat,
                self._nothing,
                self._lengths,
                self._pending,
                self._mask,
                1,
                self._part,
                scale,
                o[used:],
                lse[used:],
            )
        return o[0] if used + extra == 1 else np.asarray(merge_parts(o, lse)[0])

"""Softmax attention over the keys of cache and tree together, in float64: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import Sizes, as_counts, as_mask, as_stored, finite, splits
from tightbound.kernels._attention_reference import attend

Array = NDArray[np.float64]


def hybrid_tree_attention(
    q: Any,
    k: Any,
    v: Any,
    kv_len: Any,
    k_spec: Any,
    v_spec: Any,
    tree_mask: Any,
    n: Sizes,
    tree: Sizes,
    scale: float,
    num_splits: int | None,
    storage: str | None,
) -> tuple[Array, Array]:
    """Return o and lse; see `tightbound.kernels.hybrid_tree_attention.hybrid_tree_attention`."""
    named = (("q", q), ("k", k), ("v", v), ("k_spec", k_spec), ("v_spec", v_spec))
    queries, keys, values, tree_keys, tree_values = (as_stored(x, y, storage).float64() for x, y in named)
    lengths = as_counts("kv_len", kv_len, n.batch, n.keys, default=n.keys)
    mask = as_mask("tree_mask", tree_mask, (n.batch, n.rows, tree.keys)).astype(bool)
    splits(num_splits, 1, n.keys, wanted=1, least=1)
    o, lse = np.zeros((n.batch, n.rows, n.heads, n.dim)), np.zeros((n.batch, n.rows, n.heads))
    for b, length in enumerate(lengths):
        both = (
            np.concatenate([keys[b, :length], tree_keys[b]]),
            np.concatenate([values[b, :length], tree_values[b]]),
        )
        seen = np.concatenate([np.ones((n.rows, length), dtype=bool), mask[b]], axis=1)
        o[b], lse[b] = attend(queries[b], *both, seen, scale)
    finite(o, lse)
    return o, lse

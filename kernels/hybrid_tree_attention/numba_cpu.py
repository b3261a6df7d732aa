"""Splits of the cache, then the tree, in compiled loops, and their merge."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import Sizes, as_counts, as_mask, as_stored
from tightbound.kernels._attention_numba import attend, rounded, wanted_splits
from tightbound.kernels.merge_states.numba_cpu import merge_parts


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
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return o and lse; see `tightbound.kernels.hybrid_tree_attention.hybrid_tree_attention`."""
    named = (("q", q), ("k", k), ("v", v), ("k_spec", k_spec), ("v_spec", v_spec))
    queries, keys, values, tree_keys, tree_values = (as_stored(x, y, storage) for x, y in named)
    lengths = as_counts("kv_len", kv_len, n.batch, n.keys, default=n.keys)
    mask = as_mask("tree_mask", tree_mask, (n.batch, n.rows, tree.keys))
    count = wanted_splits(num_splits, n)
    cache = attend(queries, keys, values, scale, lengths, splits=count)
    own = attend(queries, tree_keys, tree_values, scale, np.full(n.batch, tree.keys), mask=mask)
    o, lse = merge_parts(np.concatenate([cache[0], own[0]]), np.concatenate([cache[1], own[1]]))
    return rounded(o, queries), lse.astype(np.float32)

"""Splits of the cache and the tree in one launch of Triton programs, and their merge in another."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._attention_arguments import Sizes
from tightbound.kernels._attention_triton import as_integers, as_mask, attend, splits, tensors, variants
from tightbound.kernels.merge_states.triton_gpu import merge_states

VARIANTS = variants(some=True, tree=True)


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
) -> tuple[Any, Any]:
    """Return o and lse; see `tightbound.kernels.hybrid_tree_attention.hybrid_tree_attention`."""
    named = {"q": q, "k": k, "v": v, "k_spec": k_spec, "v_spec": v_spec}
    q, k, v, k_spec, v_spec = tensors(named, n, storage)
    lengths = as_integers("kv_len", kv_len, q, (n.batch,))
    mask = as_mask("tree_mask", tree_mask, (n.batch, n.rows, tree.keys))
    count = splits(num_splits, n, q.element_size())
    o, lse = attend(q, n, scale, cache=(k, v, lengths), splits=count, tree=(k_spec, v_spec, mask))
    return merge_states(o, lse, dtype=q.dtype)

"""Attention under a mask in one Triton program per request, key head and tile of rows."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._attention_arguments import Sizes
from tightbound.kernels._attention_triton import as_mask, attend, tensors, variants

VARIANTS = variants(some=True, cache=False, tree=True)


def tree_attention(
    q: Any, k_spec: Any, v_spec: Any, tree_mask: Any, n: Sizes, scale: float, storage: str | None
) -> tuple[Any, Any]:
    """Return o and lse of every row; see `tightbound.kernels.tree_attention.tree_attention`."""
    q, k, v = tensors({"q": q, "k_spec": k_spec, "v_spec": v_spec}, n, storage)
    mask = as_mask("tree_mask", tree_mask, (n.batch, n.rows, n.keys))
    o, lse = attend(q, n, scale, tree=(k, v, mask))
    return o[0], lse[0]

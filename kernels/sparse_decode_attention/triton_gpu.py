"""Attention over kept keys in one Triton program per request, key head, split and tile of rows."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._attention_arguments import Sizes
from tightbound.kernels._attention_triton import as_integers, attend, splits, tensors, variants
from tightbound.kernels.merge_states.triton_gpu import merge_states

VARIANTS = variants(some=True, chosen=True)


def sparse_decode_attention(
    q: Any,
    k: Any,
    v: Any,
    idx: Any,
    tail_start: Any,
    kv_len: Any,
    n: Sizes,
    scale: float,
    num_splits: int | None,
    storage: str | None,
) -> tuple[Any, Any]:
    """Return o and lse; see `tightbound.kernels.sparse_decode_attention.sparse_decode_attention`."""
    q, k, v = tensors({"q": q, "k": k, "v": v}, n, storage)
    lengths = as_integers("kv_len", kv_len, q, (n.batch,))
    start = n.keys if tail_start is None else tail_start
    if not isinstance(start, int):
        start = as_integers("tail_start", start, q, (n.batch,))
    kept = int(idx.shape[-1])
    index = as_integers("idx", idx, q, (n.batch, n.kv_heads, kept))
    count = splits(num_splits, n, q.element_size(), kept)
    dtype = q.dtype if count == 1 else None
    o, lse = attend(q, n, scale, cache=(k, v, lengths), splits=count, chosen=(index, start), dtype=dtype)
    return (o[0], lse[0]) if count == 1 else merge_states(o, lse, dtype=q.dtype)

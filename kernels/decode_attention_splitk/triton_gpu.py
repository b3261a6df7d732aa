"""Attention over a cache in one Triton program per request, key head, split and tile of rows."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._attention_arguments import Sizes
from tightbound.kernels._attention_triton import as_integers, attend, splits, tensors, variants

VARIANTS = variants()


def decode_attention_splitk(
    q: Any, k: Any, v: Any, kv_len: Any, n: Sizes, scale: float, num_splits: int | None, storage: str | None
) -> tuple[Any, Any]:
    """Return o and lse of every split; see `tightbound.kernels.decode_attention_splitk`."""
    q, k, v = tensors({"q": q, "k": k, "v": v}, n, storage)
    lengths = as_integers("kv_len", kv_len, q, (n.batch,))
    return attend(q, n, scale, cache=(k, v, lengths), splits=splits(num_splits, n, q.element_size()))

"""Attention over a ring in one Triton program per request, key head and tile of rows."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._attention_arguments import Sizes
from tightbound.kernels._attention_triton import as_integers, attend, splits, tensors, variants
from tightbound.kernels.merge_states.triton_gpu import merge_states

VARIANTS = variants(some=True, ring=True)


def window_attention(
    q: Any,
    k_ring: Any,
    v_ring: Any,
    ring_pos: Any,
    n: Sizes,
    scale: float,
    window: int,
    sinks: int,
    storage: str | None,
) -> tuple[Any, Any]:
    """Return o and lse; see `tightbound.kernels.window_attention.window_attention`."""
    q, k, v = tensors({"q": q, "k_ring": k_ring, "v_ring": v_ring}, n, storage)
    if ring_pos is None:
        raise TypeError("ring_pos is None: give the number of tokens written so far, one integer per request")
    written = as_integers("ring_pos", ring_pos, q, (n.batch,))
    count = splits(None, n, q.element_size())
    dtype = q.dtype if count == 1 else None
    o, lse = attend(q, n, scale, cache=(k, v, written), splits=count, ring=(window, sinks), dtype=dtype)
    return (o[0], lse[0]) if count == 1 else merge_states(o, lse, dtype=q.dtype)

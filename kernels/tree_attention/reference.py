"""Attention under a mask in float64: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import Sizes, as_mask, as_stored, finite
from tightbound.kernels._attention_reference import attend

Array = NDArray[np.float64]


def tree_attention(
    q: Any, k_spec: Any, v_spec: Any, tree_mask: Any, n: Sizes, scale: float, storage: str | None
) -> tuple[Array, Array]:
    """Return o and lse of every row; see `tightbound.kernels.tree_attention.tree_attention`."""
    queries, keys, values = (
        as_stored(name, x, storage).float64()
        for name, x in (("q", q), ("k_spec", k_spec), ("v_spec", v_spec))
    )
    seen = as_mask("tree_mask", tree_mask, (n.batch, n.rows, n.keys)).astype(bool)
    states = [attend(queries[b], keys[b], values[b], seen[b], scale) for b in range(n.batch)]
    o, lse = (np.stack(part) for part in zip(*states, strict=True))
    finite(o, lse)
    return o, lse

"""Attention under a mask in compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import Sizes, as_mask, as_stored
from tightbound.kernels._attention_numba import attend


def tree_attention(
    q: Any, k_spec: Any, v_spec: Any, tree_mask: Any, n: Sizes, scale: float, storage: str | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return o and lse of every row; see `tightbound.kernels.tree_attention.tree_attention`."""
    queries, keys, values = (
        as_stored(name, x, storage) for name, x in (("q", q), ("k_spec", k_spec), ("v_spec", v_spec))
    )
    mask = as_mask("tree_mask", tree_mask, (n.batch, n.rows, n.keys))
    o, lse = attend(queries, keys, values, scale, np.full(n.batch, n.keys), mask=mask)
    return o[0], lse[0].astype(np.float32)

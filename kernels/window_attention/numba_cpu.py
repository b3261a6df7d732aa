"""Attention over a ring in compiled loops: a mask of rows and slots says what each row sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import Sizes, as_stored
from tightbound.kernels._attention_numba import attend, rounded
from tightbound.kernels.window_attention.reference import positions


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
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return o and lse; see `tightbound.kernels.window_attention.window_attention`."""
    queries, keys, values = (
        as_stored(name, x, storage) for name, x in (("q", q), ("k_ring", k_ring), ("v_ring", v_ring))
    )
    written = positions(ring_pos, n)
    last = written[:, None] - 1
    slots = np.arange(n.keys)
    held = np.where(slots < sinks, slots, last - (last - slots) % (n.keys - sinks))[:, None]
    now = (written[:, None] - n.rows + np.arange(n.rows))[..., None]
    seen = (held <= now) & ((held > now - window) | (slots < sinks))
    o, lse = attend(queries, keys, values, scale, np.minimum(written, n.keys), mask=seen.astype(np.uint8))
    return rounded(o[0], queries), lse[0].astype(np.float32)

"""Attention over the window, position by position, in float64: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import Sizes, as_counts, as_stored, finite
from tightbound.kernels._attention_reference import attend

Array = NDArray[np.float64]
MOST = np.iinfo(np.int32).max


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
) -> tuple[Array, Array]:
    """Return o and lse; see `tightbound.kernels.window_attention.window_attention`."""
    from tightbound.kernels.window_attention import ring_slots

    named = (("q", q), ("k_ring", k_ring), ("v_ring", v_ring))
    queries, keys, values = (as_stored(name, x, storage).float64() for name, x in named)
    written = positions(ring_pos, n)
    o, lse = np.empty((n.batch, n.rows, n.heads, n.dim)), np.empty((n.batch, n.rows, n.heads))
    for b in range(n.batch):
        for m in range(n.rows):
            now = written[b] - n.rows + m
            seen = np.arange(now + 1)
            slots = ring_slots(seen[(seen > now - window) | (seen < sinks)], n.keys, sinks=sinks)
            state = attend(queries[b, m : m + 1], keys[b, slots], values[b, slots], None, scale)
            o[b, m], lse[b, m] = state[0][0], state[1][0]
    finite(o, lse)
    return o, lse


def positions(ring_pos: Any, n: Sizes) -> NDArray[np.int64]:
    """Return how many tokens have been written, those of the queries among them."""
    if ring_pos is None:
        raise TypeError("ring_pos is None: give the number of tokens written so far, one integer per request")
    written = as_counts("ring_pos", ring_pos, n.batch, MOST, default=0)
    if written.min() < n.rows:
        raise ValueError(
            f"ring_pos contains {written.min()}: it counts the {n.rows} rows of q, whose keys are written; "
            f"give at least {n.rows}"
        )
    return written

"""Trees of drafts in numba.cuda, one thread per node."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda as _cuda

from tightbound.kernels._inputs import to_numpy

cuda: Any = _cuda  # has no types

THREADS = 32


@cuda.jit
def fill(parent, token, start, tokens, child, sibling, positions, mask):  # type: ignore[no-untyped-def]
    """Fill in what belongs to one node."""
    at = cuda.grid(1)
    nodes = parent.shape[1]
    if at < parent.shape[0] * nodes:
        b, i = at // nodes, at % nodes
        above = parent[b, i]
        positions[b, i] = start[b]
        if i == 0 or above >= 0:
            tokens[b, i] = token[b, i]
            mask[b, i, i] = 1
            node, depth = above, 0
            while node >= 0:
                mask[b, i, node] = 1
                depth += 1
                node = parent[b, node]
            positions[b, i] += depth
            for j in range(nodes - 1, i, -1):  # backwards, so that the first one stays
                if parent[b, j] == i:
                    child[b, i] = j
                if i > 0 and parent[b, j] == above:
                    sibling[b, i] = j


def build_tree(parent: Any, token: Any, prefix_len: Any) -> tuple[Any, ...]:
    """Build all trees; arguments have been checked."""
    given = [to_numpy(array, np.int32) for array in (parent, token, prefix_len)]
    batch, nodes = given[0].shape
    tokens, positions = (np.zeros((batch, nodes), np.int32) for _ in range(2))
    child, sibling = (np.full((batch, nodes), -1, np.int32) for _ in range(2))
    mask = np.zeros((batch, nodes, nodes), np.uint8)
    if batch:
        fill[(batch * nodes + THREADS - 1) // THREADS, THREADS](
            *given, tokens, child, sibling, positions, mask
        )
    index = np.arange(batch * nodes, dtype=np.int32).reshape(batch, nodes)
    return tokens, index, child, sibling, positions, mask

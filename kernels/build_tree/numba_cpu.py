"""Trees of drafts compiled for the CPU; they are too small to be worth a thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tightbound.kernels._inputs import to_numpy


@njit(cache=True)
def fill(parent, token, start, tokens, child, sibling, positions, mask):  # type: ignore[no-untyped-def]
    """Fill in all trees, node by node after its parent."""
    batch, nodes = parent.shape
    last = np.empty(nodes, np.int32)  # youngest child so far
    for b in range(batch):
        last[:] = -1
        for i in range(nodes):
            above = parent[b, i]
            positions[b, i] = start[b]
            if i > 0 and above >= 0:
                mask[b, i] = mask[b, above]
                positions[b, i] = positions[b, above] + 1
                if last[above] < 0:
                    child[b, above] = i
                else:
                    sibling[b, last[above]] = i
                last[above] = i
            if i == 0 or above >= 0:
                mask[b, i, i] = 1
                tokens[b, i] = token[b, i]


def build_tree(parent: Any, token: Any, prefix_len: Any) -> tuple[Any, ...]:
    """Build all trees; arguments have been checked."""
    given = [to_numpy(array, np.int32) for array in (parent, token, prefix_len)]
    batch, nodes = given[0].shape
    tokens, positions = np.zeros((2, batch, nodes), np.int32)
    child, sibling = np.full((2, batch, nodes), -1, np.int32)
    mask = np.zeros((batch, nodes, nodes), np.uint8)
    arguments = (*given, tokens, child, sibling, positions, mask)
    fill(*arguments)
    index = np.arange(batch * nodes, dtype=np.int32).reshape(batch, nodes)
    return tokens, index, child, sibling, positions, mask

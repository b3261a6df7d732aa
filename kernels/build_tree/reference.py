"""Trees of drafts: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._inputs import to_numpy


def build_tree(parent: Any, token: Any, prefix_len: Any) -> tuple[Any, ...]:
    """Build each tree; arguments have been checked."""
    parent, token, start = to_numpy(parent), to_numpy(token), to_numpy(prefix_len)
    batch, nodes = parent.shape
    mask = np.zeros((batch, nodes, nodes), np.uint8)
    child, sibling = np.full((2, batch, nodes), -1, np.int32)
    for b in range(batch):
        for i in range(nodes):
            above = parent[b, i]
            if i > 0 and above < 0:
                continue
            if i > 0:
                mask[b, i] = mask[b, above]
                older = np.flatnonzero(parent[b, :i] == above)
                if older.size:
                    sibling[b, older[-1]] = i
                else:
                    child[b, above] = i
            mask[b, i, i] = 1
    depth = np.maximum(mask.sum(axis=-1, dtype=np.int32) - 1, 0)
    present = mask.any(axis=-1)
    index = np.arange(batch * nodes, dtype=np.int32).reshape(batch, nodes)
    tokens = np.where(present, token, 0).astype(np.int32)
    return tokens, index, child, sibling, (start[:, np.newaxis] + depth).astype(np.int32), mask

"""Trees of chosen drafts compiled for the CPU: requests in parallel, one pass over one row of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from tightbound.kernels._inputs import to_float, to_numpy
from tightbound.kernels._kernel_inverse_cdf import allowed, blocks, draw_without


@njit(cache=True)
def one(b, tokens, index, child, sibling, coins, finals, p, predicts, path, accepted):  # type: ignore[no-untyped-def]
    """Walk the tree of request b."""
    banned = np.empty(tokens.shape[1], np.int32)
    node, depth, rejected, upto = 0, 0, 0, 0.0
    pointer = child[b, 0]
    path[b, 0] = index[b, 0]
    while pointer >= 0:
        token = tokens[b, pointer]
        new = allowed(token, banned[:rejected])
        if new:
            upto += np.float64(p[b, node, token])
        if new and coins[b, node] < upto:
            predicts[index[b, node]] = token
            node, rejected, upto = int(pointer), 0, 0.0
            depth += 1
            path[b, depth] = index[b, node]
            pointer = child[b, node]
        else:
            if new:
                banned[rejected] = token
                rejected += 1
            pointer = sibling[b, pointer]
    sums = np.empty(blocks(p.shape[2]))
    predicts[index[b, node]] = draw_without(p[b, node], banned[:rejected], finals[b], sums)
    accepted[b] = depth


@njit(cache=True, parallel=True)
def many(tokens, index, child, sibling, coins, finals, p, predicts, path, accepted):  # type: ignore[no-untyped-def]
    """Walk all trees."""
    for b in prange(tokens.shape[0]):
        one(np.int64(b), tokens, index, child, sibling, coins, finals, p, predicts, path, accepted)


def tree_speculative_sampling_target_only(
    tokens: Any, index: Any, child: Any, sibling: Any, uniform: Any, uniform_final: Any, target_probs: Any
) -> tuple[Any, Any, Any]:
    """Walk all trees; arguments have been checked."""
    links = [to_numpy(array, np.int32) for array in (tokens, index, child, sibling)]
    shape = links[0].shape
    predicts = np.full(links[0].size, -1, np.int32)
    path, accepted = np.full(shape, -1, np.int32), np.zeros(shape[0], np.int32)
    coins, finals = to_numpy(uniform, np.float64), to_numpy(uniform_final, np.float64)
    arguments = (*links, coins, finals, to_float(target_probs), predicts, path, accepted)
    if shape[0] == 1:  # waking other threads takes longer than one request
        one(0, *arguments)
    else:
        many(*arguments)
    return predicts, path, accepted

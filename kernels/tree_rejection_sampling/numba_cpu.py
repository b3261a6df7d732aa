"""Trees of sampled drafts compiled for the CPU: requests in parallel, one pass per rejected child."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from tightbound.kernels._inputs import to_floats, to_numpy
from tightbound.kernels._kernel_inverse_cdf import ORDER, blocks, draw_without


@njit(cache=True, fastmath=ORDER)
def subtract(law, drafted, scale, weight, left):  # type: ignore[no-untyped-def]
    """Write what a rejection leaves of a law, and return its sum."""
    total = 0.0
    for v in range(law.size):
        left[v] = max(scale * law[v] - weight * drafted[v], 0.0)
        total += left[v]
    return total


@njit(cache=True)
def one(b, tokens, index, child, sibling, coins, finals, p, q, replace, predicts, path, accepted):  # type: ignore[no-untyped-def]
    """Walk the tree of request b; the laws at a node are scale * law and weight * drafted."""
    size = p.shape[2]
    law, drafted, left = np.empty(size), np.empty(size), np.empty(size)
    node, depth = 0, 0
    pointer = child[b, 0]
    path[b, 0] = index[b, 0]
    fresh, scale, weight = True, 1.0, 1.0
    while pointer >= 0:
        token = tokens[b, pointer]
        wanted = np.float64(p[b, node, token]) if fresh else scale * law[token]
        chance = np.float64(q[b, node, token]) if fresh else weight * drafted[token]
        if coins[b, pointer] * chance < wanted:
            predicts[index[b, node]] = token
            node = int(pointer)
            depth += 1
            path[b, depth] = index[b, node]
            pointer = child[b, node]
            fresh, scale, weight = True, 1.0, 1.0
            continue
        if fresh:
            for v in range(size):
                law[v] = p[b, node, v]
                drafted[v] = q[b, node, v]
            fresh = False
        total = subtract(law, drafted, scale, weight, left)
        if total > 0.0:
            law, left, scale = left, law, 1.0 / total
        if not replace:
            drafted[token] = 0.0
            mass = 0.0
            for v in range(size):
                mass += drafted[v]
            weight = 1.0 / mass if mass > 0.0 else 1.0
        pointer = sibling[b, pointer]
    if fresh:
        for v in range(size):
            law[v] = p[b, node, v]
    predicts[index[b, node]] = draw_without(law, np.empty(0, np.int32), finals[b], np.empty(blocks(size)))
    accepted[b] = depth


@njit(cache=True, parallel=True)
def many(tokens, index, child, sibling, coins, finals, p, q, replace, predicts, path, accepted):  # type: ignore[no-untyped-def]
    """Walk all trees."""
    for b in prange(tokens.shape[0]):
        one(
            np.int64(b), tokens, index, child, sibling, coins, finals, p, q, replace, predicts, path, accepted
        )


def tree_rejection_sampling(
    tokens: Any,
    index: Any,
    child: Any,
    sibling: Any,
    uniform: Any,
    uniform_final: Any,
    target_probs: Any,
    draft_probs: Any,
    replace: bool,
) -> tuple[Any, Any, Any]:
    """Walk all trees; arguments have been checked."""
    links = [to_numpy(array, np.int32) for array in (tokens, index, child, sibling)]
    p, q = to_floats(target_probs, draft_probs)
    shape = links[0].shape
    predicts = np.full(links[0].size, -1, np.int32)
    path, accepted = np.full(shape, -1, np.int32), np.zeros(shape[0], np.int32)
    arguments = (
        *links,
        to_numpy(uniform, np.float64),
        to_numpy(uniform_final, np.float64),
        p,
        q,
        bool(replace),
        predicts,
        path,
        accepted,
    )
    if shape[0] == 1:  # waking other threads takes longer than one request
        one(0, *arguments)
    else:
        many(*arguments)
    return predicts, path, accepted

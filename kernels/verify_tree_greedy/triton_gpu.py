"""Greedy verification of trees in Triton, one program per request."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._inputs import to_tensor
from tightbound.kernels._triton_language import jit, tl


@jit
def walk(tokens, index, child, sibling, best, predicts, path, accepted, nodes):  # type: ignore[no-untyped-def]
    """Walk the tree of one request: each step looks at one node, so there are fewer than nodes steps."""
    b = tl.program_id(0)
    first = b * nodes
    here = tl.load(index + first)
    wanted = tl.load(best + first)
    pointer = tl.load(child + first)
    depth = tl.zeros([], tl.int32)
    tl.store(path + first, here)
    tl.store(predicts + here, wanted)
    for _ in range(1, nodes):
        looking = pointer >= 0
        at = first + tl.maximum(pointer, 0)
        hit = (looking & (tl.load(tokens + at) == wanted)) != 0
        depth += hit.to(tl.int32)
        here = tl.load(index + at)
        tl.store(path + first + depth, here, mask=hit)
        wanted = tl.where(hit, tl.load(best + at), wanted)
        tl.store(predicts + here, wanted, mask=hit)
        down, along = tl.load(child + at), tl.load(sibling + at)
        pointer = tl.where(looking, tl.where(hit, down, along), pointer)
    tl.store(accepted + b, depth)


def verify_tree_greedy(tokens: Any, index: Any, child: Any, sibling: Any, best: Any) -> tuple[Any, Any, Any]:
    """Walk on the GPU; arguments have been checked."""
    names = ("candidates", "retrieve_index", "retrieve_next_token", "retrieve_next_sibling", "target_predict")
    given = [
        to_tensor(name, array, "int32")
        for name, array in zip(names, (tokens, index, child, sibling, best), strict=True)
    ]
    batch, nodes = given[0].shape
    predicts, path = given[0].new_full((2, batch, nodes), -1)  # one launch fills both
    predicts, accepted = predicts.view(batch * nodes), given[0].new_empty(batch)
    if batch:
        walk[(batch,)](*given, predicts, path, accepted, nodes, num_warps=1)
    return predicts, path, accepted


_LISTS = ("tokens", "index", "child", "sibling", "best", "predicts", "path", "accepted")
_TYPES = dict.fromkeys(_LISTS, "*i32") | {"nodes": "i32"}
VARIANTS: list[Any] = [("walk", walk, _TYPES, {}, {"num_warps": 1})]

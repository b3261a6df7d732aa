"""Trees of drafts in Triton, one program per node."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._inputs import to_tensor
from tightbound.kernels._triton_inverse_cdf import power_of_two
from tightbound.kernels._triton_language import jit, tl


@jit
def fill(parent, token, start, tokens, index, child, sibling, positions, mask, nodes, NODES: tl.constexpr):  # type: ignore[no-untyped-def]
    """Fill in what belongs to one node."""
    b = tl.program_id(0)
    i = tl.program_id(1)
    at = b * nodes + i
    each = tl.arange(0, NODES)
    parents = tl.load(parent + b * nodes + each, mask=each < nodes, other=-2)
    above = tl.load(parent + at)
    present = ((i == 0) | (above >= 0)) != 0
    row = (present & (each == i)) != 0
    node = tl.where(present, above, -1)
    for _ in range(0, i):
        row = (row | (each == node)) != 0
        node = tl.max(tl.where(each == node, parents, -1), 0)
    depth = tl.sum(row.to(tl.int32), 0) - present.to(tl.int32)
    first = tl.min(tl.where(parents == i, each, 2147483647), 0)
    younger = ((parents == above) & (each > i) & (above >= 0)) != 0
    after = tl.min(tl.where(younger, each, 2147483647), 0)
    tl.store(child + at, tl.where(first < nodes, first, -1))
    tl.store(sibling + at, tl.where(after < nodes, after, -1))
    tl.store(tokens + at, tl.where(present, tl.load(token + at), 0))
    tl.store(index + at, at)
    tl.store(positions + at, tl.load(start + b) + depth)
    tl.store(mask + at.to(tl.int64) * nodes + each, row.to(tl.uint8), mask=each < nodes)


def build_tree(parent: Any, token: Any, prefix_len: Any) -> tuple[Any, ...]:
    """Build on the GPU; arguments have been checked."""
    import torch

    above, given, start = (
        to_tensor(name, array, "int32")
        for name, array in (("parent", parent), ("token", token), ("prefix_len", prefix_len))
    )
    batch, nodes = above.shape
    tokens, index, child, sibling, positions = (torch.empty_like(above) for _ in range(5))
    mask = torch.empty((batch, nodes, nodes), dtype=torch.uint8, device=above.device)
    if batch:
        padded = max(2, power_of_two(nodes))
        fill[(batch, nodes)](
            above,
            given,
            start,
            tokens,
            index,
            child,
            sibling,
            positions,
            mask,
            nodes,
            NODES=padded,
            num_warps=1,
        )
    return tokens, index, child, sibling, positions, mask


_LISTS = ("parent", "token", "start", "tokens", "index", "child", "sibling", "positions")
_TYPES = dict.fromkeys(_LISTS, "*i32") | {"mask": "*u8", "nodes": "i32"}
VARIANTS = [("tree", fill, _TYPES, {"NODES": 128}, {"num_warps": 1})]

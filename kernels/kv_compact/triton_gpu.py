"""Compaction of a cache in Triton, one program per request and head."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._inputs import to_tensor
from tightbound.kernels._triton_inverse_cdf import power_of_two
from tightbound.kernels._triton_language import jit, tl


@jit
def move(  # type: ignore[no-untyped-def]
    source,
    target,
    path,
    number,
    start,
    kv_len,
    rows,
    nodes,
    size,
    source_b,
    source_n,
    source_h,
    target_b,
    target_n,
    target_h,
    SIZE: tl.constexpr,
):
    """Move the rows in ascending order; a byte is always handled by the same thread, so none is overtaken."""
    b = tl.program_id(0).to(tl.int64)
    h = tl.program_id(1)
    each = tl.arange(0, SIZE)
    first = tl.load(start + b).to(tl.int32)
    count = tl.load(number + b).to(tl.int32) + 1
    tl.store(kv_len + b, first + count, mask=h == 0)
    for j in range(0, count):
        row = (first + tl.load(path + b * nodes + j) - b * nodes).to(tl.int64)
        here = ((each < size) & (row < rows)) != 0
        moved = tl.load(source + b * source_b + row * source_n + h * source_h + each, mask=here, other=0)
        to = (first + j).to(tl.int64)
        tl.store(target + b * target_b + to * target_n + h * target_h + each, moved, mask=here)


def kv_compact(source: Any, target: Any, path: Any, number: Any, start: Any) -> Any:
    """Write the rows of each path into ``target``; return how many rows of each request count."""
    import torch

    names = ("accept_index", "accept_token_num", "prefix_len")
    links = [to_tensor(n, a) for n, a in zip(names, (path, number, start), strict=True)]
    for name, array in (("k and v", source), ("out", target)):
        if not hasattr(array, "is_cuda"):
            raise TypeError(f"{name} holds a {type(array).__name__}: backend 'triton' reads torch tensors")
    batch, rows, heads, size = source.shape if source.numel() else (len(source), 0, 1, 0)
    kv_len = torch.empty(batch, dtype=torch.int32, device=source.device)
    if batch:
        move[(batch, heads)](
            source, target, *links, kv_len, rows, links[0].shape[1], size,
            *source.stride()[:3], *target.stride()[:3], SIZE=power_of_two(size), num_warps=4,
        )  # fmt: skip
    return kv_len


_TYPES = dict.fromkeys(("source", "target"), "*u8")
_TYPES |= dict.fromkeys(("path", "number", "start", "kv_len"), "*i32")
_STRIDES = ("source_b", "source_n", "source_h", "target_b", "target_n", "target_h")
_TYPES |= dict.fromkeys(("rows", "nodes", "size", *_STRIDES), "i32")
VARIANTS = [("move", move, _TYPES, {"SIZE": 256}, {"num_warps": 4})]

"""Merging in one Triton program per row."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._attention_triton import as_tensor, computed
from tightbound.kernels._triton_language import jit, tl


@jit
def merge_rows(o, lse, merged, total, parts, rows, dim, BLOCK_D: tl.constexpr):  # type: ignore[no-untyped-def]
    """Merge the states of one row."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK_D)
    inside = column < dim
    top = tl.full([], float("-inf"), tl.float32)
    weight = tl.zeros([], tl.float32)
    acc = tl.zeros([BLOCK_D], tl.float32)
    source = row
    for _ in range(0, parts):
        here = tl.load(lse + source)
        higher = tl.maximum(top, here)
        shift = tl.where(higher == float("-inf"), 0.0, higher)
        before = tl.exp(top - shift)
        share = tl.exp(here - shift)
        part = tl.load(o + source * dim + column, mask=inside, other=0.0).to(tl.float32)
        acc = acc * before + tl.where(share > 0.0, share * part, 0.0)
        weight = weight * before + share
        top = higher
        source += rows
    empty = weight == 0.0
    divisor = tl.where(empty, 1.0, weight)
    tl.store(merged + row * dim + column, (acc / divisor).to(merged.dtype.element_ty), mask=inside)
    tl.store(total + row, tl.where(empty, float("-inf"), top + tl.log(divisor)))


_TYPES = {"o": "*fp32", "lse": "*fp32", "merged": "*fp32", "total": "*fp32"}
_TYPES |= {"parts": "i32", "rows": "i32", "dim": "i32"}
VARIANTS = [(f"merge D={dim}", merge_rows, _TYPES, {"BLOCK_D": dim}, {"num_warps": 1}) for dim in (64, 128)]


def merge_states(o: Any, lse: Any, dtype: Any = None) -> tuple[Any, Any]:
    """Return o and lse of the union; see `tightbound.kernels.merge_states.merge_states`."""
    import torch

    o, lse = as_tensor("o", o).float().contiguous(), as_tensor("lse", lse).float().contiguous()
    parts, *rows, dim = o.shape
    dtype = dtype or torch.float32
    merged = torch.empty((*rows, dim), dtype=computed(dtype), device=o.device)
    total = torch.empty(rows, dtype=torch.float32, device=o.device)
    if total.numel():
        block = 1 << max(0, dim - 1).bit_length()
        merge_rows[(total.numel(),)](
            o, lse, merged, total, parts, total.numel(), dim, BLOCK_D=block, num_warps=1
        )
    return merged.to(dtype), total

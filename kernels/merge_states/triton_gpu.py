"""Merging in one Triton program per row."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._attention_triton import as_tensor, computed
from tightbound.kernels._triton_inverse_cdf import power_of_two
from tightbound.kernels._triton_language import jit, tl


@jit(do_not_specialize=["parts", "rows"])
def merge_rows(  # type: ignore[no-untyped-def]
    o, lse, merged, total, parts, rows, dim, BLOCK_S: tl.constexpr, BLOCK_D: tl.constexpr
):
    """Merge the states of one row, a block of parts at a time."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK_D)
    top = tl.full([], float("-inf"), tl.float32)
    weight = tl.zeros([], tl.float32)
    acc = tl.zeros([BLOCK_D], tl.float32)
    for first in range(0, parts, BLOCK_S):
        part = first + tl.arange(0, BLOCK_S)
        source = part.to(tl.int64) * rows + row
        here = tl.load(lse + source, mask=part < parts, other=float("-inf"))
        inside = ((part < parts)[:, None] & (column < dim)[None, :]) != 0
        states = tl.load(o + source[:, None] * dim + column[None, :], mask=inside, other=0.0).to(tl.float32)
        higher = tl.maximum(top, tl.max(here, 0))
        shift = tl.where(higher == float("-inf"), 0.0, higher)
        before = tl.exp(top - shift)
        shares = tl.exp(here - shift)
        counted = tl.where((shares > 0.0)[:, None], shares[:, None] * states, 0.0)
        acc = acc * before + tl.sum(counted, 0)
        weight = weight * before + tl.sum(shares, 0)
        top = higher
    empty = weight == 0.0
    divisor = tl.where(empty, 1.0, weight)
    tl.store(merged + row * dim + column, (acc / divisor).to(merged.dtype.element_ty), mask=column < dim)
    tl.store(total + row, tl.where(empty, float("-inf"), top + tl.log(divisor)))


def blocks(parts: int, dim: int) -> dict[str, int]:
    """Return tile sizes: few parts fit one warp, which waits for no other; many are read side by side."""
    size = min(32, power_of_two(parts))
    return {"BLOCK_S": size, "BLOCK_D": power_of_two(dim), "num_warps": 1 if size <= 8 else 4}


def variants() -> list[Any]:
    """Return what is compiled ahead of time: few and many parts."""
    types = {"o": "*fp32", "lse": "*fp32", "merged": "*fp32", "total": "*fp32"}
    types |= {"parts": "i32", "rows": "i32", "dim": "i32"}
    found = []
    for parts, kind in ((8, "fp32"), (8, "fp16"), (64, "fp32")):
        for dim in (64, 128):
            sizes = blocks(parts, dim)
            options = {"num_warps": sizes.pop("num_warps")}
            found.append(
                (f"merge S={parts}, D={dim}, {kind}", merge_rows, types | {"o": f"*{kind}"}, sizes, options)
            )
    return found


VARIANTS = variants()


def merge_states(o: Any, lse: Any, dtype: Any = None) -> tuple[Any, Any]:
    """Return o and lse of the union; see `tightbound.kernels.merge_states.merge_states`."""
    import torch

    o, lse = as_tensor("o", o).contiguous(), as_tensor("lse", lse).float().contiguous()
    parts, *rows, dim = o.shape
    dtype = dtype or torch.float32
    merged = torch.empty((*rows, dim), dtype=computed(dtype), device=o.device)
    total = torch.empty(rows, dtype=torch.float32, device=o.device)
    if total.numel():
        rows_in_all = total.numel()
        merge_rows[(rows_in_all,)](o, lse, merged, total, parts, rows_in_all, dim, **blocks(parts, dim))
    return merged.to(dtype), total

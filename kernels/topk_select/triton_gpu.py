"""Attention of a window in Triton programs, selection of the best of a row among few candidates."""

from __future__ import annotations

from typing import Any

from tightbound.kernels import _triton_filter as filtering
from tightbound.kernels._attention_arguments import Sizes
from tightbound.kernels._attention_triton import (
    LOG2E,
    as_integers,
    as_tensor,
    blocks,
    computed,
    splits,
    tensors,
)
from tightbound.kernels._triton_filter import (
    bound_for,
    collect_reaching,
    highest_of_groups,
    keep_best,
    load_found,
)
from tightbound.kernels._triton_inverse_cdf import power_of_two
from tightbound.kernels._triton_language import jit, tl
from tightbound.kernels._triton_ranking import find_cut, write_places
from tightbound.kernels.topk_select._kernel_mass_triton import attention_shares, attention_sums, merge_sums

BLOCK = 2048
SUMS = 1024  # rows at a time whose log-sum-exps are merged
WARPS = 8  # of the one program per row that selects


@jit(do_not_specialize=["number"])
def select(  # type: ignore[no-untyped-def]
    mass,
    chosen,
    groups,
    found,
    size,
    number,
    FILTERED: tl.constexpr,
    SPAN: tl.constexpr,
    CAPACITY: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the ``number`` best of one row, in the order of their places."""
    row = tl.program_id(0).to(tl.int64)
    base = row * size
    chosen += row * number
    count = tl.full([], CAPACITY + 1, tl.int32)
    if FILTERED:
        mine, keys = found + row * 2 * CAPACITY, groups + row * SPAN
        highest = tl.load(keys + tl.arange(0, SPAN))
        count = collect_reaching(
            mass, base, size, highest, bound_for(highest, number), keys, mine, SPAN, CAPACITY
        )
        if count <= CAPACITY:
            places, entries = load_found(mine, count, CAPACITY)
            kept = keep_best(entries, number)
            tl.store(chosen + tl.cumsum(kept.to(tl.int32), 0) - 1, places, mask=kept)
    if count > CAPACITY:
        zero, least = tl.zeros([], tl.float32), tl.zeros([], tl.float64) + number
        everything, end = tl.full([], -2147483648, tl.int32), tl.zeros([], tl.int32) + size
        key, last = find_cut(mass, base, size, zero, zero, zero, everything, end, least, True, BLOCK)
        write_places(mass, base, size, key, last, chosen, BLOCK)


def _turned(launch: dict[str, int]) -> dict[str, int]:
    """Return tile sizes with keys as the rows of a tile."""
    return launch | {"BLOCK_M": launch["BLOCK_N"], "BLOCK_N": launch["BLOCK_M"]}


def _mass_variants() -> list[Any]:
    found = []
    for kind, itemsize in (("fp16", 2), ("fp32", 4)):
        types = dict.fromkeys(("q", "k"), f"*{kind}:16") | {"lengths": "*i32:16", "factor": "fp32"}
        types |= dict.fromkeys(("lse", "mass", "merged"), "*fp32:16")
        sizes = "batch rows heads kv_heads all_keys splits candidates".split()
        types |= dict.fromkeys(sizes, "i32") | dict.fromkeys(("k_batch", "k_key", "k_head"), "i64:16")
        for name, program, launch in (
            ("sums", attention_sums, blocks(64, 128, itemsize)),
            ("sums of many rows", attention_sums, blocks(256, 128, itemsize)),
            ("shares", attention_shares, _turned(blocks(32_768, 128, itemsize))),
        ):
            options = {option: launch.pop(option) for option in ("num_warps", "num_stages")}
            constants = {"D": 128, "HAS_LENGTHS": True, "WIDEN": False} | launch
            found.append((f"{name}, {kind}", program, types, constants, options))
    types = {"lse": "*fp32", "merged": "*fp32", "splits": "i32", "rows": "i32"}
    found.append(("merge sums", merge_sums, types, {"BLOCK": SUMS}, {"num_warps": 4}))
    return found


def _selection_variants() -> list[Any]:
    span, columns = filtering.span(filtering.GROUPS)
    types = {"values": "*fp16", "groups": "*i32", "size": "i32"}
    constants = {"SPAN": span, "BLOCK": columns, "AHEAD": filtering.AHEAD}
    options = {"num_warps": filtering.COLUMN_WARPS}
    found: list[Any] = [("highest of groups", highest_of_groups, types, constants, options)]
    types = {"mass": "*fp32", "chosen": "*i32", "groups": "*i32", "found": "*i32"}
    types |= {"size": "i32", "number": "i32"}
    constants = {"SPAN": span, "CAPACITY": filtering.CAPACITY}
    for filtered in (True, False):
        sizes = constants | {"FILTERED": filtered, "BLOCK": BLOCK}
        found.append((f"select FILTERED={filtered}", select, types, sizes, {"num_warps": WARPS}))
    return found


VARIANTS = _mass_variants() + _selection_variants()


def attention_mass(
    q: Any, k: Any, kv_len: Any, n: Sizes, candidates: int, scale: float, storage: str | None
) -> Any:
    """Return the mass of every candidate; see `tightbound.kernels.topk_select.attention_mass`."""
    import torch

    q, k = tensors({"q": q, "k": k}, n, storage)
    q, given = q.contiguous(), as_integers("kv_len", kv_len, q, (n.batch,))
    lengths = q if given is None else given
    mass = torch.empty((n.batch, n.kv_heads, candidates), dtype=torch.float32, device=q.device)
    if not candidates:
        return mass
    launch = blocks(n.rows * n.group, n.dim, q.element_size())
    turned = _turned(blocks(candidates, n.dim, q.element_size()))
    parts = splits(None, n, q.element_size())
    rows = n.batch * n.rows * n.heads
    lse = torch.empty((parts, rows), dtype=torch.float32, device=q.device)
    whole = lse[0] if parts == 1 else torch.empty_like(lse[0])
    flags = {"D": n.dim, "HAS_LENGTHS": given is not None, "WIDEN": computed(q.dtype) != q.dtype}
    sizes, strides, factor = (n.rows, n.heads, n.kv_heads, n.keys), k.stride()[:3], scale * LOG2E
    tiles = -(-n.rows * n.group // launch["BLOCK_M"])
    attention_sums[(parts * tiles, n.kv_heads, n.batch)](
        q, k, lengths, lse, factor, n.batch, *sizes, parts, *strides, **flags, **launch
    )
    if parts > 1:
        merge_sums[(-(-rows // SUMS),)](lse, whole, parts, rows, BLOCK=SUMS)
    attention_shares[(-(-candidates // turned["BLOCK_N"]), n.kv_heads, n.batch)](
        q, k, lengths, whole, mass, factor, *sizes, candidates, *strides, **flags, **turned
    )
    return mass


def topk_select(mass: Any, num_keys: int) -> Any:
    """Return the keys of largest mass; see `tightbound.kernels.topk_select.topk_select`."""
    import torch

    scores = as_tensor("mass", mass).contiguous()
    size = scores.shape[-1]
    number = min(num_keys, size)
    chosen = torch.empty((*scores.shape[:-1], number), dtype=torch.int32, device=scores.device)
    if not chosen.numel():
        return chosen
    rows, capacity = chosen.numel() // number, filtering.CAPACITY
    span, columns = filtering.span(size)
    filtered = number <= 3 * capacity // 4 or size <= capacity
    groups, found = chosen, chosen
    if filtered:
        groups = torch.empty((rows, span), dtype=torch.int32, device=scores.device)
        found = torch.empty((rows, 2 * capacity), dtype=torch.int32, device=scores.device)
        highest_of_groups[(rows * (span // columns),)](
            scores, groups, size,
            SPAN=span, BLOCK=columns, AHEAD=filtering.AHEAD, num_warps=filtering.COLUMN_WARPS,
        )  # fmt: skip
    block = min(BLOCK, max(16, power_of_two(size)))
    select[(rows,)](
        scores, chosen, groups, found, size, number,
        FILTERED=filtered, SPAN=span, CAPACITY=capacity, BLOCK=block, num_warps=WARPS,
    )  # fmt: skip
    return chosen

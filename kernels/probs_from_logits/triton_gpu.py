"""Probabilities from logits in Triton, many programs per row.

Without cuts a row is read twice: for its sum, and to write its law. With cuts it is read once, for the
highest logit of every group of tokens; one program per row then looks at few candidates, and writes what it
keeps over zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels import _triton_filter as filtering
from tightbound.kernels._inputs import is_tensor, to_numbers, to_tensor
from tightbound.kernels._triton_inverse_cdf import CHUNK, chunks, power_of_two
from tightbound.kernels.probs_from_logits._kernel_cuts_triton import cut_rows, highest_of_groups
from tightbound.kernels.probs_from_logits._kernel_softmax_triton import sums_of_chunks, write_laws

CHUNK_WARPS = 4  # of a program without cuts
BLOCK = 2048  # tokens at a time of a search of a whole row
WARPS = 8  # of the one program per row that finds cuts


def probs_from_logits(logits: Any, temperature: Any, top_k: Any, top_p: Any) -> Any:
    """Rows on the GPU; parameters (rows,) have been checked."""
    import torch

    rows = to_tensor("logits", logits)
    if rows.dtype == torch.float64:
        raise TypeError("logits has dtype float64: backend 'triton' reads float32, float16 and bfloat16")
    out = torch.empty(rows.shape, dtype=torch.float32, device=rows.device)
    if not len(rows):
        return out
    # whether a cut is needed is only known of numbers that came from the CPU
    has_k = is_tensor(temperature) or is_tensor(top_k) or bool(np.any((temperature == 0.0) | (top_k > 0)))
    has_p = is_tensor(top_p) or bool(np.any(top_p < 1.0))
    given = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    t, k, share = (_sent(name, value, rows) for name, value in given.items())
    if has_k or has_p:
        # the likeliest tokens that hold a share are often more than those of a top-k
        _cut(rows, t, k, share, out, filtering.CAPACITY * (1 if has_k else 2))
    else:
        _softmax(rows, t, out)
    return out


def _sent(name: str, values: Any, rows: Any) -> Any:
    """Return numbers beside the rows, or, where they are one number on the CPU, its bits.

    A transfer waits for all that was launched before, bits do not.
    """
    import torch

    if is_tensor(values):
        return to_numbers(name, values)
    numbers = np.asarray(values, np.float64)
    if (numbers == numbers[0]).all():
        return int(numbers[:1].view(np.int64)[0])
    return torch.as_tensor(numbers, device=rows.device)


def _softmax(rows: Any, t: Any, out: Any) -> None:
    import torch

    vocabulary = rows.shape[1]
    count, several, block = chunks(vocabulary)
    launch = {"BLOCK": block, "num_warps": CHUNK_WARPS}
    tops = out.new_empty((len(rows), count))
    sums = torch.empty_like(tops, dtype=torch.float64)
    sums_of_chunks[(tops.numel(),)](rows, t, tops, sums, vocabulary, count, **launch)
    write_laws[(tops.numel(),)](rows, t, out, tops, sums, vocabulary, count, COUNT=several, **launch)


def _cut(rows: Any, t: Any, k: Any, share: Any, out: Any, capacity: int) -> None:
    import torch

    vocabulary = rows.shape[1]
    span, columns = filtering.span(vocabulary)
    count = span // columns
    groups = torch.empty((len(rows), span), dtype=torch.int32, device=out.device)
    found = torch.empty((len(rows), 2 * capacity), dtype=torch.int32, device=out.device)
    tops = out.new_empty((len(rows), count))
    sums = torch.empty_like(tops, dtype=torch.float64)
    scratch = (rows, t, k, share, out, groups, tops, sums)
    highest_of_groups[(tops.numel(),)](
        *scratch,
        vocabulary,
        SPAN=span,
        BLOCK=columns,
        AHEAD=filtering.AHEAD,
        num_warps=filtering.COLUMN_WARPS,
    )
    block = min(BLOCK, max(16, power_of_two(vocabulary)))
    sizes = {"SPAN": span, "COUNT": count, "CAPACITY": capacity, "BLOCK": block}
    cut_rows[(len(rows),)](*scratch, found, vocabulary, **sizes, num_warps=WARPS)


_TYPES = {"temperature": "*fp64", "top_k": "*i64", "top_p": "*fp64", "out": "*fp32"}
_TYPES |= {"groups": "*i32", "tops": "*fp32", "sums": "*fp64", "found": "*i32"}
_TYPES |= {"vocabulary": "i32", "count": "i32"}
_CUT = {"SPAN": filtering.GROUPS, "COUNT": filtering.GROUPS // filtering.COLUMNS, "BLOCK": BLOCK}
_GROUPS = {"SPAN": filtering.GROUPS, "BLOCK": filtering.COLUMNS, "AHEAD": filtering.AHEAD}


def _variants() -> list[Any]:
    found = []
    for program, constants, warps, kinds in (
        (sums_of_chunks, {"BLOCK": CHUNK}, CHUNK_WARPS, ("*bf16", "*fp16")),
        (write_laws, {"COUNT": 32, "BLOCK": CHUNK}, CHUNK_WARPS, ("*bf16", "*fp32")),
        (highest_of_groups, _GROUPS, filtering.COLUMN_WARPS, ("*bf16", "*fp32")),
        (cut_rows, _CUT | {"CAPACITY": filtering.CAPACITY}, WARPS, ("*fp16",)),
        (cut_rows, _CUT | {"CAPACITY": 2 * filtering.CAPACITY}, WARPS, ("*fp32",)),
    ):
        for kind in kinds:
            name = f"{program.__name__}, {kind[1:]}"
            one = {"temperature": "i64"} if kind == "*bf16" else {}  # one for all rows
            types = _TYPES | {"logits": kind} | one
            found.append((name, program, types, constants, {"num_warps": warps}))
    return found


VARIANTS = _variants()

"""Probabilities from logits in Triton, many programs per row.

Without cuts a row is read twice: for its sum, and to write its law. With a top-k of few tokens it is read
once, for the highest logit of every group of tokens; one program per row then looks at few candidates, and
writes what it keeps over zeros. With top-p alone, or a large top-k, many programs look for candidates, and
write the law where that is more than these.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels import _triton_filter as filtering
from tightbound.kernels._inputs import is_tensor, to_numbers, to_tensor
from tightbound.kernels._triton_inverse_cdf import CHUNK, chunks, power_of_two
from tightbound.kernels.probs_from_logits._kernel_bounds_triton import find_bounds, sums_of_bounds
from tightbound.kernels.probs_from_logits._kernel_cuts_triton import cut_few, highest_of_groups
from tightbound.kernels.probs_from_logits._kernel_parts_triton import collect_parts, cut_rows, write_rows
from tightbound.kernels.probs_from_logits._kernel_softmax_triton import sums_of_chunks, write_laws

CHUNK_WARPS = 4  # of a program that has a chunk of a row
BLOCK = 2048  # tokens at a time of a search of a whole row
COLLECTED = 1024  # tokens at a time of those that may be candidates
WARPS = 8  # of a program that has a row
PARTS = 16  # of a row, whose candidates are collected apart
SEGMENT = 256  # candidates of a part, at most


def probs_from_logits(logits: Any, temperature: Any, top_k: Any, top_p: Any) -> Any:
    """Rows on the GPU; parameters (rows,) have been checked."""
    import torch

    rows = to_tensor("logits", logits)
    if rows.dtype == torch.float64:
        raise TypeError("logits has dtype float64: backend 'triton' reads float32, float16 and bfloat16")
    out = torch.empty(rows.shape, dtype=torch.float32, device=rows.device)
    if not len(rows):
        return out
    given = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    t, k, share = (_sent(name, value, rows) for name, value in given.items())
    if not _cuts(temperature, top_k, top_p):
        _softmax(rows, t, out)
    elif is_tensor(top_k) or bool(np.all((top_k > 0) & (top_k <= filtering.CAPACITY // 2))):
        _cut_few(rows, t, k, share, out)
    else:
        if bool(np.any(top_k > 0)) and _cuts(1.0, 0, top_p):
            # a row is cut by rank or by weight: the latter is a second cut, of what the first leaves
            _cut_many(rows, t, k, _sent("top_p", np.ones(1), rows), out)
            rows, k = rows.masked_fill(out == 0.0, -float("inf")), _sent("top_k", np.zeros(1), rows)
        _cut_many(rows, t, k, share, out)
    return out


def _cuts(temperature: Any, top_k: Any, top_p: Any) -> bool:
    """Whether a row may be cut, which is only known of numbers that came from the CPU."""
    if any(map(is_tensor, (temperature, top_k, top_p))):
        return True
    return bool(np.any(np.equal(temperature, 0.0) | np.greater(top_k, 0) | np.less(top_p, 1.0)))


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


def _highest(rows: Any, t: Any, k: Any, share: Any, out: Any) -> tuple[Any, ...]:
    """Return keys of groups, and the highest logits and the sums of parts of rows."""
    import torch

    span, columns = filtering.span(rows.shape[1])
    groups = torch.empty((len(rows), span), dtype=torch.int32, device=out.device)
    tops = out.new_empty((len(rows), span // columns))
    sums = torch.empty_like(tops, dtype=torch.float64)
    highest_of_groups[(tops.numel(),)](
        rows, t, k, share, out, groups, tops, sums, rows.shape[1],
        SPAN=span, BLOCK=columns, AHEAD=filtering.AHEAD, num_warps=filtering.COLUMN_WARPS,
    )  # fmt: skip
    return groups, tops, sums


def _cut_few(rows: Any, t: Any, k: Any, share: Any, out: Any) -> None:
    vocabulary = rows.shape[1]
    groups, tops, sums = _highest(rows, t, k, share, out)
    found = groups.new_empty((len(rows), 2 * filtering.CAPACITY))
    sizes = {"SPAN": groups.shape[1], "COUNT": tops.shape[1], "CAPACITY": filtering.CAPACITY}
    cut_few[(len(rows),)](
        rows, t, k, share, out, groups, tops, sums, found, vocabulary,
        BLOCK=_block(vocabulary), num_warps=WARPS, **sizes,
    )  # fmt: skip


def _cut_many(rows: Any, t: Any, k: Any, share: Any, out: Any) -> None:
    vocabulary = rows.shape[1]
    groups, tops, sums = _highest(rows, t, k, share, out)
    count, several, chunk = chunks(vocabulary)
    bounds, cuts = groups.new_empty((len(rows), 16)), groups.new_empty((len(rows), 2))
    columns, found = groups.new_empty(groups.shape), groups.new_empty((len(rows), PARTS, 2 * SEGMENT))
    numbers = groups.new_empty((len(rows), PARTS))
    highest, scales = out.new_empty(len(rows)), out.new_empty(len(rows))
    reached, targets = sums.new_empty((len(rows), count, 16)), sums.new_empty(len(rows))
    given, known = (rows, t, k, share), (bounds, reached, targets)
    launch = {"BLOCK": chunk, "num_warps": CHUNK_WARPS}
    parts = {"COUNT": several, "PARTS": PARTS, "SEGMENT": SEGMENT}
    # a group that reaches a bound has a candidate or some more
    sizes = {"SPAN": groups.shape[1], "COUNT": tops.shape[1], "MOST": SEGMENT * PARTS * 9 // 16}
    find_bounds[(len(rows),)](
        *given, groups, tops, sums, bounds, highest, targets, vocabulary, num_warps=WARPS, **sizes
    )
    sums_of_bounds[(len(rows) * count,)](*given, bounds, highest, reached, vocabulary, count, **launch)
    collect_parts[(len(rows) * PARTS,)](
        rows, groups, *known, columns, found, numbers, vocabulary, count,
        SPAN=groups.shape[1], BLOCK=COLLECTED, num_warps=CHUNK_WARPS, **parts,
    )  # fmt: skip
    cut_rows[(len(rows),)](
        *given, tops, sums, *known, found, numbers, out, cuts, scales, vocabulary, count,
        GROUPS=tops.shape[1], BLOCK=_block(vocabulary), num_warps=WARPS, **parts,
    )  # fmt: skip
    write_rows[(len(rows) * count,)](rows, t, out, highest, cuts, scales, vocabulary, count, **launch)


def _block(vocabulary: int) -> int:
    return min(BLOCK, max(16, power_of_two(vocabulary)))


_TYPES = {"temperature": "*fp64", "top_k": "*i64", "top_p": "*fp64"}
_TYPES |= dict.fromkeys(("out", "tops", "highest_logits", "scales"), "*fp32")
_TYPES |= dict.fromkeys(("groups", "columns", "bounds", "found", "numbers", "cuts"), "*i32")
_TYPES |= dict.fromkeys(("sums", "reached", "targets"), "*fp64")
_TYPES |= {"vocabulary": "i32", "count": "i32"}
_GROUPS = {"SPAN": filtering.GROUPS, "BLOCK": filtering.COLUMNS, "AHEAD": filtering.AHEAD}
_ROW = {"SPAN": filtering.GROUPS, "COUNT": filtering.GROUPS // filtering.COLUMNS}
_FEW = _ROW | {"CAPACITY": filtering.CAPACITY, "BLOCK": BLOCK}
_PARTS = {"COUNT": 32, "PARTS": PARTS, "SEGMENT": SEGMENT}
_COLLECT = _PARTS | {"SPAN": filtering.GROUPS, "BLOCK": COLLECTED}
_CUT = _PARTS | {"GROUPS": filtering.GROUPS // filtering.COLUMNS, "BLOCK": BLOCK}


def _variants() -> list[Any]:
    found = []
    for program, constants, warps, kinds in (
        (sums_of_chunks, {"BLOCK": CHUNK}, CHUNK_WARPS, ("*bf16", "*fp16")),
        (write_laws, {"COUNT": 32, "BLOCK": CHUNK}, CHUNK_WARPS, ("*bf16", "*fp32")),
        (highest_of_groups, _GROUPS, filtering.COLUMN_WARPS, ("*bf16", "*fp32")),
        (cut_few, _FEW, WARPS, ("*fp16", "*fp32")),
        (find_bounds, _ROW | {"MOST": SEGMENT * PARTS * 9 // 16}, WARPS, ("*fp16",)),
        (sums_of_bounds, {"BLOCK": CHUNK}, CHUNK_WARPS, ("*bf16",)),
        (collect_parts, _COLLECT, CHUNK_WARPS, ("*fp16", "*fp32")),
        (cut_rows, _CUT, WARPS, ("*fp32",)),
        (write_rows, {"BLOCK": CHUNK}, CHUNK_WARPS, ("*bf16", "*fp32")),
    ):
        for kind in kinds:
            name = f"{program.__name__}, {kind[1:]}"
            one = {"temperature": "i64"} if kind == "*bf16" else {}  # one for all rows
            types = _TYPES | {"logits": kind} | one
            found.append((name, program, types, constants, {"num_warps": warps}))
    return found


VARIANTS = _variants()

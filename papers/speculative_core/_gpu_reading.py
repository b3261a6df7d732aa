"""What attention over kept keys cannot be faster than: a program that reads them and hardly computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tightbound.kernels._triton_language import jit, tl

PART, BLOCK, WARPS = 32, 16, 2  # the fastest of those tried on an H200


@jit
def read_rows(  # type: ignore[no-untyped-def]
    k, v, index, out, kept, step, key, head,
    D: tl.constexpr, PART: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Write sums of products of key and value (B, Hk, parts, D), as something that depends on them."""
    part, h, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    row = b * tl.num_programs(1) + h
    d = tl.arange(0, D)
    here = b * step + h * head
    sums = tl.zeros([BLOCK, D], tl.float32)
    for first in range(part * PART, tl.minimum(part * PART + PART, kept), BLOCK):
        n = first + tl.arange(0, BLOCK)
        inside = n < kept
        at = tl.load(index + row * kept + n, mask=inside, other=0).to(tl.int64)
        place = here + at[:, None] * key + d[None, :]
        keys = tl.load(k + place, mask=inside[:, None], other=0.0).to(tl.float32)
        sums += keys * tl.load(v + place, mask=inside[:, None], other=0.0).to(tl.float32)
    tl.store(out + (row * tl.num_programs(0) + part) * D + d, tl.sum(sums, 0))


def listed(index: Any, starts: Any, lengths: Any) -> Any:
    """Return the kept keys (B, Hk, K) and the tail, which all requests have alike, as one list."""
    import torch

    tail = torch.arange(int(starts[0]), int(lengths[0]), device=index.device, dtype=index.dtype)
    return torch.cat([index, tail.expand(*index.shape[:2], -1)], 2)


def kept(q: Any, k: Any, v: Any, index: Any, starts: Any, lengths: Any) -> Callable[[], Any]:
    """Prepare reading of the keys and values that sparse attention reads."""
    import torch

    every = listed(index, starts, lengths)
    batch, _, heads, dim = k.shape
    parts = -(-every.shape[2] // PART)
    out = torch.empty((batch, heads, parts, dim), device=k.device)

    def run() -> Any:
        read_rows[(parts, heads, batch)](
            k, v, every, out, every.shape[2], *k.stride()[:3], D=dim, PART=PART, BLOCK=BLOCK, num_warps=WARPS
        )
        return out

    some = every.long()[..., None].expand(-1, -1, -1, dim)
    products = (x.transpose(1, 2).gather(2, some).float() for x in (k, v))
    expected = torch.mul(*products).sum(2)
    if not torch.allclose(run().sum(2), expected, rtol=1e-3, atol=1e-2):
        raise ArithmeticError("not all keys were read")
    return run

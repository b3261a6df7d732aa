"""Chains of drafts in Triton."""

from __future__ import annotations

from tightbound.kernels._triton_language import jit, tl


@jit
def drafts_of(stops, b, width, RAGGED: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return where the drafts of request b begin and how many there are: ``width`` unless RAGGED."""
    start = b.to(tl.int64) * width
    drafts = tl.zeros([], tl.int32) + width
    if RAGGED:
        start = tl.load(stops + b - 1, mask=b > 0, other=0).to(tl.int64)
        drafts = (tl.load(stops + b) - start).to(tl.int32)
    return start, drafts

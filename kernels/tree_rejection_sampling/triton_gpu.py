"""Trees of sampled drafts in Triton, one program per request.

What j rejections leave of a law is not stored: it is worked out again from p, q and the sums so far.
"""

from __future__ import annotations

from typing import Any

from tightbound.kernels._inputs import to_numbers, to_tensor
from tightbound.kernels._triton_inverse_cdf import load_law, power_of_two
from tightbound.kernels._triton_language import jit, tl

BLOCK = 2048
WARPS = 32  # all threads that a program can have: a request is walked by one


@jit
def laws(p, q, row, tokens, mask, rejected, seen, scales, factors, REPLACE: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the target's law after the rejections, and the draft's before it is normalised."""
    law = load_law(p, row + tokens, mask)
    drafted = load_law(q, row + tokens, mask)
    for i in range(0, rejected):
        scale = tl.load(scales + i)
        left = law - tl.load(factors + i) * drafted
        left = tl.where(left > 0.0, left, 0.0) * scale
        law = tl.where(scale > 0.0, left, law)
        if not REPLACE:
            drafted = tl.where(tokens == tl.load(seen + i), 0.0, drafted)
    return law, drafted


@jit
def walk(  # type: ignore[no-untyped-def]
    tokens,
    index,
    child,
    sibling,
    coins,
    finals,
    p,
    q,
    seen,
    scales,
    factors,
    predicts,
    path,
    accepted,
    nodes,
    vocabulary,
    REPLACE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Walk the tree of one request: each step looks at one node, so there are fewer than nodes steps.

    ``seen``, ``scales`` and ``factors`` (B, M) hold, for what was rejected at the present node, its token, by
    what the law was multiplied then (0 if nothing was left of it), and by what the draft's law was.
    """
    b = tl.program_id(0)
    first = b * nodes
    seen += first
    scales += first
    factors += first
    rejected = tl.zeros([], tl.int32)
    depth = tl.zeros([], tl.int32)
    node = tl.zeros([], tl.int32)
    factor = tl.full([], 1.0, tl.float64)
    pointer = tl.load(child + first)
    tl.store(path + first, tl.load(index + first))
    for _ in range(1, nodes):
        looking = pointer >= 0
        at = tl.maximum(pointer, 0)
        token = tl.load(tokens + first + at)
        row = (first + node).to(tl.int64) * vocabulary
        law, drafted = laws(p, q, row, token, looking, rejected, seen, scales, factors, REPLACE)
        hit = (looking & (tl.load(coins + first + at).to(tl.float64) * (factor * drafted) < law)) != 0
        missed = (looking & (hit == 0)) != 0
        totals, masses = tl.zeros([BLOCK], tl.float64), tl.zeros([BLOCK], tl.float64)
        for low in range(0, tl.where(missed, vocabulary, 0), BLOCK):
            block = low + tl.arange(0, BLOCK)
            inside = block < vocabulary
            law_v, drafted_v = laws(p, q, row, block, inside, rejected, seen, scales, factors, REPLACE)
            left = law_v - factor * drafted_v
            totals += tl.where(left > 0.0, left, 0.0)
            masses += tl.where(block == token, 0.0, drafted_v)
        total, mass = tl.sum(totals, 0), tl.sum(masses, 0)
        scale = tl.where(total > 0.0, 1.0 / tl.where(total > 0.0, total, 1.0), 0.0)
        tl.store(seen + rejected, token, mask=missed)
        tl.store(scales + rejected, scale, mask=missed)
        tl.store(factors + rejected, factor, mask=missed)
        tl.debug_barrier()  # all threads read them
        if not REPLACE:
            less = tl.where(mass > 0.0, 1.0 / tl.where(mass > 0.0, mass, 1.0), 1.0)
            factor = tl.where(hit, 1.0, tl.where(missed, less, factor))
        rejected = tl.where(hit, 0, rejected + missed.to(tl.int32))
        tl.store(predicts + tl.load(index + first + node), token, mask=hit)
        depth += hit.to(tl.int32)
        tl.store(path + first + depth, tl.load(index + first + at), mask=hit)
        node = tl.where(hit, at, node)
        down, along = tl.load(child + first + at), tl.load(sibling + first + at)
        pointer = tl.where(looking, tl.where(hit, down, along), pointer)
    tl.store(accepted + b, depth)
    row = (first + node).to(tl.int64) * vocabulary
    totals = tl.zeros([BLOCK], tl.float64)
    for low in range(0, vocabulary, BLOCK):
        block = low + tl.arange(0, BLOCK)
        inside = block < vocabulary
        law_v, _drafted = laws(p, q, row, block, inside, rejected, seen, scales, factors, REPLACE)
        totals += law_v
    threshold = tl.load(finals + b).to(tl.float64) * tl.sum(totals, 0)
    upto = tl.zeros([], tl.float64)
    found, last = tl.full([], 2147483647, tl.int32), tl.full([], -1, tl.int32)
    low = tl.zeros([], tl.int32)
    while (low < vocabulary) & (found == 2147483647):
        block = low + tl.arange(0, BLOCK)
        inside = block < vocabulary
        law_v, _drafted = laws(p, q, row, block, inside, rejected, seen, scales, factors, REPLACE)
        positive = law_v > 0.0
        above = (positive & (upto + tl.cumsum(law_v, 0) > threshold)) != 0
        found = tl.min(tl.where(above, block, 2147483647), 0)
        last = tl.maximum(last, tl.max(tl.where(positive, block, -1), 0))
        upto += tl.sum(law_v, 0)
        low += BLOCK
    tl.store(predicts + tl.load(index + first + node), tl.minimum(found, last))


def tree_rejection_sampling(
    tokens: Any,
    index: Any,
    child: Any,
    sibling: Any,
    uniform: Any,
    uniform_final: Any,
    target_probs: Any,
    draft_probs: Any,
    replace: bool,
) -> tuple[Any, Any, Any]:
    """Walk on the GPU; arguments have been checked."""
    import torch

    names = ("candidates", "retrieve_index", "retrieve_next_token", "retrieve_next_sibling")
    links = [to_tensor(n, a, "int32") for n, a in zip(names, (tokens, index, child, sibling), strict=True)]
    coins = to_numbers("uniform", uniform)
    finals = to_numbers("uniform_final", uniform_final)
    p, q = to_tensor("target_probs", target_probs), to_tensor("draft_probs", draft_probs)
    batch, nodes, vocabulary = p.shape
    predicts, path = links[0].new_full((2, batch, nodes), -1)  # one launch fills both
    predicts, accepted = predicts.view(batch * nodes), links[0].new_empty(batch)
    if batch:
        seen = links[0].new_empty((batch, nodes))
        scales, factors = torch.empty((2, batch, nodes), dtype=torch.float64, device=p.device)
        walk[(batch,)](
            *links, coins, finals, p, q, seen, scales, factors, predicts, path, accepted, nodes, vocabulary,
            REPLACE=bool(replace),
            BLOCK=min(BLOCK, max(16, power_of_two(vocabulary))),
            num_warps=WARPS,
        )  # fmt: skip
    return predicts, path, accepted


_TYPES = dict.fromkeys(("p", "q"), "*fp32") | dict.fromkeys(("coins", "finals", "scales", "factors"), "*fp64")
_TYPES |= dict.fromkeys(("nodes", "vocabulary"), "i32")
_TYPES |= dict.fromkeys(
    ("tokens", "index", "child", "sibling", "seen", "predicts", "path", "accepted"), "*i32"
)
VARIANTS = [
    (name, walk, _TYPES, {"REPLACE": replace, "BLOCK": BLOCK}, {"num_warps": WARPS})
    for name, replace in (("with replacement", True), ("without replacement", False))
]

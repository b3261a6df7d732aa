"""Trees of sampled drafts in Triton, one program per request.

What rejections leave of a law is not stored. Let p be the target's law at a node, q the draft's, and f q what
the latter is without the tokens rejected so far. Rejections leave (p - a q)+ / T, where T is the sum of the
numerators: the next one subtracts f q, and ((p - a q)+ / T - f q)+ = (p - (a + f T) q)+ / T, as f q >= 0. So
``a`` and ``T`` are all there is to know, save of rejected tokens, of which nothing more is subtracted.
"""

from __future__ import annotations

from typing import Any

from tightbound.kernels._inputs import to_numbers, to_tensor
from tightbound.kernels._triton_inverse_cdf import find_chunk, find_token, load_law, positive, power_of_two
from tightbound.kernels._triton_language import jit, tl

BLOCK = 8192  # tokens that are asked for at once: one program walks a request, and waits for each block
LINES = 4  # of a block, that a thread adds up first
WARPS = 16


@jit
def laws(p, q, row, tokens, mask, low, size, rejected, seen, subtracted, REPLACE: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the laws of some of the ``size`` tokens from ``low``, without what was left out."""
    law = load_law(p, row + tokens, mask)
    drafted = load_law(q, row + tokens, mask)
    if not REPLACE:
        for i in range(0, rejected):
            token = tl.load(seen + i)
            if ((token >= low) & (token < low + size)) != 0:
                left = positive(law - tl.load(subtracted + i) * drafted)
                law = tl.where(tokens == token, left, law)
                drafted = tl.where(tokens == token, 0.0, drafted)
    return law, drafted


@jit
def tokens_of(low, LINES: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the tokens of a block, in lines."""
    width: tl.constexpr = BLOCK // LINES
    return low + tl.arange(0, LINES)[:, None] * width + tl.arange(0, width)[None, :]


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
    subtracted,
    sums,
    predicts,
    path,
    accepted,
    nodes,
    vocabulary,
    REPLACE: tl.constexpr,
    LINES: tl.constexpr,
    COUNT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Walk the tree of one request: each step looks at one node, so there are fewer than nodes steps.

    ``seen`` and ``subtracted`` (B, M) hold tokens that were rejected at the present node and left out, and
    ``a`` after that; ``sums`` (B, COUNT) what blocks of the last law weigh.
    """
    b = tl.program_id(0)
    first = b * nodes
    seen += first
    subtracted += first
    sums += b * COUNT
    rejected = tl.zeros([], tl.int32)
    depth = tl.zeros([], tl.int32)
    node = tl.zeros([], tl.int32)
    factor, total = tl.full([], 1.0, tl.float64), tl.full([], 1.0, tl.float64)
    apart = tl.zeros([], tl.float64)
    pointer = tl.load(child + first)
    tl.store(path + first, tl.load(index + first))
    steps = tl.full([], 1, tl.int32)
    while (pointer >= 0) & (steps < nodes):
        steps += 1
        token = tl.load(tokens + first + pointer)
        row = (first + node).to(tl.int64) * vocabulary
        law, drafted = laws(p, q, row, token, token >= 0, token, 1, rejected, seen, subtracted, REPLACE)
        law = positive(law - apart * drafted) / total
        hit = tl.load(coins + first + pointer).to(tl.float64) * (factor * drafted) < law
        missed = hit == 0
        more = apart + factor * total
        totals = tl.zeros([BLOCK // LINES], tl.float64)
        masses = tl.zeros([BLOCK // LINES], tl.float64)
        for low in range(0, tl.where(missed, vocabulary, 0), BLOCK):
            block = tokens_of(low, LINES, BLOCK)
            inside = block < vocabulary
            law_v, drafted_v = laws(p, q, row, block, inside, low, BLOCK, rejected, seen, subtracted, REPLACE)
            totals += tl.sum(positive(law_v - more * drafted_v), 0)
            if not REPLACE:
                masses += tl.sum(tl.where(block == token, 0.0, drafted_v), 0)
        left = tl.sum(totals, 0)
        some = (missed & (left > 0.0)) != 0  # if nothing were left, the law would stay
        apart = tl.where(hit, 0.0, tl.where(some, more, apart))
        total = tl.where(hit, 1.0, tl.where(some, left, total))
        if not REPLACE:
            tl.store(seen + rejected, token, mask=missed)
            tl.store(subtracted + rejected, apart, mask=missed)
            tl.debug_barrier()  # all threads read them
            mass = tl.sum(masses, 0)
            less = tl.where(mass > 0.0, 1.0 / tl.where(mass > 0.0, mass, 1.0), 1.0)
            factor = tl.where(hit, 1.0, tl.where(missed, less, factor))
        rejected = tl.where(hit, 0, rejected + 1)
        tl.store(predicts + tl.load(index + first + node), token, mask=hit)
        depth += hit.to(tl.int32)
        tl.store(path + first + depth, tl.load(index + first + pointer), mask=hit)
        node = tl.where(hit, pointer, node)
        down, along = tl.load(child + first + pointer), tl.load(sibling + first + pointer)
        pointer = tl.where(hit, down, along)
    tl.store(accepted + b, depth)
    row = (first + node).to(tl.int64) * vocabulary
    for low in range(0, vocabulary, BLOCK):
        block = tokens_of(low, LINES, BLOCK)
        inside = block < vocabulary
        law_v, drafted_v = laws(p, q, row, block, inside, low, BLOCK, rejected, seen, subtracted, REPLACE)
        tl.store(sums + low // BLOCK, tl.sum(tl.sum(positive(law_v - apart * drafted_v), 0), 0))
    tl.debug_barrier()  # all threads read them
    each = tl.arange(0, COUNT)
    parts = tl.load(sums + each, mask=each * BLOCK < vocabulary, other=0.0)
    chunk, rest = find_chunk(parts, each, tl.load(finals + b).to(tl.float64))
    low = tl.maximum(chunk, 0) * BLOCK
    block = low + tl.arange(0, BLOCK)
    inside = ((block < vocabulary) & (chunk >= 0)) != 0
    law_v, drafted_v = laws(p, q, row, block, inside, low, BLOCK, rejected, seen, subtracted, REPLACE)
    found = find_token(positive(law_v - apart * drafted_v), block, rest)
    tl.store(predicts + tl.load(index + first + node), found)


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
        block = min(BLOCK, max(16, power_of_two(vocabulary)))
        count = max(2, power_of_two(-(-vocabulary // block)))
        seen = links[0].new_empty((batch, nodes))
        subtracted = torch.empty((batch, nodes), dtype=torch.float64, device=p.device)
        sums = subtracted.new_empty((batch, count))
        walk[(batch,)](
            *links, coins, finals, p, q, seen, subtracted, sums, predicts, path, accepted, nodes, vocabulary,
            REPLACE=bool(replace), LINES=min(LINES, block // 8), COUNT=count, BLOCK=block, num_warps=WARPS,
        )  # fmt: skip
    return predicts, path, accepted


_TYPES = dict.fromkeys(("p", "q"), "*fp32") | dict.fromkeys(
    ("coins", "finals", "subtracted", "sums"), "*fp64"
)
_TYPES |= dict.fromkeys(("nodes", "vocabulary"), "i32")
_TYPES |= dict.fromkeys(
    ("tokens", "index", "child", "sibling", "seen", "predicts", "path", "accepted"), "*i32"
)
_SIZES = {"LINES": LINES, "COUNT": 16, "BLOCK": BLOCK}
VARIANTS = [
    (name, walk, _TYPES, _SIZES | {"REPLACE": replace}, {"num_warps": WARPS})
    for name, replace in (("with replacement", True), ("without replacement", False))
]

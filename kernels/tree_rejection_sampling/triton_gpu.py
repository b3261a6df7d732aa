"""Trees of sampled drafts in Triton, one program per request.

What j rejections leave of a law is not stored: it is worked out again from p, q and the sums so far.
"""

from __future__ import annotations

from typing import Any

from tightbound.kernels._inputs import to_tensor
from tightbound.kernels._triton_inverse_cdf import load_law, power_of_two
from tightbound.kernels._triton_language import jit, tl

BLOCK = 4096


@jit
def laws(p, q, row, tokens, mask, rejected, seen, scales, factors, each, REPLACE: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the target's law after the rejections, and the draft's before it is normalised."""
    law = load_law(p, row + tokens, mask)
    drafted = load_law(q, row + tokens, mask)
    for i in range(0, rejected):
        token = tl.sum(tl.where(each == i, seen, 0), 0)
        scale = tl.sum(tl.where(each == i, scales, 0.0), 0)
        factor = tl.sum(tl.where(each == i, factors, 0.0), 0)
        left = law - factor * drafted
        left = tl.where(left > 0.0, left, 0.0) * scale
        law = tl.where(scale > 0.0, left, law)
        if not REPLACE:
            drafted = tl.where(tokens == token, 0.0, drafted)
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
    predicts,
    path,
    accepted,
    nodes,
    vocabulary,
    REPLACE: tl.constexpr,
    NODES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Walk the tree of one request: each step looks at one node, so there are fewer than nodes steps."""
    b = tl.program_id(0)
    first = b * nodes
    each = tl.arange(0, NODES)
    seen = tl.full([NODES], -1, tl.int32)  # tokens that were rejected at this node
    scales = tl.zeros([NODES], tl.float64)  # by what the law was multiplied then, 0 if nothing was left of it
    factors = tl.zeros([NODES], tl.float64)  # by what the draft's law was multiplied then
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
        law, drafted = laws(p, q, row, token, looking, rejected, seen, scales, factors, each, REPLACE)
        hit = (looking & (tl.load(coins + first + at) * (factor * drafted) < law)) != 0
        missed = (looking & (hit == 0)) != 0
        total, mass = tl.zeros([], tl.float64), tl.zeros([], tl.float64)
        for low in range(0, tl.where(missed, vocabulary, 0), BLOCK):
            block = low + tl.arange(0, BLOCK)
            inside = block < vocabulary
            law_v, drafted_v = laws(p, q, row, block, inside, rejected, seen, scales, factors, each, REPLACE)
            left = law_v - factor * drafted_v
            total += tl.sum(tl.where(left > 0.0, left, 0.0), 0)
            mass += tl.sum(tl.where(block == token, 0.0, drafted_v), 0)
        here = (missed & (each == rejected)) != 0
        seen = tl.where(here, token, seen)
        scales = tl.where(here, tl.where(total > 0.0, 1.0 / tl.where(total > 0.0, total, 1.0), 0.0), scales)
        factors = tl.where(here, factor, factors)
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
    total = tl.zeros([], tl.float64)
    for low in range(0, vocabulary, BLOCK):
        block = low + tl.arange(0, BLOCK)
        law_v, _drafted = laws(
            p, q, row, block, block < vocabulary, rejected, seen, scales, factors, each, REPLACE
        )
        total += tl.sum(law_v, 0)
    threshold = tl.load(finals + b) * total
    upto = tl.zeros([], tl.float64)
    found, last = tl.full([], 2147483647, tl.int32), tl.full([], -1, tl.int32)
    for low in range(0, vocabulary, BLOCK):
        block = low + tl.arange(0, BLOCK)
        law_v, _drafted = laws(
            p, q, row, block, block < vocabulary, rejected, seen, scales, factors, each, REPLACE
        )
        positive = law_v > 0.0
        above = (positive & (upto + tl.cumsum(law_v, 0) > threshold)) != 0
        found = tl.minimum(found, tl.min(tl.where(above, block, 2147483647), 0))
        last = tl.maximum(last, tl.max(tl.where(positive, block, -1), 0))
        upto += tl.sum(law_v, 0)
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
    names = ("candidates", "retrieve_index", "retrieve_next_token", "retrieve_next_sibling")
    links = [to_tensor(n, a, "int32") for n, a in zip(names, (tokens, index, child, sibling), strict=True)]
    coins = to_tensor("uniform", uniform, "float64")
    finals = to_tensor("uniform_final", uniform_final, "float64")
    p, q = to_tensor("target_probs", target_probs), to_tensor("draft_probs", draft_probs)
    batch, nodes, vocabulary = p.shape
    predicts = links[0].new_full((batch * nodes,), -1)
    path, accepted = links[0].new_full((batch, nodes), -1), links[0].new_zeros(batch)
    if batch:
        walk[(batch,)](
            *links, coins, finals, p, q, predicts, path, accepted, nodes, vocabulary,
            REPLACE=bool(replace),
            NODES=max(2, power_of_two(nodes)),
            BLOCK=min(BLOCK, max(16, power_of_two(vocabulary))),
            num_warps=8,
        )  # fmt: skip
    return predicts, path, accepted


_TYPES = dict.fromkeys(("p", "q"), "*fp32") | dict.fromkeys(("coins", "finals"), "*fp64")
_TYPES |= dict.fromkeys(("nodes", "vocabulary"), "i32")
_TYPES |= dict.fromkeys(("tokens", "index", "child", "sibling", "predicts", "path", "accepted"), "*i32")
VARIANTS = [
    (name, walk, _TYPES, {"REPLACE": replace, "NODES": 128, "BLOCK": BLOCK}, {"num_warps": 8})
    for name, replace in (("with replacement", True), ("without replacement", False))
]

"""Trees of chosen drafts in Triton: a walk, sums over chunks of the last row, a search in one chunk."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._inputs import to_numbers, to_tensor
from tightbound.kernels._triton_inverse_cdf import chunks, find_chunk, find_token, load_law, power_of_two
from tightbound.kernels._triton_language import jit, tl


@jit
def walk(  # type: ignore[no-untyped-def]
    tokens,
    index,
    child,
    sibling,
    coins,
    p,
    predicts,
    path,
    accepted,
    last,
    banned,
    number,
    nodes,
    vocabulary,
    NODES: tl.constexpr,
):
    """Walk the tree of one request: each step looks at one node, so there are fewer than nodes steps."""
    b = tl.program_id(0)
    first = b * nodes
    each = tl.arange(0, NODES)
    seen = tl.full([NODES], -1, tl.int32)  # tokens of the children that were passed over
    rejected = tl.zeros([], tl.int32)
    depth = tl.zeros([], tl.int32)
    node = tl.zeros([], tl.int32)
    upto = tl.zeros([], tl.float64)
    pointer = tl.load(child + first)
    tl.store(path + first, tl.load(index + first))
    for _ in range(1, nodes):
        looking = pointer >= 0
        at = tl.maximum(pointer, 0)
        token = tl.load(tokens + first + at)
        old = tl.max(((seen == token) & (each < rejected)).to(tl.int32), 0)
        new = (looking & (old == 0)) != 0
        upto += load_law(p, (first + node).to(tl.int64) * vocabulary + token, new)
        hit = (new & (tl.load(coins + first + node).to(tl.float64) < upto)) != 0
        missed = (new & (hit == 0)) != 0
        tl.store(predicts + tl.load(index + first + node), token, mask=hit)
        depth += hit.to(tl.int32)
        tl.store(path + first + depth, tl.load(index + first + at), mask=hit)
        seen = tl.where((missed & (each == rejected)) != 0, token, seen)
        rejected = tl.where(hit, 0, rejected + missed.to(tl.int32))
        node = tl.where(hit, at, node)
        upto = tl.where(hit, 0.0, upto)
        down, along = tl.load(child + first + at), tl.load(sibling + first + at)
        pointer = tl.where(looking, tl.where(hit, down, along), pointer)
    tl.store(accepted + b, depth)
    tl.store(last + b, node)
    tl.store(banned + first + each, seen, mask=each < rejected)
    tl.store(number + b, rejected)


@jit
def weights(p, banned, row, number, tokens, vocabulary):  # type: ignore[no-untyped-def]
    """Return the last row without the tokens of the children, and the row itself."""
    law = load_law(p, row * vocabulary + tokens, tokens < vocabulary)
    left = law
    for i in range(0, number):
        left = tl.where(tokens == tl.load(banned + i), 0.0, left)
    return left, law


@jit
def sum_chunks(p, last, banned, number, left_sums, law_sums, nodes, vocabulary, count, CHUNK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Add up one chunk of the last row of request b."""
    b = tl.program_id(0)
    chunk = tl.program_id(1)
    row = (b * nodes + tl.load(last + b)).to(tl.int64)
    tokens = chunk * CHUNK + tl.arange(0, CHUNK)
    left, law = weights(p, banned + b * nodes, row, tl.load(number + b), tokens, vocabulary)
    tl.store(left_sums + b * count + chunk, tl.sum(left, 0))
    tl.store(law_sums + b * count + chunk, tl.sum(law, 0))


@jit
def emit(  # type: ignore[no-untyped-def]
    p,
    index,
    last,
    banned,
    number,
    finals,
    left_sums,
    law_sums,
    predicts,
    nodes,
    vocabulary,
    count,
    COUNT: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Find the last token of request b."""
    b = tl.program_id(0)
    node = tl.load(last + b)
    row = (b * nodes + node).to(tl.int64)
    each = tl.arange(0, COUNT)
    left_sum = tl.load(left_sums + b * count + each, mask=each < count, other=0.0)
    law_sum = tl.load(law_sums + b * count + each, mask=each < count, other=0.0)
    some = tl.max(left_sum, 0) > 0.0
    chunk, rest = find_chunk(tl.where(some, left_sum, law_sum), each, tl.load(finals + b).to(tl.float64))
    tokens = tl.maximum(chunk, 0) * CHUNK + tl.arange(0, CHUNK)
    left, law = weights(p, banned + b * nodes, row, tl.load(number + b), tokens, vocabulary)
    final = find_token(tl.where(some, left, law), tokens, rest)
    tl.store(predicts + tl.load(index + row), tl.where(chunk < 0, -1, final))


def tree_speculative_sampling_target_only(
    tokens: Any, index: Any, child: Any, sibling: Any, uniform: Any, uniform_final: Any, target_probs: Any
) -> tuple[Any, Any, Any]:
    """Walk on the GPU; arguments have been checked."""
    import torch

    names = ("candidates", "retrieve_index", "retrieve_next_token", "retrieve_next_sibling")
    links = [to_tensor(n, a, "int32") for n, a in zip(names, (tokens, index, child, sibling), strict=True)]
    coins = to_numbers("uniform", uniform)
    finals = to_numbers("uniform_final", uniform_final)
    p = to_tensor("target_probs", target_probs)
    batch, nodes, vocabulary = p.shape
    predicts, path = links[0].new_full((2, batch, nodes), -1)  # one launch fills both
    predicts, accepted = predicts.view(batch * nodes), links[0].new_empty(batch)
    if batch == 0:
        return predicts, path, accepted
    last, banned, number = (links[0].new_empty(shape) for shape in (batch, (batch, nodes), batch))
    padded = max(2, power_of_two(nodes))
    walk[(batch,)](
        *links, coins, p, predicts, path, accepted, last, banned, number, nodes, vocabulary,
        NODES=padded, num_warps=1,
    )  # fmt: skip
    count, every, chunk = chunks(vocabulary)
    sums = torch.empty((2, batch, count), dtype=torch.float64, device=p.device)
    sum_chunks[(batch, count)](
        p, last, banned, number, sums[0], sums[1], nodes, vocabulary, count, CHUNK=chunk
    )
    emit[(batch,)](
        p, links[1], last, banned, number, finals, sums[0], sums[1], predicts, nodes, vocabulary, count,
        COUNT=every, CHUNK=chunk,
    )  # fmt: skip
    return predicts, path, accepted


_TYPES = {"p": "*fp32"} | dict.fromkeys(("coins", "finals", "left_sums", "law_sums"), "*fp64")
_TYPES |= dict.fromkeys(("nodes", "vocabulary", "count"), "i32")
_TYPES |= dict.fromkeys(
    ("tokens", "index", "child", "sibling", "predicts", "path", "accepted", "last", "banned", "number"),
    "*i32",
)
VARIANTS = [
    ("walk", walk, _TYPES, {"NODES": 128}, {"num_warps": 1}),
    ("sums", sum_chunks, _TYPES, {"CHUNK": 4096}, {"num_warps": 4}),
    ("emit", emit, _TYPES, {"CHUNK": 4096, "COUNT": 32}, {"num_warps": 4}),
]

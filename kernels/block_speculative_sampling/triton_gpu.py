"""Block verification in Triton: paths, sums over chunks of all rows, then coins and a search in one chunk."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._inputs import to_numbers, to_tensor
from tightbound.kernels._triton_chains import drafts_of
from tightbound.kernels._triton_inverse_cdf import chunks, find_chunk, find_token, load_law, positive
from tightbound.kernels._triton_language import jit, tl


@jit
def follow(q, ids, p, stops, paths, vocabulary, width, RAGGED: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write the acceptance of every prefix of request b, beside the target's row that comes after it."""
    b = tl.program_id(0)
    start, drafts = drafts_of(stops, b, width, RAGGED)
    path = tl.full([], 1.0, tl.float64)
    tl.store(paths + start + b, path)
    for i in range(0, drafts):
        token = tl.load(ids + start + i)
        wanted = path * load_law(p, (start + b + i) * vocabulary + token, token >= 0)
        drafted = load_law(q, (start + i) * vocabulary + token, token >= 0)
        ratio = wanted / tl.where(drafted > 0.0, drafted, 1.0)
        path = tl.where(wanted <= 0.0, 0.0, tl.where(wanted < drafted, ratio, 1.0))
        tl.store(paths + start + b + i + 1, path)


@jit
def weights(q, p, path, row, drafted_row, replaced, vocabulary, tokens):  # type: ignore[no-untyped-def]
    """Return weights of the token after a prefix, and what to draw from where these are all zero."""
    mask = tokens < vocabulary
    law = load_law(p, row * vocabulary + tokens, mask)
    drafted = load_law(q, drafted_row * vocabulary + tokens, (mask & replaced) != 0)
    left = tl.where(replaced, path, 1.0) * law - drafted
    return positive(left), law


@jit
def sum_chunks(  # type: ignore[no-untyped-def]
    q,
    p,
    stops,
    paths,
    left_sums,
    law_sums,
    vocabulary,
    count,
    width,
    RAGGED: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Add up one chunk after one prefix of request b."""
    b = tl.program_id(0)
    i = tl.program_id(1)
    chunk = tl.program_id(2)
    start, drafts = drafts_of(stops, b, width, RAGGED)
    row = start + b + tl.minimum(i, drafts)
    path = tl.load(paths + row)
    tokens = chunk * CHUNK + tl.arange(0, CHUNK)
    left, law = weights(q, p, path, row, start + i, i < drafts, vocabulary, tokens)
    at = row * count + chunk
    tl.store(left_sums + at, tl.sum(left, 0), mask=i <= drafts)
    tl.store(law_sums + at, tl.sum(law, 0), mask=i <= drafts)


@jit
def emit(  # type: ignore[no-untyped-def]
    q,
    ids,
    p,
    stops,
    coins,
    finals,
    paths,
    left_sums,
    law_sums,
    output,
    emitted,
    vocabulary,
    count,
    width,
    RAGGED: tl.constexpr,
    COUNT: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Find the last position of request b that passes, the token after it, and write what is emitted."""
    b = tl.program_id(0)
    start, drafts = drafts_of(stops, b, width, RAGGED)
    each = tl.arange(0, COUNT)
    tau = tl.zeros([], tl.int32)
    for i in range(1, drafts + 1):
        path = tl.load(paths + start + b + i)
        part = tl.load(left_sums + (start + b + i) * count + each, mask=each < count, other=0.0)
        inner = i < drafts
        room = tl.where(inner, tl.sum(part, 0), path)
        rest = tl.where(inner, room + (1.0 - path), 1.0)
        passed = ((rest <= 0.0) | (tl.load(coins + start + i - 1).to(tl.float64) * rest < room)) != 0
        tau = tl.where(passed, i, tau)
    row = start + b + tau
    left_sum = tl.load(left_sums + row * count + each, mask=each < count, other=0.0)
    law_sum = tl.load(law_sums + row * count + each, mask=each < count, other=0.0)
    some = tl.max(left_sum, 0) > 0.0
    chunk, rest = find_chunk(tl.where(some, left_sum, law_sum), each, tl.load(finals + b).to(tl.float64))
    tokens = tl.maximum(chunk, 0) * CHUNK + tl.arange(0, CHUNK)
    left, law = weights(q, p, tl.load(paths + row), row, start + tau, tau < drafts, vocabulary, tokens)
    final = tl.where(chunk < 0, -1, find_token(tl.where(some, left, law), tokens, rest))
    for i in range(0, width + 1):
        token = tl.load(ids + start + i, mask=i < tau, other=-1).to(tl.int32)
        tl.store(output + b * (width + 1) + i, tl.where(i == tau, final, token))
    tl.store(emitted + b, tau)


def ragged_block_speculative_sampling(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    cu_num_draft_tokens: Any,
    uniform: Any,
    uniform_final: Any,
    width: int,
) -> tuple[Any, Any]:
    """Verify on the GPU; arguments as in the reference, in torch tensors."""
    import torch

    q, p = to_tensor("draft_probs", draft_probs), to_tensor("target_probs", target_probs)
    ids = to_tensor("draft_token_ids", draft_token_ids)
    is_ragged = cu_num_draft_tokens is not None
    stops = to_tensor("cu_num_draft_tokens", cu_num_draft_tokens) if is_ragged else ids
    coins = to_numbers("uniform", uniform)
    finals = to_numbers("uniform_final", uniform_final)
    batch, (rows, vocabulary) = finals.numel(), p.shape
    output = torch.empty((batch, width + 1), dtype=torch.int32, device=p.device)
    emitted = output.new_empty(batch)
    if batch == 0:
        return output, emitted
    count, padded, chunk = chunks(vocabulary)
    paths = torch.empty(rows, dtype=torch.float64, device=p.device)
    sums = paths.new_empty((2, rows, count))
    follow[(batch,)](q, ids, p, stops, paths, vocabulary, width, RAGGED=is_ragged, num_warps=1)
    sum_chunks[(batch, width + 1, count)](
        q, p, stops, paths, sums[0], sums[1], vocabulary, count, width, RAGGED=is_ragged, CHUNK=chunk
    )
    emit[(batch,)](
        q, ids, p, stops, coins, finals, paths, sums[0], sums[1], output, emitted, vocabulary, count, width,
        RAGGED=is_ragged, COUNT=padded, CHUNK=chunk,
    )  # fmt: skip
    return output, emitted


_TYPES = {"q": "*fp32", "p": "*fp32"}
_TYPES |= dict.fromkeys(("coins", "finals", "paths", "left_sums", "law_sums"), "*fp64")
_TYPES |= dict.fromkeys(("ids", "stops", "output", "emitted"), "*i32")
_TYPES |= dict.fromkeys(("vocabulary", "count", "width"), "i32")
VARIANTS = [
    ("paths", follow, _TYPES | {"ids": "*i64"}, {"RAGGED": False}, {"num_warps": 1}),
    ("paths, ragged", follow, _TYPES, {"RAGGED": True}, {"num_warps": 1}),
    ("sums", sum_chunks, _TYPES, {"RAGGED": False, "CHUNK": 4096}, {"num_warps": 4}),
    ("emit", emit, _TYPES | {"ids": "*i64"}, {"RAGGED": False, "CHUNK": 4096, "COUNT": 32}, {"num_warps": 4}),
]

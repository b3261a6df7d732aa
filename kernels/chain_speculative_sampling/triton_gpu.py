"""Chain verification in Triton: one launch adds up chunks of the deciding row, one finds the token."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._inputs import to_numbers, to_tensor
from tightbound.kernels._triton_chains import drafts_of
from tightbound.kernels._triton_inverse_cdf import (
    chunks,
    find_chunk,
    find_token,
    load_law,
    positive,
    power_of_two,
)
from tightbound.kernels._triton_language import jit, tl


@jit
def tests(  # type: ignore[no-untyped-def]
    q,
    ids,
    p,
    stops,
    coins,
    b,
    vocabulary,
    width,
    RAGGED: tl.constexpr,
    GREEDY: tl.constexpr,
    DRAFTS: tl.constexpr,
):
    """Test the drafts of request b; also return where they are and how many pass before the first failure."""
    start, drafts = drafts_of(stops, b, width, RAGGED)
    index = tl.arange(0, DRAFTS)
    here = index < drafts
    token = tl.load(ids + start + index, mask=here, other=0).to(tl.int32)
    wanted = load_law(p, (start + b + index) * vocabulary + token, here)
    chance = wanted * 0.0 + 1.0
    if not GREEDY:
        chance = load_law(q, (start + index) * vocabulary + token, here)
    coin = tl.load(coins + start + index, mask=here, other=0.0).to(tl.float64)
    passed = (here & (coin * chance < wanted)) != 0
    emitted = tl.min(tl.where((here & (passed == 0)) != 0, index, drafts), 0)
    return start, drafts, token, passed, emitted


@jit
def weights(q, p, start, drafts, emitted, b, banned, vocabulary, tokens, GREEDY: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return weights of the token that follows, and what to draw from where these are all zero."""
    mask = tokens < vocabulary
    law = load_law(p, (start + b + emitted) * vocabulary + tokens, mask)
    replaced = emitted < drafts
    if GREEDY:
        left = tl.where((replaced & (tokens == banned)) != 0, 0.0, law)
    else:
        left = law - load_law(q, (start + emitted) * vocabulary + tokens, (mask & replaced) != 0)
        left = positive(left)
    return left, law


@jit
def sum_chunks(  # type: ignore[no-untyped-def]
    q,
    ids,
    p,
    stops,
    coins,
    left_sums,
    law_sums,
    vocabulary,
    count,
    width,
    RAGGED: tl.constexpr,
    GREEDY: tl.constexpr,
    DRAFTS: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Add up one chunk of the row that decides request b."""
    b = tl.program_id(0)
    chunk = tl.program_id(1)
    start, drafts, token, _passed, emitted = tests(
        q, ids, p, stops, coins, b, vocabulary, width, RAGGED, GREEDY, DRAFTS
    )
    banned = tl.max(tl.where(tl.arange(0, DRAFTS) == emitted, token, -1), 0)
    tokens = chunk * CHUNK + tl.arange(0, CHUNK)
    left, law = weights(q, p, start, drafts, emitted, b, banned, vocabulary, tokens, GREEDY)
    tl.store(left_sums + b * count + chunk, tl.sum(left, 0))
    tl.store(law_sums + b * count + chunk, tl.sum(law, 0))


@jit
def emit(  # type: ignore[no-untyped-def]
    q,
    ids,
    p,
    stops,
    coins,
    finals,
    left_sums,
    law_sums,
    output,
    accepted,
    emitted_num,
    vocabulary,
    count,
    width,
    RAGGED: tl.constexpr,
    GREEDY: tl.constexpr,
    DRAFTS: tl.constexpr,
    COUNT: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Find the last token of request b and write what it emits."""
    b = tl.program_id(0)
    start, drafts, token, passed, emitted = tests(
        q, ids, p, stops, coins, b, vocabulary, width, RAGGED, GREEDY, DRAFTS
    )
    index = tl.arange(0, DRAFTS)
    banned = tl.max(tl.where(index == emitted, token, -1), 0)
    each = tl.arange(0, COUNT)
    left_sum = tl.load(left_sums + b * count + each, mask=each < count, other=0.0)
    law_sum = tl.load(law_sums + b * count + each, mask=each < count, other=0.0)
    some = tl.max(left_sum, 0) > 0.0
    chunk, rest = find_chunk(tl.where(some, left_sum, law_sum), each, tl.load(finals + b).to(tl.float64))
    tokens = tl.maximum(chunk, 0) * CHUNK + tl.arange(0, CHUNK)
    left, law = weights(q, p, start, drafts, emitted, b, banned, vocabulary, tokens, GREEDY)
    final = find_token(tl.where(some, left, law), tokens, rest)
    final = tl.where(chunk < 0, -1, final)
    row = output + b * (width + 1)
    tl.store(row + index, tl.where(index < emitted, token, -1), mask=index < width)
    tl.store(row + width, -1, mask=emitted < width)
    tl.debug_barrier()
    tl.store(row + emitted, final)
    tl.store(accepted + b, tl.sum(passed.to(tl.int32), 0))
    tl.store(emitted_num + b, emitted)


def ragged_chain_speculative_sampling(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    cu_num_draft_tokens: Any,
    uniform: Any,
    uniform_final: Any,
    width: int,
) -> tuple[Any, Any, Any]:
    """Verify on the GPU; arguments as in the reference, in torch tensors."""
    import torch

    p = to_tensor("target_probs", target_probs)
    q = p if draft_probs is None else to_tensor("draft_probs", draft_probs)
    ids = to_tensor("draft_token_ids", draft_token_ids)
    is_ragged = cu_num_draft_tokens is not None
    stops = to_tensor("cu_num_draft_tokens", cu_num_draft_tokens) if is_ragged else ids
    coins, finals = to_numbers("uniform", uniform), to_numbers("uniform_final", uniform_final)
    batch, vocabulary = finals.numel(), p.shape[1]
    output = torch.empty((batch, width + 1), dtype=torch.int32, device=p.device)
    accepted, emitted = output.new_empty(batch), output.new_empty(batch)
    if batch == 0:
        return output, accepted, emitted
    count, padded, chunk = chunks(vocabulary)
    left_sums, law_sums = torch.empty((2, batch, count), dtype=torch.float64, device=p.device)
    fixed: dict[str, Any] = {"RAGGED": is_ragged, "GREEDY": draft_probs is None}
    fixed |= {"DRAFTS": max(2, power_of_two(width)), "CHUNK": chunk}
    sum_chunks[(batch, count)](
        q, ids, p, stops, coins, left_sums, law_sums, vocabulary, count, width, **fixed
    )
    emit[(batch,)](
        q,
        ids,
        p,
        stops,
        coins,
        finals,
        left_sums,
        law_sums,
        output,
        accepted,
        emitted,
        vocabulary,
        count,
        width,
        COUNT=padded,
        **fixed,
    )
    return output, accepted, emitted


def variants() -> list[tuple[str, Any, dict[str, str], dict[str, Any], dict[str, Any]]]:
    """Return what is compiled ahead of time: sampled drafts, and chosen ones end to end; tokens of 128k."""
    floats = dict.fromkeys(("left_sums", "law_sums"), "*fp64")
    integers = dict.fromkeys(("stops", "output", "accepted", "emitted_num"), "*i32")
    scalars = dict.fromkeys(("vocabulary", "count", "width"), "i32")
    found = []
    kinds = (("sampled", False, "*fp32", "*i64", "*fp64"), ("chosen", True, "*bf16", "*i32", "*fp32"))
    for kind, greedy, law, token, coin in kinds:
        types = {"q": law, "p": law, "ids": token, "coins": coin, "finals": coin}
        types |= floats | integers | scalars
        fixed: dict[str, Any] = {"RAGGED": greedy, "GREEDY": greedy, "DRAFTS": 8, "CHUNK": 4096}
        found.append((f"sums, {kind}", sum_chunks, types, fixed, {"num_warps": 4}))
        found.append((f"emit, {kind}", emit, types, fixed | {"COUNT": 32}, {"num_warps": 4}))
    return found


VARIANTS = variants()

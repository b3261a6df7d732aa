"""Operations of the kernels in torch and transformers, each in the fastest of the ways that were tried."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from tightbound.papers.speculative_core import _attention_speed as attention_speed
from tightbound.papers.speculative_core import _verification_speed as verification_speed
from tightbound.verification.peers import Match, Pair, Peer, agree

TORCH = Peer("torch", ["torch"])
TRANSFORMERS = Peer("transformers", ["torch", "transformers"])
SAMPLING: dict[str, Any] = {"temperature": 0.8, "top_k": 50, "top_p": 0.9}


def torch_verification(given: tuple[Any, ...]) -> Callable[[], tuple[Any, Any]]:
    """Prepare chain verification of the whole batch at once, tokens by inverse distribution functions.

    Request after request with ``multinomial`` takes longer, and so does ``multinomial`` for the batch.
    """
    import torch

    q, ids, p, coins, final = map(torch.from_numpy, given)
    place = ids[..., None]

    def run() -> tuple[Any, Any]:
        ratio = p[:, :-1].gather(2, place)[..., 0] / q.gather(2, place)[..., 0]
        counts = (coins <= ratio).cumprod(1).sum(1)
        row = torch.arange(len(q))
        law = p[row, counts]
        refused = counts < q.shape[1]
        law[refused] = (law[refused] - q[row[refused], counts[refused]]).clamp_(min=0.0)
        upto = law.cumsum(1, dtype=torch.float64)
        return counts, torch.searchsorted(upto, final[:, None] * upto[:, -1:], right=True)[:, 0]

    return run


def verification(vocabulary: int) -> Match:
    """Return one round of verification here and in torch, on the same variates."""
    from tightbound.kernels.chain_speculative_sampling import chain_speculative_sampling

    given = verification_speed.task(verification_speed.BATCH, vocabulary)
    ours = partial(chain_speculative_sampling, *given)
    found, theirs = ours(), torch_verification(given)
    counts, last = (part.numpy() for part in theirs())
    tokens = np.array(found.output_token_ids)
    agree(counts, found.output_emitted_draft_token_num, 0.0)
    verification_speed.check(given, tokens, counts.tolist())
    rows = np.arange(len(tokens))
    ties = int((tokens[rows, counts] != last).sum())
    tokens[rows, counts] = last
    verification_speed.check(given, tokens, counts.tolist())
    return Match(ours, theirs, f"equal but for {ties} ties" if ties else "equal")


def torch_attention(q: Any, k: Any, v: Any, mask: Any = None) -> Callable[[], Any]:
    """Prepare attention of torch, the queries of one key head as rows of one head; shape as ``q``.

    ``enable_gqa`` takes about three times as long.
    """
    import torch

    batch, rows, heads, dim = q.shape
    kv_heads = k.shape[2]
    grouped = torch.from_numpy(q).reshape(batch, rows, kv_heads, heads // kv_heads, dim)
    queries = grouped.permute(0, 2, 3, 1, 4).reshape(batch, kv_heads, -1, dim).contiguous()
    keys, values = (torch.from_numpy(x).transpose(1, 2).contiguous() for x in (k, v))
    seen = None if mask is None else torch.from_numpy(np.tile(mask, (heads // kv_heads, 1)))
    attend = torch.nn.functional.scaled_dot_product_attention

    def run() -> Any:
        out = attend(queries, keys, values, attn_mask=seen)
        return out.reshape(batch, kv_heads, -1, rows, dim).permute(0, 3, 1, 2, 4).reshape(q.shape)

    return run


def attention(dtype: str) -> Match:
    """Return attention of one token over 32k keys here and in torch."""
    from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
    from tightbound.kernels.merge_states import merge_states

    given = attention_speed.queries_keys_values(attention_speed.KEYS, dtype)
    attention_speed.forget()

    def ours() -> Any:
        return merge_states(*decode_attention_splitk(*given))

    theirs = torch_attention(*given)
    attention_speed.check(ours()[0], *given)
    agreement = agree(theirs().float().numpy(), ours()[0], attention_speed.TOLERANCE[dtype])
    return Match(ours, theirs, agreement)


def sampling(rows: int = 16, vocabulary: int = 49_152) -> Match:
    """Return laws from logits here and by the warpers of transformers, in the same order."""
    import torch

    from tightbound.kernels.probs_from_logits import probs_from_logits

    process: Any = import_module("transformers.generation.logits_process")
    logits = 3.0 * np.random.default_rng(0).standard_normal((rows, vocabulary), dtype=np.float32)
    scores = torch.from_numpy(logits)
    warpers = [
        process.TemperatureLogitsWarper(SAMPLING["temperature"]),
        process.TopKLogitsWarper(SAMPLING["top_k"]),
        process.TopPLogitsWarper(SAMPLING["top_p"]),
    ]

    def theirs() -> Any:
        found = scores
        for warper in warpers:
            found = warper(None, found)
        return found.softmax(dim=-1)

    ours = partial(probs_from_logits, logits, **SAMPLING)
    return Match(ours, theirs, agree(theirs().numpy(), ours(), 1e-6))


def pairs() -> list[Pair]:
    """Return the comparisons of single operations."""
    drafts, batch = verification_speed.DRAFTS, verification_speed.BATCH
    laws = "temperature, top-k, top-p, 16 rows, V=49152"
    heads = f"{attention_speed.KV_HEADS} key heads, G={attention_speed.GROUP}, D={attention_speed.DIM}"
    return [
        *(
            Pair(
                f"chain verification, B={batch}, g={drafts}, V={vocabulary}, float32",
                "chain_speculative_sampling",
                "array operations, whole batch",
                TORCH,
                partial(verification, vocabulary),
            )
            for vocabulary in verification_speed.VOCABULARIES
        ),
        Pair(laws, "probs_from_logits", "three warpers and softmax", TRANSFORMERS, sampling),
        *(
            Pair(
                f"attention of one token, {attention_speed.KEYS} keys, {heads}, {dtype}",
                "decode_attention_splitk, merged",
                "scaled_dot_product_attention",
                TORCH,
                partial(attention, dtype),
            )
            for dtype in ("float32", "float16")
        ),
    ]

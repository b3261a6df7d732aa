"""Arguments of the operations that verify chains of drafts: checked, and laid end to end."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._inputs import Sizes, here, to_numpy

Ragged = tuple[Any, Any, Any, Any, Any, Any, int]
"""draft_probs, draft_token_ids, target_probs, cu_num_draft_tokens, uniform, uniform_final, most drafts.

Without ``cu_num_draft_tokens`` every request has the most.
"""


def dense(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    uniform: Any,
    uniform_final: Any,
    check: bool,
    *,
    sampled: bool = False,
) -> Ragged:
    """Lay (B, g, ...) arrays end to end."""
    _need(draft_probs, sampled)
    sizes = Sizes()
    ids = sizes.array("draft_token_ids", draft_token_ids, "B g")
    target = sizes.laws("target_probs", target_probs, "B g+1 V", check)
    batch, drafts, vocabulary = sizes["B"], sizes["g"], sizes["V"]
    q = None
    if draft_probs is not None:
        q = sizes.laws("draft_probs", draft_probs, "B g V", check).reshape(batch * drafts, vocabulary)
    ids = sizes.between("draft_token_ids", ids, 0, vocabulary - 1, check)
    coins = sizes.uniforms("uniform", uniform, "B g", check)
    finals = sizes.uniforms("uniform_final", uniform_final, "B", check)
    flat = ids.reshape(batch * drafts), target.reshape(batch * (drafts + 1), vocabulary)
    return q, *flat, None, coins.reshape(batch * drafts), finals, drafts


def ragged(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    cu_num_draft_tokens: Any,
    uniform: Any,
    uniform_final: Any,
    max_draft_tokens: int | None,
    check: bool,
    *,
    sampled: bool = False,
) -> Ragged:
    """Check the counts of drafts; they are not read from a GPU if ``max_draft_tokens`` makes it needless."""
    _need(draft_probs, sampled)
    sizes = Sizes()
    ids = sizes.array("draft_token_ids", draft_token_ids, "T")
    stops = sizes.integers("cu_num_draft_tokens", cu_num_draft_tokens, "B", 0, sizes["T"], check)
    if check or max_draft_tokens is None or here(stops):
        counts = np.diff(to_numpy(stops if here(stops) else stops.cpu(), np.int64), prepend=0)
        if counts.size == 0 or counts.min() < 0 or counts.sum() != sizes["T"]:
            raise ValueError(
                f"cu_num_draft_tokens makes {counts.tolist()} drafts of the {sizes['T']} in draft_token_ids: "
                "give running totals, as np.cumsum of the drafts per request does"
            )
        most = int(counts.max())
        if max_draft_tokens is not None and most > max_draft_tokens:
            raise ValueError(
                f"max_draft_tokens is {max_draft_tokens}, cu_num_draft_tokens gives a request {most} drafts: "
                "raise it"
            )
        max_draft_tokens = most if max_draft_tokens is None else max_draft_tokens
    target = sizes.laws("target_probs", target_probs, "T+B V", check)
    q = None if draft_probs is None else sizes.laws("draft_probs", draft_probs, "T V", check)
    ids = sizes.between("draft_token_ids", ids, 0, sizes["V"] - 1, check)
    coins = sizes.uniforms("uniform", uniform, "T", check)
    finals = sizes.uniforms("uniform_final", uniform_final, "B", check)
    return q, ids, target, stops, coins, finals, max_draft_tokens


def running_totals(cu_num_draft_tokens: Any, batch: int, most: int) -> Any:
    """Return the running totals of the drafts of all requests, int32 in NumPy."""
    if cu_num_draft_tokens is not None:
        return to_numpy(cu_num_draft_tokens, np.int32)
    return np.arange(most, most * batch + 1, most, dtype=np.int32) if most else np.zeros(batch, np.int32)


def _need(draft_probs: Any, sampled: bool) -> None:
    if sampled and draft_probs is None:
        raise TypeError(
            "draft_probs is None: give the laws that the drafts were sampled from; chosen drafts are for "
            "chain_speculative_sampling"
        )

"""The same work in FlashInfer, by kernel: functions that prepare a run from a case's tensors.

Caches are in pages of 64 keys, masks are packed beforehand, and plans are made beforehand, as its users do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

Run = Callable[[], Any]
PAGE = 64
WORKSPACE = 2**28  # bytes
LN2 = 0.6931471805599453


def _package() -> Any:
    import flashinfer  # type: ignore[import-not-found, unused-ignore]

    return flashinfer


def _workspace(device: Any) -> Any:
    import torch

    return torch.zeros(WORKSPACE, dtype=torch.uint8, device=device)  # it must be zero when first used


def _pages(x: Any) -> Any:
    """Return (B, N, Hk, D) as pages (B N / 64, 64, Hk, D), the last of each request filled with zeros."""
    import torch

    heads, dim = x.shape[2:]
    return torch.nn.functional.pad(x, (0, 0, 0, 0, 0, -x.shape[1] % PAGE)).reshape(-1, PAGE, heads, dim)


def _table(batch: int, keys: int, device: Any) -> tuple[Any, Any, Any]:
    import torch

    number = -(-keys // PAGE)
    count = partial(torch.arange, dtype=torch.int32, device=device)
    last = torch.full((batch,), keys - PAGE * (number - 1), dtype=torch.int32, device=device)
    return number * count(batch + 1), count(batch * number), last


def _planned(q: Any, keys: int, kv_heads: int, mask: Any = None, backend: str = "fa2") -> Any:
    """Return a wrapper for rows (B, M, H, D) over ``keys`` keys each, under a mask (B, M, keys)."""
    import torch

    batch, rows, heads, dim = q.shape
    wrapper = _package().BatchPrefillWithPagedKVCacheWrapper(_workspace(q.device), "NHD", backend=backend)
    at = rows * torch.arange(batch + 1, dtype=torch.int32, device=q.device)
    flat = None if mask is None else mask.bool().flatten()
    wrapper.plan(at, *_table(batch, keys, q.device), heads, kv_heads, dim, PAGE, causal=False,
                 custom_mask=flat, q_data_type=q.dtype, kv_data_type=q.dtype)  # fmt: skip
    return wrapper


def chain(q: Any, ids: Any, p: Any, uniform: Any, final: Any) -> Run:
    """Prepare chain verification, with its own variates; the counters are given, so nothing is filled."""
    import torch

    tokens = ids.int()
    counts = [torch.zeros(len(q), dtype=torch.int32, device=q.device) for _ in range(2)]
    verify = _package().sampling.chain_speculative_sampling
    return lambda: verify(q, tokens, p, *counts)


def softmax(logits: Any) -> Run:
    """Prepare the softmax, which first makes logits float32."""
    run = _package().sampling.softmax
    return lambda: run(logits, 0.8)


def nucleus(logits: Any, top_p: Any) -> Run:
    """Prepare softmax and top-p: two calls."""
    s, p = _package().sampling, top_p.float()
    return lambda: s.top_p_renorm_probs(s.softmax(logits, 0.8), p)


def cuts(logits: Any, temperature: Any, top_k: Any, top_p: Any) -> Run:
    """Prepare softmax, top-k, and top-p of what is left: three calls."""
    s, t, k, p = _package().sampling, temperature.float(), top_k.int(), top_p.float()
    return lambda: s.top_p_renorm_probs(s.top_k_renorm_probs(s.softmax(logits, t), k), p)


def decode(q: Any, k: Any, v: Any, lengths: Any, tensor_cores: bool = False) -> Run:
    """Prepare decode attention over full caches."""
    batch, keys, kv_heads, dim = k.shape
    wrapper = _package().BatchDecodeWithPagedKVCacheWrapper(
        _workspace(q.device), "NHD", use_tensor_cores=tensor_cores
    )
    wrapper.plan(*_table(batch, keys, q.device), q.shape[2], kv_heads, dim, PAGE,
                 q_data_type=q.dtype, kv_data_type=k.dtype)  # fmt: skip
    cache, rows_ = (_pages(k), _pages(v)), q[:, 0].contiguous()
    return lambda: wrapper.run(rows_, cache)[:, None]


def rows(q: Any, k: Any, v: Any, lengths: Any, backend: str = "fa2") -> Run:
    """Prepare attention of several rows that see all keys."""
    wrapper = _planned(q, k.shape[1], k.shape[2], backend=backend)
    cache, flat = (_pages(k), _pages(v)), q.flatten(0, 1)
    return lambda: wrapper.run(flat, cache).view(q.shape)


def tree(q: Any, k: Any, v: Any, mask: Any) -> Run:
    """Prepare attention within a tree."""
    wrapper = _planned(q, k.shape[1], k.shape[2], mask)
    cache, flat = (_pages(k), _pages(v)), q.flatten(0, 1)
    return lambda: wrapper.run(flat, cache).view(q.shape)


def hybrid(q: Any, k: Any, v: Any, lengths: Any, k_spec: Any, v_spec: Any, mask: Any) -> Run:
    """Prepare one mask over caches that hold the tree already, as SGLang does."""
    import torch

    seen = torch.cat([mask.new_ones(*mask.shape[:2], k.shape[1]), mask], 2)
    wrapper = _planned(q, k.shape[1] + k_spec.shape[1], k.shape[2], seen)
    cache = tuple(_pages(torch.cat(pair, 1)) for pair in ((k, k_spec), (v, v_spec)))
    flat = q.flatten(0, 1)
    return lambda: wrapper.run(flat, cache).view(q.shape)


def hybrid_merged(
    q: Any, k: Any, v: Any, lengths: Any, k_spec: Any, v_spec: Any, mask: Any, backend: str = "fa2"
) -> Run:
    """Prepare the cache without a mask, the tree with one, then the merge of both: three calls."""
    before = _planned(q, k.shape[1], k.shape[2], backend=backend)
    drawn = _planned(q, k_spec.shape[1], k.shape[2], mask)
    cache, nodes, flat = (_pages(k), _pages(v)), (_pages(k_spec), _pages(v_spec)), q.flatten(0, 1)
    merge_state = _package().merge_state

    def run() -> Any:
        parts = *before.run(flat, cache, return_lse=True), *drawn.run(flat, nodes, return_lse=True)
        return merge_state(*parts)[0].view(q.shape)

    return run


def merge(o: Any, lse: Any) -> Run:
    """Prepare merging, of states of two bytes, also as results; the rows come first, lse is of base 2."""
    parts, count, dim = o.shape
    heads = 32 if count % 32 == 0 else 1
    states = o.view(parts, -1, heads, dim).transpose(0, 1).contiguous()
    scores = (lse.view(parts, -1, heads).transpose(0, 1) / LN2).contiguous()
    run = _package().merge_states
    return lambda: run(states, scores)


decode_on_tensor_cores = partial(decode, tensor_cores=True)
rows_fa3 = partial(rows, backend="fa3")
hybrid_merged_fa3 = partial(hybrid_merged, backend="fa3")

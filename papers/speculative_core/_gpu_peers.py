"""The same work in PyTorch and in FlashInfer, by kernel: functions that prepare a run from a case's tensors.

Each prepared run has been called once; those of attention have been compared with the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[[], Any]
PAGE = 64


def _agrees(run: Run, expected: Any) -> Run:
    apart = float((run().float() - expected.float()).abs().max())
    if not apart <= 2e-2:
        raise ArithmeticError(f"differs from the kernel by {apart:.1e}")
    return run


def _decoded(q: Any, k: Any, v: Any, lengths: Any) -> Any:
    from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
    from tightbound.kernels.merge_states import merge_states

    return merge_states(*decode_attention_splitk(q, k, v, lengths, backend="triton"), backend="triton")[0]


def sdpa(q: Any, k: Any, v: Any, lengths: Any) -> Run:
    """Prepare ``scaled_dot_product_attention`` over full caches."""
    import torch

    attend = torch.nn.functional.scaled_dot_product_attention
    heads = [x.transpose(1, 2) for x in (q, k, v)]
    return _agrees(lambda: attend(*heads, enable_gqa=True).transpose(1, 2), _decoded(q, k, v, lengths))


def sdpa_hybrid(q: Any, k: Any, v: Any, lengths: Any, k_spec: Any, v_spec: Any, mask: Any) -> Run:
    """Prepare ``scaled_dot_product_attention`` with a mask, over caches that hold the tree already."""
    import torch

    from tightbound.kernels.hybrid_tree_attention import hybrid_tree_attention

    expected = hybrid_tree_attention(q, k, v, lengths, k_spec, v_spec, mask, backend="triton")[0]
    attend = torch.nn.functional.scaled_dot_product_attention
    heads = [q, torch.cat([k, k_spec], 1), torch.cat([v, v_spec], 1)]
    heads = [x.transpose(1, 2) for x in heads]
    seen = torch.cat([mask.new_ones(*mask.shape[:2], k.shape[1]), mask], 2).bool()[:, None]
    return _agrees(lambda: attend(*heads, attn_mask=seen, enable_gqa=True).transpose(1, 2), expected)


def sdpa_tree(q: Any, k: Any, v: Any, mask: Any) -> Run:
    """Prepare ``scaled_dot_product_attention`` with the mask of the tree."""
    import torch

    from tightbound.kernels.tree_attention import tree_attention

    attend = torch.nn.functional.scaled_dot_product_attention
    heads, seen = [x.transpose(1, 2) for x in (q, k, v)], mask.bool()[:, None]
    expected = tree_attention(q, k, v, mask, backend="triton")[0]
    return _agrees(lambda: attend(*heads, attn_mask=seen, enable_gqa=True).transpose(1, 2), expected)


def flex_hybrid(q: Any, k: Any, v: Any, lengths: Any, k_spec: Any, v_spec: Any, mask: Any) -> Run:
    """Prepare compiled ``flex_attention`` with a block mask, over caches that hold the tree already."""
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    from tightbound.kernels.hybrid_tree_attention import hybrid_tree_attention

    expected = hybrid_tree_attention(q, k, v, lengths, k_spec, v_spec, mask, backend="triton")[0]
    prefix, (batch, rows, nodes) = k.shape[1], mask.shape
    heads = [q, torch.cat([k, k_spec], 1), torch.cat([v, v_spec], 1)]
    heads = [x.transpose(1, 2).contiguous() for x in heads]
    tree = mask.bool()

    def seen(b: Any, h: Any, m: Any, n: Any) -> Any:
        return (n < prefix) | tree[b, m, (n - prefix).clamp(min=0)]

    block = create_block_mask(seen, batch, None, rows, prefix + nodes, device=q.device)
    attend = torch.compile(flex_attention)
    return _agrees(lambda: attend(*heads, block_mask=block, enable_gqa=True).transpose(1, 2), expected)


def flex_decode(q: Any, k: Any, v: Any, lengths: Any) -> Run:
    """Prepare compiled ``flex_attention`` over full caches."""
    import torch
    from torch.nn.attention.flex_attention import flex_attention

    heads = [x.transpose(1, 2).contiguous() for x in (q, k, v)]
    attend = torch.compile(flex_attention)
    return _agrees(lambda: attend(*heads, enable_gqa=True).transpose(1, 2), _decoded(q, k, v, lengths))


def compiled_chain(q: Any, ids: Any, p: Any, uniform: Any, final: Any) -> Run:
    """Prepare chain verification in array operations under ``torch.compile``."""
    import torch

    def verify(q: Any, ids: Any, p: Any, uniform: Any, final: Any) -> Any:
        at = ids.long()[..., None]
        passed = uniform * q.gather(2, at)[..., 0] < p[:, :-1].gather(2, at)[..., 0]
        n = passed.long().cumprod(1).sum(1)
        request = torch.arange(len(n), device=n.device)
        drafted = q[request, n.clamp(max=q.shape[1] - 1)] * (n < q.shape[1])[:, None]
        upto = (p[request, n] - drafted).clamp(min=0.0).double().cumsum(1)
        return n, torch.searchsorted(upto, (final * upto[:, -1])[:, None], right=True)

    run = torch.compile(verify)
    run(q, ids, p, uniform, final)
    return lambda: run(q, ids, p, uniform, final)


def softmax(logits: Any) -> Run:
    """Prepare the softmax of torch."""
    import torch

    return lambda: torch.softmax(logits / 0.8, -1, dtype=torch.float32)


def compiled_merge(o: Any, lse: Any) -> Run:
    """Prepare merging in array operations under ``torch.compile``."""
    import torch

    def merge(o: Any, lse: Any) -> Any:
        total = torch.logsumexp(lse, 0)
        return ((lse - total).exp()[..., None] * o).sum(0), total

    run = torch.compile(merge)
    run(o, lse)
    return lambda: run(o, lse)


def flashinfer_chain(q: Any, ids: Any, p: Any, uniform: Any, final: Any) -> Run:
    """Prepare FlashInfer's chain verification, with its own variates."""
    import flashinfer  # type: ignore[import-not-found, unused-ignore]

    tokens = ids.int()
    return lambda: flashinfer.sampling.chain_speculative_sampling(q, tokens, p)


def flashinfer_decode(q: Any, k: Any, v: Any, lengths: Any) -> Run:
    """Prepare FlashInfer's decode attention over full caches in pages."""
    import flashinfer  # type: ignore[import-not-found, unused-ignore]
    import torch

    batch, keys, kv_heads, dim = k.shape
    pages = keys // PAGE
    workspace = torch.empty(2**28, dtype=torch.uint8, device=q.device)
    wrapper = flashinfer.BatchDecodeWithPagedKVCacheWrapper(workspace, "NHD")
    index = torch.arange(batch * pages, dtype=torch.int32, device=q.device)
    starts = pages * torch.arange(batch + 1, dtype=torch.int32, device=q.device)
    last = torch.full((batch,), PAGE, dtype=torch.int32, device=q.device)
    wrapper.plan(starts, index, last, q.shape[2], kv_heads, dim, PAGE,
                 q_data_type=q.dtype, kv_data_type=k.dtype)  # fmt: skip
    cache = tuple(x.reshape(batch * pages, PAGE, kv_heads, dim) for x in (k, v))
    rows = q[:, 0]
    return _agrees(lambda: wrapper.run(rows, cache), _decoded(q, k, v, lengths)[:, 0])


def flashinfer_merge(o: Any, lse: Any) -> Run:
    """Prepare FlashInfer's merging, which has the rows first and another base of the logarithm."""
    import flashinfer  # type: ignore[import-not-found, unused-ignore]

    states = o.transpose(0, 1)[:, :, None].contiguous()
    scores = (lse.T / 0.6931471805599453)[:, :, None].contiguous()
    return lambda: flashinfer.merge_states(states, scores)


PEERS: dict[str, dict[str, Callable[..., Run]]] = {
    "chain_speculative_sampling": {
        "torch.compile, array operations": compiled_chain,
        "FlashInfer chain_speculative_sampling": flashinfer_chain,
    },
    "probs_from_logits": {"torch softmax": softmax},
    "decode_attention_splitk, merged": {
        "torch scaled_dot_product_attention": sdpa,
        "torch flex_attention, compiled": flex_decode,
        "FlashInfer batch decode, paged": flashinfer_decode,
    },
    "tree_attention": {"torch scaled_dot_product_attention, masked": sdpa_tree},
    "hybrid_tree_attention": {
        "torch scaled_dot_product_attention, masked": sdpa_hybrid,
        "torch flex_attention, compiled": flex_hybrid,
    },
    "merge_states": {
        "torch.compile, array operations": compiled_merge,
        "FlashInfer merge_states": flashinfer_merge,
    },
}

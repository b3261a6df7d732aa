"""The same work in PyTorch, by kernel: functions that prepare a run from a case's tensors.

Each prepared run has been called once; those of attention have been compared with the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tightbound.papers.speculative_core import _gpu_flashinfer as flashinfer
from tightbound.papers.speculative_core import _gpu_reading as reading
from tightbound.papers.speculative_core._gpu_flashinfer import Run
from tightbound.papers.speculative_core._gpu_inputs import LARGE


def _agrees(run: Run, expected: Any) -> Run:
    apart = float((run().float() - expected.float()).abs().max())
    if not apart <= 2e-2:
        raise ArithmeticError(f"differs from the kernel by {apart:.1e}")
    return run


def _decoded(q: Any, k: Any, v: Any, lengths: Any) -> Any:
    from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
    from tightbound.kernels.merge_states import merge_states

    return merge_states(*decode_attention_splitk(q, k, v, lengths, backend="triton"), backend="triton")[0]


def _tree(*tensors: Any) -> Any:
    from tightbound.kernels.tree_attention import tree_attention

    return tree_attention(*tensors, backend="triton")[0]


def _hybrid(*tensors: Any) -> Any:
    from tightbound.kernels.hybrid_tree_attention import hybrid_tree_attention

    return hybrid_tree_attention(*tensors, backend="triton")[0]


def sdpa(q: Any, k: Any, v: Any, lengths: Any) -> Run:
    """Prepare ``scaled_dot_product_attention`` over full caches."""
    import torch

    attend = torch.nn.functional.scaled_dot_product_attention
    heads = [x.transpose(1, 2) for x in (q, k, v)]
    return _agrees(lambda: attend(*heads, enable_gqa=True).transpose(1, 2), _decoded(q, k, v, lengths))


def sdpa_hybrid(q: Any, k: Any, v: Any, lengths: Any, k_spec: Any, v_spec: Any, mask: Any) -> Run:
    """Prepare ``scaled_dot_product_attention`` with a mask, over caches that hold the tree already."""
    import torch

    expected = _hybrid(q, k, v, lengths, k_spec, v_spec, mask)
    attend = torch.nn.functional.scaled_dot_product_attention
    heads = [q, torch.cat([k, k_spec], 1), torch.cat([v, v_spec], 1)]
    heads = [x.transpose(1, 2) for x in heads]
    seen = torch.cat([mask.new_ones(*mask.shape[:2], k.shape[1]), mask], 2).bool()[:, None]
    return _agrees(lambda: attend(*heads, attn_mask=seen, enable_gqa=True).transpose(1, 2), expected)


def sdpa_tree(q: Any, k: Any, v: Any, mask: Any) -> Run:
    """Prepare ``scaled_dot_product_attention`` with the mask of the tree."""
    import torch

    attend = torch.nn.functional.scaled_dot_product_attention
    heads, seen = [x.transpose(1, 2) for x in (q, k, v)], mask.bool()[:, None]
    expected = _tree(q, k, v, mask)
    return _agrees(lambda: attend(*heads, attn_mask=seen, enable_gqa=True).transpose(1, 2), expected)


def flex_hybrid(q: Any, k: Any, v: Any, lengths: Any, k_spec: Any, v_spec: Any, mask: Any) -> Run:
    """Prepare compiled ``flex_attention`` with a block mask, over caches that hold the tree already."""
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    expected = _hybrid(q, k, v, lengths, k_spec, v_spec, mask)
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


def array_cuts(logits: Any, temperature: Any, top_k: Any, top_p: Any) -> Run:
    """Prepare top-k, then top-p of what is left, in array operations: a sort, as in transformers."""
    import torch

    t, k, share = temperature.float()[:, None], top_k.long()[:, None], top_p.float()[:, None]

    def cut() -> Any:
        ranked, order = (logits.float() / t).sort(-1, descending=True)
        place = torch.arange(ranked.shape[-1], device=ranked.device)
        laws = ranked.masked_fill(place >= k, -float("inf")).softmax(-1)
        laws = laws.masked_fill(laws.cumsum(-1) - laws >= share, 0.0)
        return torch.zeros_like(laws).scatter_(-1, order, laws / laws.sum(-1, keepdim=True))

    cut()
    return cut


def array_step(logq: Any, cum: Any) -> Run:
    """Prepare a layer of the tree by ``topk`` over all continuations."""
    width = logq.shape[1]

    def step() -> Any:
        best = (logq + cum[..., None]).flatten(1).topk(width)
        return best.indices % logq.shape[2], best.indices // logq.shape[2], best.values

    step()
    return step


def array_select(mass: Any) -> Run:
    """Prepare ``topk`` and a sort of what it finds."""
    return lambda: mass.topk(LARGE.kept, sorted=False).indices.sort(-1).values.int()


def gathered(q: Any, k: Any, v: Any, index: Any, starts: Any, lengths: Any) -> Run:
    """Prepare a gather of the kept keys, and ``scaled_dot_product_attention`` over them and the tail."""
    import torch

    from tightbound.kernels.sparse_decode_attention import sparse_decode_attention

    expected = sparse_decode_attention(q, k, v, index, starts, lengths, backend="triton")[0]
    every = reading.listed(index.long(), starts, lengths)[..., None]
    attend = torch.nn.functional.scaled_dot_product_attention

    def run() -> Any:
        some = [x.transpose(1, 2).gather(2, every.expand(-1, -1, -1, x.shape[3])) for x in (k, v)]
        return attend(q.transpose(1, 2), *some, enable_gqa=True).transpose(1, 2)

    return _agrees(run, expected)


def agreeing(prepare: Callable[..., Run], ours: Callable[..., Any]) -> Callable[..., Run]:
    """Return ``prepare``, with the first result compared to ours."""
    return lambda *tensors: _agrees(prepare(*tensors), ours(*tensors))


PEERS: dict[str, dict[str, Callable[..., Run]]] = {
    "chain_speculative_sampling": {
        "torch.compile, array operations": compiled_chain,
        "FlashInfer chain_speculative_sampling": flashinfer.chain,
    },
    "probs_from_logits": {"torch softmax": softmax, "FlashInfer softmax": flashinfer.softmax},
    "probs_from_logits, top-p": {"FlashInfer softmax, top-p": flashinfer.nucleus},
    "probs_from_logits, top-k and top-p": {
        "torch, sort": array_cuts,
        "FlashInfer softmax, top-k, top-p": flashinfer.cuts,
    },
    "beam_tree_step": {"torch topk": array_step},
    "topk_select": {"torch topk, sort": array_select},
    "decode_attention_splitk, merged": {
        "torch scaled_dot_product_attention": sdpa,
        "torch flex_attention, compiled": flex_decode,
        "FlashInfer batch decode, paged": agreeing(flashinfer.decode, _decoded),
        "FlashInfer batch decode, paged, tensor cores": agreeing(flashinfer.decode_on_tensor_cores, _decoded),
    },
    "decode_attention_splitk, rows of a tree": {
        "torch scaled_dot_product_attention": sdpa,
        "FlashInfer batch prefill, paged (fa2)": agreeing(flashinfer.rows, _decoded),
        "FlashInfer batch prefill, paged (fa3)": agreeing(flashinfer.rows_fa3, _decoded),
    },
    "tree_attention": {
        "torch scaled_dot_product_attention, masked": sdpa_tree,
        "FlashInfer batch prefill, paged, masked (fa2)": agreeing(flashinfer.tree, _tree),
    },
    "hybrid_tree_attention": {
        "torch scaled_dot_product_attention, masked": sdpa_hybrid,
        "torch flex_attention, compiled": flex_hybrid,
        "FlashInfer batch prefill, paged, masked (fa2)": agreeing(flashinfer.hybrid, _hybrid),
        "FlashInfer prefill of cache and tree, merge_state (fa2)": agreeing(
            flashinfer.hybrid_merged, _hybrid
        ),
        "FlashInfer prefill of cache (fa3) and tree, merge_state": agreeing(
            flashinfer.hybrid_merged_fa3, _hybrid
        ),
    },
    "sparse_decode_attention": {
        "torch gather, scaled_dot_product_attention": gathered,
        "reading the kept keys and values, nothing else": reading.kept,
    },
    "merge_states": {"torch.compile, array operations": compiled_merge},
    "merge_states, states of two bytes": {"FlashInfer merge_states": flashinfer.merge},
}

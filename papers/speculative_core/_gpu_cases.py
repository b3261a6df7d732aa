"""Fresh random inputs for every kernel, and what its results are compared with and measured against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tightbound.papers.speculative_core import _gpu_attention_cases as attention
from tightbound.papers.speculative_core import _gpu_compare as compare
from tightbound.papers.speculative_core._gpu_inputs import LARGE, Case, Maker, Scale


def cases(scale: Scale, device: str, seed: int) -> Iterator[Case]:
    """Yield a case for every kernel with a Triton backend, in every dtype, one at a time."""
    make = Maker(scale, device, seed)
    yield from _chains(make)
    yield from _trees(make)
    yield from _laws(make)
    yield from attention.cases(make)


def _chains(make: Maker) -> Iterator[Case]:
    from tightbound.kernels.block_speculative_sampling import block_speculative_sampling
    from tightbound.kernels.chain_speculative_sampling import chain_speculative_sampling

    s = make.scale
    batch = 64 if s is LARGE else s.batch
    q, p = make.laws(batch, s.drafts + 1, s.vocabulary)
    q = q[:, :-1].contiguous()
    arguments = (q, make.draws(q), p, make.uniform(batch, s.drafts), make.uniform(batch))
    size = f"B={batch}, g={s.drafts}, V={s.vocabulary}"
    row = 4 * batch * s.vocabulary
    sampled: dict[str, Any] = {"compare": compare.tokens, "coins": (3, 4)}
    yield Case("chain_speculative_sampling", size, chain_speculative_sampling, arguments,
               bytes=4 * row, flops=6 * row // 4, numba_cuda=True, **sampled)  # fmt: skip
    chosen = partial(_without_laws, chain_speculative_sampling)
    yield Case("chain_speculative_sampling, chosen drafts", size, chosen, arguments[1:],
               bytes=2 * row, flops=4 * row // 4, compare=compare.tokens, coins=(2, 3),
               numba_cuda=True)  # fmt: skip
    yield Case("block_speculative_sampling", size, block_speculative_sampling, arguments,
               bytes=2 * s.drafts * row, flops=3 * s.drafts * row // 4, **sampled)  # fmt: skip


def _without_laws(run: Callable[..., Any], *arguments: Any, backend: str) -> Any:
    return run(None, *arguments, backend=backend)


def _trees(make: Maker) -> Iterator[Case]:
    from tightbound.kernels.build_tree import build_tree
    from tightbound.kernels.kv_compact import kv_compact
    from tightbound.kernels.tree_rejection_sampling import tree_rejection_sampling
    from tightbound.kernels.tree_speculative_sampling_target_only import tree_speculative_sampling_target_only
    from tightbound.kernels.verify_tree_greedy import verify_tree_greedy

    s = make.scale
    parents, tokens = make.trees()
    starts = make.integers(0, s.keys - s.nodes, s.batch).int()
    size = f"B={s.batch}, M={s.nodes}"
    built = (parents, tokens, starts)
    entries = s.batch * s.nodes
    yield Case("build_tree", size, build_tree, built, compare.exact, entries * (s.nodes + 28), 0,
               numba_cuda=True)  # fmt: skip
    tree = build_tree(*(x.cpu() for x in built), backend="numpy")
    import torch

    links = tuple(torch.from_numpy(x).to(make.device) for x in tree[:4])
    best = make.integers(0, 8, s.batch, s.nodes).int()
    greedy = (*links, best)
    yield Case("verify_tree_greedy", size, verify_tree_greedy, greedy, compare.exact, 20 * entries, 0,
               numba_cuda=True)  # fmt: skip
    q, p = make.laws(s.batch, s.nodes, s.vocabulary)
    coins = (make.uniform(s.batch, s.nodes), make.uniform(s.batch))
    row = 4 * s.batch * s.vocabulary
    size = f"{size}, V={s.vocabulary}"
    yield Case("tree_speculative_sampling_target_only", size, tree_speculative_sampling_target_only,
               (*links, *coins, p), compare.tokens, 2 * row, row // 2, coins=(4, 5),
               numba_cuda=True)  # fmt: skip
    for replace in (True, False):
        name = f"tree_rejection_sampling, {'with' if replace else 'without'} replacement"
        run = partial(tree_rejection_sampling, replace=replace)
        # at least one row of each law is read; how many more depends on what is rejected
        yield Case(name, size, run, (*links, *coins, p, q), compare.tokens, 2 * row, row, coins=(4, 5))
    del q, p
    found = verify_tree_greedy(*(x.cpu() for x in greedy), backend="numpy")
    path, number = (torch.from_numpy(x).to(make.device) for x in found[1:])
    for dtype in s.dtypes:
        k, v = (make.normal(s.batch, s.keys, s.kv_heads, s.dim, dtype=dtype) for _ in "kv")
        moved = 4 * int((number + 1).sum()) * s.kv_heads * s.dim * k.element_size()
        arguments = (k, v, path, number, starts)
        yield Case("kv_compact", f"B={s.batch}, N={s.keys}, {dtype}", kv_compact, arguments,
                   compare.exact, moved, 0, numba_cuda=dtype != "bfloat16",
                   timed=partial(kv_compact, *arguments, out=(k, v), backend="triton"))  # fmt: skip


def _laws(make: Maker) -> Iterator[Case]:
    import torch

    from tightbound.kernels.beam_tree_step import beam_tree_step
    from tightbound.kernels.probs_from_logits import probs_from_logits

    s = make.scale
    rows = 8 * s.batch if s is LARGE else s.batch

    def nucleus(logits: Any, what: str) -> Case:
        size = f"rows={len(logits)}, V={s.vocabulary}, {what}"
        share = torch.full((len(logits),), 0.9, device=make.device, dtype=torch.float64)
        run = partial(_top_p, partial(probs_from_logits, temperature=0.8, top_k=0))
        count = logits.numel() * (logits.element_size() + 4)
        return Case("probs_from_logits, top-p", size, run, (logits, share), compare.laws, count,
                    5 * logits.numel(), coins=(1,))  # fmt: skip

    if s is LARGE:  # of few rows, also where most tokens are kept
        for spread in (3.0, 0.4):
            logits = spread * make.normal(s.batch, s.vocabulary, dtype=s.dtypes[0])
            yield nucleus(logits, f"{s.dtypes[0]}, logits of deviation {spread}")
    for dtype in s.dtypes:
        logits = 3.0 * make.normal(rows, s.vocabulary, dtype=dtype)
        size = f"rows={rows}, V={s.vocabulary}, {dtype}"
        count = logits.numel() * (logits.element_size() + 4)
        softmax = partial(probs_from_logits, temperature=0.8)
        work = 5 * logits.numel()
        yield Case("probs_from_logits", size, softmax, (logits,), compare.laws, count, work)
        yield nucleus(logits, dtype)
        full = partial(torch.full, (rows,), device=make.device)
        cuts = (full(0.8), full(50), full(0.9, dtype=torch.float64))
        yield Case("probs_from_logits, top-k and top-p", size, probs_from_logits, (logits, *cuts),
                   compare.laws, count, work, coins=(3,))  # fmt: skip
    width = min(16, s.nodes)
    logq = (3.0 * make.normal(s.batch, width, s.vocabulary)).log_softmax(-1)
    cum = make.normal(s.batch, width)
    size = f"B={s.batch}, r={width}, w={width}, V={s.vocabulary}"
    step = partial(_step, beam_tree_step, width)
    yield Case("beam_tree_step", size, step, (logq, cum), compare.exact, 4 * logq.numel(), logq.numel())


def _top_p(run: Callable[..., Any], logits: Any, share: Any, *, backend: str) -> Any:
    return run(logits, top_p=share, backend=backend)


def _step(run: Callable[..., Any], width: int, logq: Any, cum: Any, *, backend: str) -> Any:
    return run(logq, cum, width, backend=backend)

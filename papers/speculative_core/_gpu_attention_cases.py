"""Fresh random inputs for the attention kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tightbound.papers.speculative_core import _gpu_compare as compare
from tightbound.papers.speculative_core._gpu_inputs import LARGE, Case, Maker


def cases(make: Maker) -> Iterator[Case]:
    """Yield a case for every attention kernel, in every dtype."""
    for dtype in make.scale.dtypes:
        yield from _over_caches(make, dtype)
        yield from _selections(make, dtype)
    yield from _merges(make)


def _merged(run: Callable[..., Any], *arguments: Any, backend: str) -> Any:
    from tightbound.kernels.merge_states import merge_states

    return merge_states(*run(*arguments, backend=backend), backend=backend)


def _over_caches(make: Maker, dtype: str) -> Iterator[Case]:
    import torch

    from tightbound.kernels import (
        decode_attention_splitk,
        hybrid_tree_attention,
        tree_attention,
        window_attention,
    )

    s = make.scale
    batch = min(8, s.batch)
    heads = s.kv_heads * s.group
    k, v = (make.normal(batch, s.keys, s.kv_heads, s.dim, dtype=dtype) for _ in "kv")
    lengths = make.lengths()[:batch]
    counted = [int(n) for n in lengths]
    budget = partial(compare.states, dtype=dtype)
    unrounded = partial(budget, rounded=False)
    shape: dict[str, Any] = {"kv_heads": s.kv_heads, "dim": s.dim, "itemsize": k.element_size()}
    work: dict[str, Any] = {"heads": heads, "dim": s.dim}
    size = f"B={batch}, N={s.keys}, Hk={s.kv_heads}, G={s.group}, D={s.dim}, {dtype}"
    q = make.normal(batch, 1, heads, s.dim, dtype=dtype)
    decode = decode_attention_splitk
    run = partial(_merged, decode.decode_attention_splitk)
    yield Case("decode_attention_splitk, merged", size, run, (q, k, v, lengths), unrounded,
               decode.bytes_read(lengths=counted, **shape),
               decode.flops(lengths=counted, rows=1, **work))  # fmt: skip
    window = min(512, s.keys)
    ring = [x[:, :window] for x in (k, v)]
    written = [2 * window + 3 + b for b in range(batch)]
    yield Case("window_attention", size.replace(f"N={s.keys}", f"C={window}"),
               partial(window_attention.window_attention, sinks=4),
               (q, *ring, torch.tensor(written, device=make.device)), budget,
               window_attention.bytes_read(positions=written, slots=window, **shape),
               window_attention.flops(positions=written, slots=window, rows=1, **work))  # fmt: skip
    nodes = s.nodes
    q = make.normal(batch, nodes, heads, s.dim, dtype=dtype)
    k_spec, v_spec = (make.normal(batch, nodes, s.kv_heads, s.dim, dtype=dtype) for _ in "kv")
    mask = make.uniform(batch, nodes, nodes) < 0.3
    mask |= torch.eye(nodes, dtype=torch.bool, device=make.device)
    tree = tree_attention
    yield Case("tree_attention", size.replace(f"N={s.keys}", f"M={nodes}"), tree.tree_attention,
               (q, k_spec, v_spec, mask), unrounded,
               tree.bytes_read(batch=batch, rows=nodes, nodes=nodes, **shape),
               tree.flops(batch=batch, rows=nodes, nodes=nodes, **work))  # fmt: skip
    size = f"M={nodes}, {size}"
    yield Case("decode_attention_splitk, rows of a tree", size, run, (q, k, v, lengths), unrounded,
               decode.bytes_read(lengths=counted, **shape),
               decode.flops(lengths=counted, rows=nodes, **work))  # fmt: skip
    hybrid = hybrid_tree_attention
    yield Case("hybrid_tree_attention", size, hybrid.hybrid_tree_attention,
               (q, k, v, lengths, k_spec, v_spec, mask), budget,
               hybrid.bytes_read(lengths=counted, rows=nodes, nodes=nodes, **shape),
               hybrid.flops(lengths=counted, rows=nodes, nodes=nodes, **work))  # fmt: skip


def _selections(make: Maker, dtype: str) -> Iterator[Case]:
    import torch

    from tightbound.kernels import sparse_decode_attention, topk_select

    s = make.scale
    heads = s.kv_heads * s.group
    tail = s.keys // 2 + s.keys // 4
    sparse = sparse_decode_attention
    for batch in (32, 8) if s is LARGE else (min(8, s.batch),):
        q = make.normal(batch, 1, heads, s.dim, dtype=dtype)
        k, v = (make.normal(batch, s.keys, s.kv_heads, s.dim, dtype=dtype) for _ in "kv")
        order = make.uniform(batch, s.kv_heads, tail).argsort(-1)
        index = order[..., : s.kept].sort(-1).values.int().contiguous()
        starts = torch.full((batch,), tail, dtype=torch.int32, device=make.device)
        lengths = starts + min(64, s.keys - tail)
        tails = [int(n) for n in lengths - starts]
        shape: dict[str, Any] = {"kv_heads": s.kv_heads, "dim": s.dim, "itemsize": k.element_size()}
        size = f"B={batch}, N={s.keys}, Hk={s.kv_heads}, G={s.group}, D={s.dim}, {dtype}"
        yield Case("sparse_decode_attention", f"K={s.kept}, tail={tails[0]}, {size}",
                   sparse.sparse_decode_attention, (q, k, v, index, starts, lengths),
                   partial(compare.states, dtype=dtype),
                   sparse.bytes_read(kept=s.kept, tails=tails, **shape),
                   sparse.flops(kept=s.kept, tails=tails, rows=1, heads=heads, dim=s.dim))  # fmt: skip
    rows = min(64, s.nodes)
    q = make.normal(batch, rows, heads, s.dim, dtype=dtype)
    every = [s.keys] * batch
    yield Case("attention_mass", f"M={rows}, {size}", topk_select.attention_mass, (q, k),
               compare.masses, topk_select.bytes_read(lengths=every, **shape),
               topk_select.flops(lengths=every, rows=rows, heads=heads, dim=s.dim))  # fmt: skip
    mass = make.uniform(batch, s.kv_heads, s.keys).float()
    select = partial(_select, topk_select.topk_select, s.kept)
    yield Case("topk_select", f"K={s.kept}, {size}", select, (mass,), compare.exact,
               4 * mass.numel() + 4 * batch * s.kv_heads * s.kept, 0)  # fmt: skip


def _select(run: Callable[..., Any], kept: int, mass: Any, *, backend: str) -> Any:
    return run(mass, kept, backend=backend)


def _merges(make: Maker) -> Iterator[Case]:
    from tightbound.kernels.merge_states import bytes_read, merge_states

    s = make.scale
    parts, rows = 8, s.batch * s.nodes * s.kv_heads * s.group
    for dtype in ("float32", *s.dtypes) if s is LARGE else s.dtypes:
        o, lse = make.normal(parts, rows, s.dim, dtype=dtype), 5.0 * make.normal(parts, rows)
        lse[0, 0], lse[:, -1] = -float("inf"), -float("inf")
        name = "merge_states" if dtype == "float32" else "merge_states, states of two bytes"
        yield Case(name, f"S={parts}, rows={rows}, D={s.dim}, {dtype}", merge_states, (o, lse),
                   partial(compare.states, dtype="float32", rounded=False),
                   bytes_read(parts, rows, s.dim, o.element_size()) + 4 * rows * (s.dim + 1),
                   2 * parts * rows * s.dim, axis=1)  # fmt: skip

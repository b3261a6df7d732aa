"""LS-10: hybrid tree attention is faster than attention under a whole mask; a matter of the machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.kernels.hybrid_tree_attention import hybrid_tree_attention
from tightbound.papers.longspec.checks.tree_attention import PAPER, RANDOM, Arrays
from tightbound.theory.speculative.trees import DraftTree
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Order

HEADS, KV_HEADS, NODES = 32, 8, 69


def tree(rng: np.random.Generator) -> DraftTree:
    """Return a random tree of 69 nodes."""
    parents = [-1, *(int(rng.integers(i)) for i in range(1, NODES))]
    return DraftTree(np.array(parents), np.arange(NODES))


def arrays(cached: int, dim: int, rng: np.random.Generator) -> tuple[Any, ...]:
    """Return q, k, v, no lengths, keys and values of the tree, and its mask, in float32."""

    def normal(rows: int, heads: int) -> np.ndarray:
        return rng.standard_normal((1, rows, heads, dim)).astype(np.float32)

    keys = (normal(cached, KV_HEADS), normal(cached, KV_HEADS))
    nodes = (normal(NODES, KV_HEADS), normal(NODES, KV_HEADS))
    return (normal(NODES, HEADS), *keys, None, *nodes, tree(rng).ancestor_mask[None])


def eager(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, lengths: None, k_tree: Any, v_tree: Any, mask: np.ndarray
) -> np.ndarray:
    """Return attention over all keys under one mask of all pairs, as array operations."""
    keys, values = np.concatenate([k, k_tree], axis=1)[0], np.concatenate([v, v_tree], axis=1)[0]
    nodes, kv_heads = q.shape[1], k.shape[2]
    whole = np.ones((nodes, len(keys)), dtype=bool)
    whole[:, k.shape[1] :] = mask[0]
    grouped = q[0].reshape(nodes, kv_heads, -1, q.shape[-1]).transpose(1, 2, 0, 3)
    scores = grouped @ keys.transpose(1, 2, 0)[:, None] * np.float32(q.shape[-1] ** -0.5)
    scores = np.where(whole, scores, np.float32(-np.inf))
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    mixed = scores @ values.transpose(1, 0, 2)[:, None]
    return np.asarray(mixed.transpose(2, 0, 1, 3).reshape(q.shape))


def hybrid(*given: Any) -> np.ndarray:
    """Return the same from the kernel."""
    return np.asarray(hybrid_tree_attention(*given)[0])


def _seconds(run: Callable[..., Any], given: tuple[Any, ...], repeats: int) -> np.ndarray:
    run(*given)
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        run(*given)
        found.append(time.perf_counter() - start)
    return np.array(found)


def eager_and_hybrid(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Seconds of both, one entry per repetition."""
    given = arrays(cell["cached"], cell["dim"], rng)
    times = (_seconds(run, given, cell["repeats"]) for run in (eager, hybrid))
    return dict(zip(("greater", "smaller"), times, strict=True))


def eager_twice(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for eager attention, in second place over twice the keys."""
    given = arrays(cell["cached"], cell["dim"], rng)
    longer = arrays(2 * cell["cached"], cell["dim"], rng)
    return {
        "greater": _seconds(eager, given, cell["repeats"]),
        "smaller": _seconds(eager, longer, cell["repeats"]),
    }


LS_10 = Claim(
    id="LS-10",
    paper=PAPER,
    title="Hybrid tree attention takes less time than attention under a mask of all pairs",
    statement="paper: attention of one model pass 49.92 -> 12.54 ms on an A100",
    source="arXiv 2502.17421, Section 4 (latency breakdown)",
    provenance="text",
    statistic=Order(method="t"),
    grid=Grid(quick=cells(cached=[2048], dim=[64], repeats=[5])),
    measure=eager_and_hybrid,
    control=NegativeControl(measure=eager_twice, because="twice the keys do not take less time"),
    substitutes=RANDOM,
    expected="skipped",
    skip="a time, which only a GPU can compare with the paper's: tightbound bench longspec-hybrid reports it",
    seconds={"quick": 1.0},
)

ATTENTION_SPEED = (LS_10,)

"""LS-1, LS-2: attention over cache and draft tree, merged from parts, and row by row along paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
from tightbound.kernels.hybrid_tree_attention import hybrid_tree_attention
from tightbound.kernels.merge_states import merge_states
from tightbound.kernels.tree_attention import tree_attention
from tightbound.theory.speculative.trees import DraftTree
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds

PAPER = "longspec"
RANDOM = "random queries, keys and values, in groups of two query heads, in place of a language model's"
KV_HEADS, GROUP = 2, 2

Arrays = dict[str, Any]
State = tuple[np.ndarray, np.ndarray]
Merge = Callable[[np.ndarray, np.ndarray], State]


class Instance:
    """Queries of a random tree, a cache and the tree's own keys, in float32 numbers of unit variance."""

    def __init__(self, cell: Cell, nodes: int, rng: np.random.Generator) -> None:
        def normal(rows: int, heads: int) -> np.ndarray:
            return rng.standard_normal((1, rows, heads, cell["dim"])).astype(np.float32)

        parents = [-1, *(int(rng.integers(i)) for i in range(1, nodes))]
        self.tree = DraftTree(np.array(parents), np.arange(nodes))
        self.mask = self.tree.ancestor_mask[None]
        self.q = normal(nodes, KV_HEADS * GROUP)
        self.k, self.v = normal(cell["cached"], KV_HEADS), normal(cell["cached"], KV_HEADS)
        self.k_tree, self.v_tree = normal(nodes, KV_HEADS), normal(nodes, KV_HEADS)

    def dense(self, scale: float) -> State:
        """Return one softmax over both sets of keys, in float64."""
        return self.hybrid(scale, self.mask, "numpy")

    def hybrid(self, scale: float, mask: np.ndarray, backend: str) -> State:
        """Return the kernel's merged state."""
        given = (self.q, self.k, self.v, None, self.k_tree, self.v_tree, mask)
        o, lse = hybrid_tree_attention(*given, sm_scale=scale, backend=backend)
        return o, lse

    def parts(self, scale: float, splits: int) -> State:
        """Return the states of all splits of the cache and of the tree, stacked, in float64."""
        o, lse = decode_attention_splitk(
            self.q, self.k, self.v, sm_scale=scale, num_splits=splits, backend="numpy"
        )
        o_tree, lse_tree = tree_attention(
            self.q, self.k_tree, self.v_tree, self.mask, sm_scale=scale, backend="numpy"
        )
        return np.concatenate([o, o_tree[None]]), np.concatenate([lse, lse_tree[None]])


def natural(o: np.ndarray, lse: np.ndarray) -> State:
    """Merge with weights e^(L_s - L)."""
    merged: State = merge_states(o, lse, backend="numpy")
    return merged


def average(o: np.ndarray, lse: np.ndarray) -> State:
    """Average the parts' outputs with equal weights; the log-sum-exp stays right."""
    return o.mean(axis=0), natural(o, lse)[1]


def base_two(o: np.ndarray, lse: np.ndarray) -> State:
    """Merge log-sum-exps as if they were of base 2."""
    merged, total = natural(o, np.log(2.0) * lse)
    return merged, total / np.log(2.0)


def _errors(found: State, exact: State) -> tuple[float, float]:
    return float(np.abs(found[0] - exact[0]).max()), float(np.abs(found[1] - exact[1]).max())


def _over_instances(
    cell: Cell, rng: np.random.Generator, error: Callable[[Instance, float], tuple[float, float]]
) -> Arrays:
    """Largest errors of output and log-sum-exp, one row per size of the tree and scale of the logits.

    The logits' rounding error grows with their size, so errors are in units of the scale.
    """
    rows = []
    for nodes in cell["nodes"]:
        instance = Instance(cell, nodes, rng)
        for spread in cell["logits"]:
            scale = spread / np.sqrt(cell["dim"])
            rows.append([found / spread for found in error(instance, scale)])
    values = np.array(rows)
    return {"value": values[:, :1], "lse": values[:, 1:]}


def _merged(cell: Cell, rng: np.random.Generator, merge: Merge) -> Arrays:
    def error(instance: Instance, scale: float) -> tuple[float, float]:
        return _errors(merge(*instance.parts(scale, cell["splits"])), instance.dense(scale))

    return _over_instances(cell, rng, error)


def merged_output(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error of outputs merged from the splits of the cache and the tree."""
    return _merged(cell, rng, natural)


def averaged_output(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the plain average of the parts."""
    return _merged(cell, rng, average)


def _lse_first(found: Arrays) -> Arrays:
    return {"value": found["lse"]}


def merged_lse(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error of the merged log-sum-exp."""
    return _lse_first(_merged(cell, rng, natural))


def merged_lse_of_base_two(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where natural log-sum-exps are merged as if of base 2."""
    return _lse_first(_merged(cell, rng, base_two))


SIZES: dict[str, Any] = {"nodes": [(1, 5, 69)], "logits": [(1.0, 5.0, 30.0)], "splits": [3]}
GRID = Grid(
    quick=cells(dim=[16, 64], cached=[0, 1, 300], **SIZES),
    standard=cells(dim=[16, 32, 64, 128], cached=[0, 1, 7, 300, 2000], **SIZES),
)


def rounding(cell: Cell) -> float:
    """Return 1e-13: some hundred roundings of numbers of order one, in float64."""
    return 1e-13


def single_rounding(cell: Cell) -> float:
    """Return 2e-6, the accuracy that the kernels state for float32 input of unit variance."""
    return 2e-6


STATEMENT = r"o = \sum_s o_s e^{L_s - L}, L = \log \sum_s e^{L_s} is attention over all keys"

LS_1A = Claim(
    id="LS-1a",
    paper=PAPER,
    title="Attention merged from parts of the cache and the tree is attention over all keys",
    statement=STATEMENT,
    source="arXiv 2502.17421, Proposition C.1",
    provenance="text",
    statistic=BoundHolds(slack=0.0),
    grid=GRID,
    measure=merged_output,
    bound=rounding,
    control=NegativeControl(
        measure=averaged_output, because="parts count by the mass of their keys, not equally"
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.3, "standard": 2.0},
)

LS_1B = Claim(
    id="LS-1b",
    paper=PAPER,
    title="So is its log-sum-exp, so that a merged state can be merged again",
    statement=r"L = \log \sum_s e^{L_s}",
    source="arXiv 2502.17421, Proposition C.1",
    provenance="text",
    statistic=BoundHolds(slack=0.0),
    grid=GRID,
    measure=merged_lse,
    bound=rounding,
    control=NegativeControl(
        measure=merged_lse_of_base_two,
        because="libraries differ in the base of their logarithms; taken for the other one, masses are wrong",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.3, "standard": 2.0},
)


def kernel_output(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error of the float32 kernel on the CPU."""

    def error(instance: Instance, scale: float) -> tuple[float, float]:
        return _errors(instance.hybrid(scale, instance.mask, "numba"), instance.dense(scale))

    return _over_instances(cell, rng, error)


def kernel_output_under_causal_mask(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where a node sees all nodes before it."""

    def error(instance: Instance, scale: float) -> tuple[float, float]:
        causal = np.tril(np.ones_like(instance.mask))
        return _errors(instance.hybrid(scale, causal, "numba"), instance.dense(scale))

    return _over_instances(cell, rng, error)


LS_1C = Claim(
    id="LS-1c",
    paper=PAPER,
    title="The compiled kernel keeps the merge exact in float32",
    statement=r"|o - o_{dense}| <= 2e-6 in units of the logits' scale",
    source="arXiv 2502.17421, Proposition C.1; accuracy stated by hybrid_tree_attention",
    provenance="derived",
    statistic=BoundHolds(slack=0.0),
    grid=GRID,
    measure=kernel_output,
    bound=single_rounding,
    control=NegativeControl(
        measure=kernel_output_under_causal_mask,
        because="under a causal mask a node sees its siblings and other branches",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.3, "standard": 2.0},
)


def _along_paths(cell: Cell, rng: np.random.Generator, ancestors: bool) -> Arrays:
    def error(instance: Instance, scale: float) -> tuple[float, float]:
        mask = instance.mask if ancestors else np.tril(np.ones_like(instance.mask))
        found, exact = instance.hybrid(scale, mask, "numpy"), _path_attention(instance, scale)
        return _errors(found, exact)

    return _over_instances(cell, rng, error)


def _path_attention(instance: Instance, scale: float) -> State:
    """Return plain attention of each node's query over the cache and then the nodes on its path."""
    outputs, sums = [], []
    for node in range(len(instance.tree.parents)):
        on_path = [node]
        while on_path[-1] > 0:
            on_path.append(int(instance.tree.parents[on_path[-1]]))
        path = on_path[::-1]
        k = np.concatenate([instance.k, instance.k_tree[:, path]], axis=1)
        v = np.concatenate([instance.v, instance.v_tree[:, path]], axis=1)
        o, lse = decode_attention_splitk(
            instance.q[:, [node]], k, v, sm_scale=scale, num_splits=1, backend="numpy"
        )
        outputs.append(o[0])
        sums.append(lse[0])
    return np.concatenate(outputs, axis=1), np.concatenate(sums, axis=1)


def tree_against_paths(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error of every row of the tree against plain decoding along its path."""
    return _along_paths(cell, rng, ancestors=True)


def causal_against_paths(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same under a causal mask."""
    return _along_paths(cell, rng, ancestors=False)


LS_2 = Claim(
    id="LS-2",
    paper=PAPER,
    title="A row of tree attention is ordinary causal attention along the path to that node",
    statement="row i = attention of q_i over the prefix and the nodes from the root to i",
    source="derived: the mask of ancestors selects exactly these keys",
    provenance="derived",
    statistic=BoundHolds(slack=0.0),
    grid=GRID,
    measure=tree_against_paths,
    bound=rounding,
    control=NegativeControl(
        measure=causal_against_paths, because="a causal mask adds siblings and other branches to the path"
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.4, "standard": 3.0},
)

TREE_ATTENTION = (LS_1A, LS_1B, LS_1C, LS_2)

r"""Which shape of a draft tree accepts most, when children are accepted by their rank alone.

The child of rank r of an accepted node is accepted with probability ``acceptance[r]``, whatever the path; a
tree is a :class:`~tightbound.theory.speculative.trees.DraftTree` whose tokens are ranks.
"""

from __future__ import annotations

import heapq
import itertools

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.speculative.trees import DraftTree

MOST_NODES = 8


def best_tree(acceptance: ArrayLike, nodes: int) -> DraftTree:
    r"""Tree of n drafted nodes with the largest mean number of accepted ones.

    That number is the sum over nodes of :math:`\prod a_{rank}` along their paths. The nodes of the infinite
    tree are taken in falling order of this product, by a heap that holds, of the nodes not taken, the first
    child of every taken node and the next sibling of every taken child.

    **Proof.** A product never grows from a node to its child (factor at most 1) nor to its next sibling
    (ranks fall), so a heap entry is at least everything that is reached through it, and each pop takes a
    largest node that is left. After n pops the sum is the largest sum of any n nodes, tree or not; and as a
    node enters the heap only after its parent was taken, the nodes taken form a tree. ∎

    Parameters
    ----------
    acceptance : array_like, shape (b,)
        Acceptance by rank, in [0, 1], not rising; b is the most children of a node.
    nodes : int
        Drafted nodes n, the root not counted, at least 0.

    Returns
    -------
    DraftTree
        Nodes in the order taken; ``tokens`` are ranks.

    Raises
    ------
    ValueError
        For an acceptance outside [0, 1] or one that rises.

    References
    ----------
    The same greedy choice is the static tree of Chen et al., "Sequoia", arXiv 2402.12374 (by dynamic
    programming there).

    Examples
    --------
    >>> tree = best_tree([0.6, 0.3], 4)
    >>> [tree.path(i) for i in range(1, 5)]
    [(0,), (0, 0), (1,), (0, 0, 0)]
    """
    rates = _as_ranks(acceptance)
    count = as_integer("nodes", nodes, least=0)
    parents, ranks, values = [-1], [0], [1.0]
    order = itertools.count()
    heap = [(-float(rates[0]), next(order), 0, 0)]
    while len(parents) <= count:
        negative, _, parent, rank = heapq.heappop(heap)
        node = len(parents)
        parents.append(parent)
        ranks.append(rank)
        values.append(-negative)
        if rank + 1 < rates.size:
            heapq.heappush(heap, (-values[parent] * float(rates[rank + 1]), next(order), parent, rank + 1))
        heapq.heappush(heap, (negative * float(rates[0]), next(order), node, 0))
    return DraftTree(np.array(parents), np.array(ranks))


def breadth_first_tree(branching: int, nodes: int) -> DraftTree:
    """Tree that fills one level after the other with ``branching`` children per node.

    Examples
    --------
    >>> breadth_first_tree(2, 4).parents.tolist()
    [-1, 0, 0, 1, 1]
    """
    width, count = as_integer("branching", branching, least=1), as_integer("nodes", nodes, least=0)
    index = np.arange(count)
    return DraftTree(np.concatenate(([-1], index // width)), np.concatenate(([0], index % width)))


def accepted_by_rank(tree: DraftTree, acceptance: ArrayLike) -> float:
    r"""Mean accepted nodes of a tree, :math:`\sum_v \prod a_{rank}` along the path to v.

    Parameters
    ----------
    tree : DraftTree
        Tokens are ranks below b.
    acceptance : array_like, shape (b,)
        Acceptance by rank, in [0, 1], not rising.

    Returns
    -------
    float

    Examples
    --------
    >>> round(accepted_by_rank(breadth_first_tree(2, 2), [0.6, 0.3]), 12)
    0.9
    """
    rates = _as_ranks(acceptance)
    if tree.nodes > 1 and tree.tokens[1:].max() >= rates.size:
        raise ValueError(
            f"tokens contains rank {tree.tokens[1:].max()}, acceptance has {rates.size} entries: "
            "give one for every rank"
        )
    values = np.ones(tree.nodes)
    for node in range(1, tree.nodes):
        values[node] = values[tree.parents[node]] * rates[tree.tokens[node]]
    return float(values[1:].sum())


def values_of_all_trees(acceptance: ArrayLike, nodes: int) -> Array:
    """Mean accepted nodes of every tree with ``nodes`` drafted nodes, by enumeration.

    Parameters
    ----------
    acceptance : array_like, shape (b,)
        Acceptance by rank, in [0, 1], not rising. Every node may have children of any set of ranks.
    nodes : int
        Drafted nodes, from 0 to 8.

    Returns
    -------
    ndarray, shape (number of trees,)

    Examples
    --------
    >>> values_of_all_trees([0.6, 0.3], 2).round(6)
    array([0.39, 0.48, 0.9 , 0.78, 0.96])
    """
    rates = _as_ranks(acceptance)
    count = as_integer("nodes", nodes, least=0)
    if count > MOST_NODES:
        raise ValueError(f"nodes is {count}: every tree is listed, so use at most {MOST_NODES}")
    below: list[Array] = []
    for size in range(count + 1):
        # forests under one node: split the nodes among the ranks, one rank at a time
        sums: list[list[Array]] = [[np.zeros(1) if n == 0 else np.zeros(0) for n in range(size + 1)]]
        for rate in rates[::-1]:
            last = sums[-1]
            sums.append(
                [
                    np.concatenate(
                        [last[n]]
                        + [
                            (rate * (1.0 + below[m - 1])[:, np.newaxis] + last[n - m]).ravel()
                            for m in range(1, n + 1)
                        ]
                    )
                    for n in range(size + 1)
                ]
            )
        below.append(sums[-1][size])
    return below[count]


def _as_ranks(value: ArrayLike) -> Array:
    rates = as_floats("acceptance", value)
    if rates.ndim != 1 or rates.size == 0 or rates.min() < 0.0 or rates.max() > 1.0:
        raise ValueError(
            f"acceptance is {value!r}: give one probability in [0, 1] per rank, shape (b,) with b >= 1"
        )
    if np.any(np.diff(rates) > 0.0):
        raise ValueError(f"acceptance is {rates.tolist()}: it rises; sort the ranks from likely to unlikely")
    return rates

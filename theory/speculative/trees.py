r"""Trees of drafted tokens: structure, masks, positions and links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import Array, Integers, as_integer
from tightbound.theory.speculative.chain import normalised
from tightbound.theory.speculative.tables import PrefixTables


@dataclass(frozen=True, eq=False)
class DraftTree:
    """Drafted tokens that share prefixes. Node 0 is the root, the last token that is already committed.

    Parameters
    ----------
    parents : array_like of int, shape (M,)
        ``parents[0] = -1`` and ``0 <= parents[i] < i`` for the others.
    tokens : array_like of int, shape (M,)
        Token of each node, at least 0; siblings carry different ones. That of the root is not used.

    Raises
    ------
    ValueError
        For shapes that differ, a parent that does not come before its child, a negative token, or siblings
        with one token.
    TypeError
        For parents or tokens that are not integers.

    Examples
    --------
    >>> tree = DraftTree([-1, 0, 0, 1], [9, 3, 5, 4])
    >>> tree.depths.tolist(), tree.path(3), tree.positions(10).tolist()
    ([0, 1, 1, 2], (3, 4), [10, 11, 11, 12])
    """

    parents: Integers
    tokens: Integers

    def __post_init__(self) -> None:
        parents, tokens = np.asarray(self.parents), np.asarray(self.tokens)
        if parents.ndim != 1 or parents.size == 0 or tokens.shape != parents.shape:
            raise ValueError(
                f"parents has shape {parents.shape}, tokens {tokens.shape}: give one entry per node in both, "
                "shape (M,) with M >= 1"
            )
        for name, array in (("parents", parents), ("tokens", tokens)):
            if array.dtype.kind not in "iu":
                raise TypeError(f"{name} has dtype {array.dtype}: give integers")
        wrong = np.flatnonzero((parents[1:] < 0) | (parents[1:] >= np.arange(1, parents.size))) + 1
        if parents[0] != -1 or wrong.size:
            node = int(wrong[0]) if wrong.size else 0
            raise ValueError(
                f"parents[{node}] is {parents[node]}: the root has parent -1 and every other node one that "
                "comes before it; sort the nodes by depth"
            )
        if tokens.min() < 0:
            raise ValueError(f"tokens contains {tokens.min()}: tokens are at least 0")
        kept = {(int(parent), int(token)) for parent, token in zip(parents[1:], tokens[1:], strict=True)}
        if len(kept) < parents.size - 1:
            raise ValueError("tokens repeat among siblings: merge children of one node that carry one token")
        for name, array in (("parents", parents), ("tokens", tokens)):
            owned = array.astype(np.int64)
            owned.setflags(write=False)
            object.__setattr__(self, name, owned)

    @classmethod
    def from_links(cls, first_child: ArrayLike, next_sibling: ArrayLike, tokens: ArrayLike) -> DraftTree:
        """Return the tree with these links, -1 where there is none; nodes keep their numbers.

        Raises
        ------
        ValueError
            For links that do not reach every node exactly once.

        Examples
        --------
        >>> DraftTree.from_links([1, 2, -1, -1], [-1, 3, -1, -1], [0, 1, 2, 3]).parents.tolist()
        [-1, 0, 1, 0]
        """
        child, sibling = np.asarray(first_child).tolist(), np.asarray(next_sibling).tolist()
        size = len(child)
        parents = np.full(size, -1, dtype=np.int64)
        reached = 1
        for node in range(size):
            at = child[node]
            while at != -1:
                if not 0 < at < size or parents[at] != -1:
                    raise ValueError(
                        f"first_child and next_sibling lead to node {at} twice or out of 1..{size - 1}: "
                        "give links of a tree"
                    )
                parents[at], reached, at = node, reached + 1, sibling[at]
        if reached < size:
            raise ValueError(
                f"first_child and next_sibling reach {reached} of {size} nodes: link all of them"
            )
        return cls(parents, np.asarray(tokens))

    @property
    def nodes(self) -> int:
        """Number of nodes, the root included."""
        return self.parents.size

    @property
    def depths(self) -> Integers:
        """Number of drafted tokens on the path to each node, shape (M,)."""
        depth = np.zeros(self.nodes, dtype=np.int64)
        for node in range(1, self.nodes):
            depth[node] = depth[self.parents[node]] + 1
        return depth

    @property
    def ancestor_mask(self) -> NDArray[np.bool_]:
        """Whether node i may attend to node j: j is i itself or lies on its path, shape (M, M)."""
        mask = np.eye(self.nodes, dtype=np.bool_)
        for node in range(1, self.nodes):
            mask[node] |= mask[self.parents[node]]
        return mask

    def positions(self, prefix_length: int) -> Integers:
        """Return positions in the text: ``prefix_length`` for the root; siblings share one."""
        return np.asarray(as_integer("prefix_length", prefix_length, least=0) + self.depths)

    def children(self, node: int) -> Integers:
        """Return the children of a node in ascending order."""
        return np.flatnonzero(self.parents == node)

    @property
    def first_child(self) -> Integers:
        """Smallest child of each node, -1 where it has none, shape (M,)."""
        links = np.full(self.nodes, -1, dtype=np.int64)
        for node in range(self.nodes - 1, 0, -1):
            links[self.parents[node]] = node
        return links

    @property
    def next_sibling(self) -> Integers:
        """Next larger child of the same parent, -1 where there is none, shape (M,)."""
        links, last = np.full(self.nodes, -1, dtype=np.int64), np.full(self.nodes, -1, dtype=np.int64)
        for node in range(self.nodes - 1, 0, -1):
            links[node], last[self.parents[node]] = last[self.parents[node]], node
        return links

    def path(self, node: int) -> tuple[int, ...]:
        """Return the drafted tokens from below the root down to ``node``."""
        tokens: list[int] = []
        at = node
        while at > 0:
            tokens.append(int(self.tokens[at]))
            at = int(self.parents[at])
        return tuple(reversed(tokens))


def beam_tree(draft: PrefixTables, widths: Sequence[int]) -> DraftTree:
    r"""Tree whose layer j holds the ``widths[j]`` likeliest extensions of layer j - 1.

    Likelihood is that of the whole path under q; of equal ones the smaller parent and token come first. Nodes
    are never taken back, so nothing that was computed for a layer has to move.

    Parameters
    ----------
    draft : PrefixTables
        Laws q of the drafter, one table per layer.
    widths : sequence of int
        Nodes per layer, at least 1 each; fewer where fewer extensions have positive probability.

    Returns
    -------
    DraftTree

    References
    ----------
    Yang et al., "LongSpec", arXiv 2502.17421 (there with widths 4, 16, 16, 16, 16).

    Examples
    --------
    >>> tree = beam_tree(PrefixTables([[0.7, 0.3], [[0.4, 0.6], [0.9, 0.1]]]), (2, 3))
    >>> [tree.path(i) for i in range(1, tree.nodes)]
    [(0,), (1,), (0, 1), (0, 0), (1, 0)]
    """
    parents, tokens = [-1], [0]
    layer: list[tuple[int, tuple[int, ...], float]] = [(0, (), 1.0)]
    for width in widths:
        count = as_integer("widths", width, least=1)
        scores = np.concatenate([chance * draft.after(path) for _, path, chance in layer])
        best = np.argsort(-scores, kind="stable")[:count]
        following: list[tuple[int, tuple[int, ...], float]] = []
        for index in best[scores[best] > 0.0]:
            node, path, _ = layer[int(index) // draft.vocabulary]
            token = int(index) % draft.vocabulary
            following.append((len(parents), (*path, token), float(scores[index])))
            parents.append(node)
            tokens.append(token)
        layer = following
    return DraftTree(np.array(parents), np.array(tokens))


def without(law: Array, tokens: Integers) -> Array:
    """Return a law conditioned on none of ``tokens``; the law itself where nothing else has mass."""
    rest = law.copy()
    rest[tokens] = 0.0
    return normalised(rest, law)

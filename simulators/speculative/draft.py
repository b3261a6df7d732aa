"""A draft: the tokens that a drafter proposes to one request in one round, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import Array, Integers

Origin = Literal["chosen", "independent", "distinct"]
ORIGINS: tuple[Origin, ...] = ("chosen", "independent", "distinct")


@dataclass(frozen=True, eq=False)
class Draft:
    """Drafted tokens that share prefixes. Node 0 is the root, the last token of the text.

    Parameters
    ----------
    parents : array_like of int, shape (M,)
        ``parents[0] = -1`` and ``0 <= parents[i] < i`` for the others; M = 1 drafts nothing.
    tokens : array_like of int, shape (M,)
        Token of each node; of the root the last token of the text.
    origin : {"chosen", "independent", "distinct"}
        How the children of a node came about: as a function of the text alone, as independent draws from
        ``laws``, or as draws without replacement. Verification must know; a single child that was drawn is
        both independent and distinct.
    laws : array, shape (M, V), optional
        Row i is the law from which the children of node i were drawn. Of chosen drafts the drafter's
        law, which no lossless rule reads.

    Raises
    ------
    ValueError
        For shapes that differ, a parent that does not come before its child, or drawn drafts without laws.

    Examples
    --------
    >>> draft = Draft([-1, 0, 0, 1], [7, 3, 5, 4])
    >>> draft.depths.tolist(), draft.depth, draft.is_chain
    ([0, 1, 1, 2], 2, False)
    """

    parents: Integers
    tokens: Integers
    origin: Origin = "chosen"
    laws: Array | None = None

    def __post_init__(self) -> None:
        parents = np.asarray(self.parents, dtype=np.int64)
        tokens = np.asarray(self.tokens, dtype=np.int64)
        if parents.ndim != 1 or parents.size == 0 or tokens.shape != parents.shape:
            raise ValueError(
                f"parents has shape {parents.shape}, tokens {tokens.shape}: give one entry per node in both, "
                "shape (M,) with M >= 1"
            )
        below = parents[1:]
        if parents[0] != -1 or np.any(below < 0) or np.any(below >= np.arange(1, parents.size)):
            raise ValueError(
                f"parents is {parents.tolist()}: the root has parent -1 and every other node one before it"
            )
        if self.origin not in ORIGINS:
            raise ValueError(f"origin is {self.origin!r}: choose one of {', '.join(ORIGINS)}")
        if parents.size > 1 and self.origin != "chosen" and self.laws is None:
            raise ValueError(
                f"laws is None for {self.origin} drafts: give the law of the children of each node"
            )
        if self.laws is not None and len(self.laws) != parents.size:
            raise ValueError(
                f"laws has {len(self.laws)} rows for {parents.size} nodes: give one row per node, the root's "
                "first; rows of leaves are not read"
            )
        object.__setattr__(self, "parents", parents)
        object.__setattr__(self, "tokens", tokens)

    @classmethod
    def chain(cls, root: int, drafted: ArrayLike) -> Draft:
        """Return a path of chosen tokens.

        Examples
        --------
        >>> Draft.chain(7, [3, 4]).parents.tolist()
        [-1, 0, 1]
        """
        below = np.asarray(drafted, dtype=np.int64)
        return cls(np.arange(-1, below.size), np.concatenate([[root], below]))

    @property
    def nodes(self) -> int:
        """Number of nodes M, the root included."""
        return self.parents.size

    @property
    def is_chain(self) -> bool:
        """Whether each node continues the one before it."""
        return bool(np.array_equal(self.parents, np.arange(-1, self.nodes - 1)))

    @property
    def depths(self) -> Integers:
        """Drafted tokens on the path to each node, shape (M,)."""
        depth = np.zeros(self.nodes, dtype=np.int64)
        for node in range(1, self.nodes):
            depth[node] = depth[self.parents[node]] + 1
        return depth

    @property
    def depth(self) -> int:
        """Length of the longest path: as many drafts can be accepted."""
        return int(self.depths.max())

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Whether node i may attend to node j: j is i or lies on its path, shape (M, M)."""
        mask = np.eye(self.nodes, dtype=np.bool_)
        for node in range(1, self.nodes):
            mask[node] |= mask[self.parents[node]]
        return mask

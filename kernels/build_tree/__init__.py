"""Masks, positions and links of trees of drafts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tightbound.kernels._inputs import Sizes, here, to_numpy
from tightbound.kernels._tree_inputs import MOST_NODES
from tightbound.kernels.backends import implementation

MODULES = {
    "numpy": "tightbound.kernels.build_tree.reference",
    "numba": "tightbound.kernels.build_tree.numba_cpu",
    "triton": "tightbound.kernels.build_tree.triton_gpu",
    "numba_cuda": "tightbound.kernels.build_tree.numba_cuda",
}


class DraftTree(NamedTuple):
    """Trees as attention and verification read them, in NumPy arrays or torch tensors.

    Parameters
    ----------
    candidates : int32, shape (B, M)
        Token of each node, 0 where a node is absent.
    retrieve_index : int32, shape (B, M)
        ``b * M + i`` for node i of request b.
    retrieve_next_token : int32, shape (B, M)
        First child, -1 if none.
    retrieve_next_sibling : int32, shape (B, M)
        Next child of the same parent, -1 if none.
    positions : int32, shape (B, M)
        ``prefix_len`` plus depth, so that siblings share one; ``prefix_len`` where a node is absent.
    tree_mask : uint8, shape (B, M, M)
        ``tree_mask[b, i, j]`` is 1 if j is i or an ancestor of i; rows of absent nodes are 0.
    """

    candidates: Any
    retrieve_index: Any
    retrieve_next_token: Any
    retrieve_next_sibling: Any
    positions: Any
    tree_mask: Any


def build_tree(
    parent: Any, token: Any, prefix_len: Any, *, backend: str = "auto", check: bool = False
) -> DraftTree:
    r"""Work out what one forward pass over all nodes of a tree, and its verification, need.

    .. math:: A_{ij} = 1 \iff j \in \{i, \mathrm{parent}(i), \mathrm{parent}(\mathrm{parent}(i)), \dots\},
              \quad \mathrm{position}_i = \mathrm{prefix\_len} + \sum_j A_{ij} - 1

    Parameters
    ----------
    parent : array of int, shape (B, M)
        Parent of each node, an earlier one; -1 for node 0, the root, and for nodes that are absent, which is
        how trees of different size share a batch.
    token : array of int, shape (B, M)
        Token of each node; of the root the last token that is certain. Siblings are linked in the order of
        their nodes.
    prefix_len : array of int, shape (B,)
        Position of the root: the number of tokens before it.
    backend : str
        See :mod:`tightbound.kernels.backends`; all give the same.
    check : bool
        Look at values also where that waits for a GPU.

    Returns
    -------
    DraftTree

    Raises
    ------
    ValueError
        For shapes that disagree, a root with a parent, parents that are not earlier or absent, negative
        tokens or lengths.
    TypeError
        For arrays of the wrong kind.
    BackendUnavailableError
        If ``backend`` cannot run here.

    References
    ----------
    Names of the links are those of SGLang's ``build_tree_kernel_efficient``.

    Examples
    --------
    >>> tree = build_tree([[-1, 0, 0, 2]], [[7, 5, 6, 5]], [10])
    >>> tree.positions.tolist(), tree.retrieve_next_token.tolist(), tree.retrieve_next_sibling.tolist()
    ([[10, 11, 11, 12]], [[1, -1, 3, -1]], [[-1, 2, -1, -1]])
    >>> tree.tree_mask[0]
    array([[1, 0, 0, 0],
           [1, 1, 0, 0],
           [1, 0, 1, 0],
           [1, 0, 1, 1]], dtype=uint8)
    """
    sizes = Sizes()
    shape = tuple(sizes.array("parent", parent, "B M").shape)
    if not 1 <= shape[1] <= MOST_NODES:
        raise ValueError(f"parent has shape {shape}: a tree has 1 to {MOST_NODES} nodes")
    above = sizes.integers("parent", parent, "B M", -1, shape[1] - 1, check)
    tokens = sizes.integers("token", token, "B M", 0, 2**31 - 1, check)
    lengths = sizes.integers("prefix_len", prefix_len, "B", 0, 2**31 - 1 - shape[1], check)
    if check or here(above):
        _look(to_numpy(above if here(above) else above.cpu(), int))
    return DraftTree(*implementation("build_tree", backend, MODULES, above)(above, tokens, lengths))


def _look(parent: Any) -> None:
    wrong = np.argwhere(parent >= np.arange(parent.shape[1]))
    if wrong.size:
        b, i = wrong[0]
        raise ValueError(
            f"parent[{b}, {i}] is {parent[b, i]}: a parent comes before its child, and the root, node 0, has "
            "none (-1); number the nodes by depth"
        )
    absent = parent < 0
    absent[:, 0] = False
    orphan = np.argwhere(~absent & (parent >= 0) & np.take_along_axis(absent, np.maximum(parent, 0), axis=1))
    if orphan.size:
        b, i = orphan[0]
        raise ValueError(f"parent[{b}, {i}] is {parent[b, i]}, a node that is absent: give it a parent")

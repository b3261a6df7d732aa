"""Greedy verification of a tree of drafts: follow the target's likeliest tokens."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._tree_inputs import TreeSample, tree
from tightbound.kernels.backends import implementation

MODULES = {
    "numpy": "tightbound.kernels.verify_tree_greedy.reference",
    "numba": "tightbound.kernels.verify_tree_greedy.numba_cpu",
    "triton": "tightbound.kernels.verify_tree_greedy.triton_gpu",
    "numba_cuda": "tightbound.kernels.verify_tree_greedy.numba_cuda",
}


def verify_tree_greedy(
    candidates: Any,
    retrieve_index: Any,
    retrieve_next_token: Any,
    retrieve_next_sibling: Any,
    target_predict: Any,
    *,
    backend: str = "auto",
    check: bool = False,
) -> TreeSample:
    r"""Follow a tree of drafts as long as a child is the token that the target predicts.

    From the root: if a child of node n is ``target_predict[n]`` go to the first such child, else stop. The
    text is that of greedy decoding.

    Parameters
    ----------
    candidates : array of int, shape (B, M)
        Token of each node; node 0 is the root, the last token that is certain.
    retrieve_index : array of int, shape (B, M)
        Where in ``predicts`` each node writes, all different; of node i of request b usually ``b * M + i``.
    retrieve_next_token : array of int, shape (B, M)
        First child of each node, -1 if none. Trees smaller than M leave nodes that no link leads to.
    retrieve_next_sibling : array of int, shape (B, M)
        Next child of the same parent, -1 if none.
    target_predict : array of int, shape (B, M)
        Likeliest token after each node under the target.
    backend : str
        See :mod:`tightbound.kernels.backends`; all give the same.
    check : bool
        Look at values also where that waits for a GPU.

    Returns
    -------
    TreeSample

    Raises
    ------
    ValueError
        For shapes that disagree, indices out of range, links that lead to a node twice or to the root.
    TypeError
        For arrays of the wrong kind.
    BackendUnavailableError
        If ``backend`` cannot run here.

    References
    ----------
    Miao et al., "SpecInfer", ASPLOS 2024. Names are those of SGLang, whose outputs are arguments.

    Examples
    --------
    >>> found = verify_tree_greedy([[7, 1, 2]], [[0, 1, 2]], [[1, -1, -1]], [[-1, 2, -1]], [[2, 5, 6]])
    >>> found.predicts.tolist(), found.accept_index.tolist(), found.accept_token_num.tolist()
    ([2, -1, 6], [[0, 2, -1]], [1])
    """
    sizes, links = tree(candidates, retrieve_index, retrieve_next_token, retrieve_next_sibling, None, check)
    best = sizes.integers("target_predict", target_predict, "B M", 0, 2**31 - 1, check)
    return TreeSample(*implementation("verify_tree_greedy", backend, MODULES, links[0])(*links, best))

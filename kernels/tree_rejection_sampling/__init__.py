"""Verification of a tree of drafts that were sampled: recursive rejection at every node."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._tree_inputs import TreeSample, tree
from tightbound.kernels.backends import implementation

MODULES = {
    "numpy": "tightbound.kernels.tree_rejection_sampling.reference",
    "numba": "tightbound.kernels.tree_rejection_sampling.numba_cpu",
    "triton": "tightbound.kernels.tree_rejection_sampling.triton_gpu",
}


def tree_rejection_sampling(
    candidates: Any,
    retrieve_index: Any,
    retrieve_next_token: Any,
    retrieve_next_sibling: Any,
    uniform: Any,
    uniform_final: Any,
    target_probs: Any,
    draft_probs: Any,
    *,
    replace: bool,
    backend: str = "auto",
    check: bool = False,
) -> TreeSample:
    r"""Try the children of each node in turn, and go to the first that is accepted.

    .. math:: \text{accept child } c_j \text{ if } u_{c_j}\, q^{(j)}(x_j) < p^{(j)}(x_j), \quad
              \text{else } p^{(j+1)} \propto (p^{(j)} - q^{(j)})_+

    where :math:`x_j` is its token, and p and q are those of the node at j = 1. Drawn with replacement,
    :math:`q^{(j)} = q`; drawn without, the tokens that were rejected before are taken out of q. Where no
    child is accepted the walk ends, with a token from the last :math:`p^{(j)}`.

    Parameters
    ----------
    candidates : array of int, shape (B, M)
        Token of each node; node 0 is the root, the last token that is certain.
    retrieve_index : array of int, shape (B, M)
        Where in ``predicts`` each node writes, all different; of node i of request b usually ``b * M + i``.
    retrieve_next_token : array of int, shape (B, M)
        First child of each node, -1 if none. Trees smaller than M leave nodes that no link leads to.
    retrieve_next_sibling : array of int, shape (B, M)
        Next child of the same parent in the order in which they were drawn, -1 if none.
    uniform : array of float, shape (B, M)
        In [0, 1), the variate of the test of each node; that of the root is not used.
    uniform_final : array of float, shape (B,)
        In [0, 1), the variate of the last token, by inverse distribution function.
    target_probs : array of float, shape (B, M, V)
        Laws p of the target after each node.
    draft_probs : array of float, shape (B, M, V)
        Laws q that the children of each node were drawn from; rows of nodes without children are not read.
    replace : bool
        Whether children were drawn independently, or without replacement. The rule for the one gives a wrong
        text for the other, and both do for children that were chosen: see
        ``tree_speculative_sampling_target_only``.
    backend : str
        See :mod:`tightbound.kernels.backends`. All backends emit the same tokens for the same variates; what
        is added up in another order differs by less than 1e-12.
    check : bool
        Also look through all probabilities, and on a GPU at all values.

    Returns
    -------
    TreeSample
        The last token is -1 where the law it has to be drawn from has no mass at all.

    Raises
    ------
    ValueError
        For shapes that disagree, indices or variates out of range, links that lead to a node twice or to the
        root; with ``check`` also for rows that are no laws.
    TypeError
        For arrays of the wrong kind.
    BackendUnavailableError
        If ``backend`` cannot run here.

    References
    ----------
    Miao et al., "SpecInfer", ASPLOS 2024 (with replacement). That the token follows p, and the acceptance:
    :func:`tightbound.theory.speculative.multi_draft.recursive_rejection`.

    Examples
    --------
    >>> p, q = [[[0.5, 0.5]] * 3], [[[0.75, 0.25]] * 3]
    >>> links = [[0, 0, 0]], [[0, 1, 2]], [[1, -1, -1]], [[-1, 2, -1]]
    >>> u = [[0, 0.7, 0.1]]
    >>> found = tree_rejection_sampling(*links, u, [0.5], p, q, replace=True, backend="numpy")
    >>> found.accept_index.tolist(), found.predicts.tolist()  # p(0) / q(0) = 2/3, then (p - q)+ is at 1
    ([[0, -1, -1]], [1, -1, -1])
    """
    sizes, links = tree(candidates, retrieve_index, retrieve_next_token, retrieve_next_sibling, None, check)
    p = sizes.laws("target_probs", target_probs, "B M V", check)
    q = sizes.laws("draft_probs", draft_probs, "B M V", check)
    sizes.between("candidates", links[0], 0, sizes["V"] - 1, check)
    coins = sizes.uniforms("uniform", uniform, "B M", check)
    finals = sizes.uniforms("uniform_final", uniform_final, "B", check)
    run = implementation("tree_rejection_sampling", backend, MODULES, p)
    return TreeSample(*run(*links, coins, finals, p, q, replace))

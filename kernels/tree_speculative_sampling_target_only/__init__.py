"""Verification of a tree of drafts that were chosen, not sampled."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._tree_inputs import TreeSample, tree
from tightbound.kernels.backends import implementation

MODULES = {
    "numpy": "tightbound.kernels.tree_speculative_sampling_target_only.reference",
    "numba": "tightbound.kernels.tree_speculative_sampling_target_only.numba_cpu",
    "triton": "tightbound.kernels.tree_speculative_sampling_target_only.triton_gpu",
    "numba_cuda": "tightbound.kernels.tree_speculative_sampling_target_only.numba_cuda",
}


def tree_speculative_sampling_target_only(
    candidates: Any,
    retrieve_index: Any,
    retrieve_next_token: Any,
    retrieve_next_sibling: Any,
    uniform: Any,
    uniform_final: Any,
    target_probs: Any,
    *,
    backend: str = "auto",
    check: bool = False,
) -> TreeSample:
    r"""Draw from the target at each node and go to the child that was drawn, if there is one.

    At node n with children :math:`c_1, c_2, \dots` the walk goes to the first :math:`c_k` with
    :math:`u_n < p_n(c_1) + \dots + p_n(c_k)`, where a token that siblings share counts once. At a node
    without such a child it ends, with a token from :math:`p_n` without the tokens of the children. Each
    token is from :math:`p_n` whatever the tree, so drafts may be the likeliest tokens of a drafter; the
    mean number of accepted drafts is the sum over nodes of the target's probability of their paths.

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
    uniform : array of float, shape (B, M)
        In [0, 1), :math:`u_n`, the variate of the choice among the children of each node.
    uniform_final : array of float, shape (B,)
        In [0, 1), the variate of the last token, by inverse distribution function.
    target_probs : array of float, shape (B, M, V)
        Laws :math:`p_n` of the target after each node.
    backend : str
        See :mod:`tightbound.kernels.backends`. All backends emit the same tokens for the same variates; what
        is added up in another order differs by less than 1e-12.
    check : bool
        Also look through all probabilities, which costs more than the rest, and on a GPU at all values.

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
    The rule, the names and the order of arguments are those of SGLang's kernel of this name, at thresholds of
    one; that one accepts a token of probability zero at u = 0, and overwrites an argument.

    Examples
    --------
    >>> p = [[[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    >>> links = [[2, 1, 2]], [[0, 1, 2]], [[1, -1, -1]], [[-1, 2, -1]]
    >>> found = tree_speculative_sampling_target_only(*links, [[0.4, 0, 0]], [0.5], p, backend="numpy")
    >>> found.predicts.tolist(), found.accept_index.tolist()  # 0.4 < p(1) + p(2): the second child
    ([2, -1, 1], [[0, 2, -1]])
    >>> found = tree_speculative_sampling_target_only(*links, [[0.9, 0, 0]], [0.5], p, backend="numpy")
    >>> found.predicts.tolist(), found.accept_index.tolist()
    ([0, -1, -1], [[0, -1, -1]])
    """
    sizes, links = tree(candidates, retrieve_index, retrieve_next_token, retrieve_next_sibling, None, check)
    p = sizes.laws("target_probs", target_probs, "B M V", check)
    sizes.between("candidates", links[0], 0, sizes["V"] - 1, check)
    coins = sizes.uniforms("uniform", uniform, "B M", check)
    finals = sizes.uniforms("uniform_final", uniform_final, "B", check)
    run = implementation("tree_speculative_sampling_target_only", backend, MODULES, p)
    return TreeSample(*run(*links, coins, finals, p))

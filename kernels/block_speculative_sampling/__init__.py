"""Block verification: accept the longest prefix that the drafts, taken together, allow."""

from __future__ import annotations

from typing import Any, NamedTuple

from tightbound.kernels._chain_inputs import dense, ragged
from tightbound.kernels.backends import implementation

MODULES = {
    "numpy": "tightbound.kernels.block_speculative_sampling.reference",
    "numba": "tightbound.kernels.block_speculative_sampling.numba_cpu",
    "triton": "tightbound.kernels.block_speculative_sampling.triton_gpu",
}


class BlockSample(NamedTuple):
    """What verification emits, in NumPy arrays or torch tensors of int32.

    Parameters
    ----------
    output_token_ids : shape (B, g + 1)
        Accepted drafts, then the token that follows them, then -1.
    output_emitted_draft_token_num : shape (B,)
        Accepted drafts.
    """

    output_token_ids: Any
    output_emitted_draft_token_num: Any


def block_speculative_sampling(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    uniform: Any,
    uniform_final: Any,
    *,
    backend: str = "auto",
    check: bool = False,
) -> BlockSample:
    r"""Verify drafted tokens together, which accepts at least as many as one by one.

    .. math:: P_0 = 1, \quad P_i = \min\left(1, P_{i-1} \frac{p_i(x_i)}{q_i(x_i)}\right), \quad
              R_i(y) = (P_i\, p_{i+1}(y) - q_{i+1}(y))_+, \quad S_i = \sum_y R_i(y)

    Position i passes if :math:`u_i (S_i + 1 - P_i) < S_i`, the last one if :math:`u_g < P_g`. All drafts up
    to the *last* position that passes are accepted; the next token is from :math:`R_\tau / S_\tau`, after g
    accepted drafts from :math:`p_{g+1}`. (:math:`P_i = 0` where :math:`p_i(x_i) = 0`; a position with
    :math:`S_i = 1 - P_i = 0` passes.)

    Parameters
    ----------
    draft_probs : array of float, shape (B, g, V)
        Laws :math:`q_i` that the drafts were sampled from, after temperature and truncation.
    draft_token_ids : array of int, shape (B, g)
        Drafts :math:`x_i`; g = 0 is allowed.
    target_probs : array of float, shape (B, g + 1, V)
        Laws :math:`p_i` of the target; row i is conditioned on the drafts before it.
    uniform : array of float, shape (B, g)
        In [0, 1), the variate of each position.
    uniform_final : array of float, shape (B,)
        In [0, 1), the variate of the last token, by inverse distribution function.
    backend : str
        See :mod:`tightbound.kernels.backends`. All backends emit the same tokens for the same variates; what
        is added up in another order differs by less than 1e-12.
    check : bool
        Also look through all probabilities, which costs as much as the rest, and on a GPU at all values.

    Returns
    -------
    BlockSample
        The last token is -1 where the law it has to be drawn from has no mass at all.

    Raises
    ------
    ValueError
        For shapes that disagree, drafts outside the vocabulary, variates outside [0, 1); with ``check`` also
        for rows that are no laws (NaN, negative, sum off one by more than 1e-3).
    TypeError
        For arrays of the wrong kind.
    BackendUnavailableError
        If ``backend`` cannot run here.

    References
    ----------
    Sun et al., "Block verification accelerates speculative decoding", ICLR 2025, Algorithm 2. That the text
    follows the target is proved in :func:`tightbound.theory.speculative.block.block_law`.

    Examples
    --------
    >>> q, p = [[[0.75, 0.25]] * 2], [[[0.5, 0.5]] * 3]
    >>> block_speculative_sampling(q, [[0, 1]], p, [[0.99, 0.99]], [0.7], backend="numpy").output_token_ids
    array([[0, 1, 1]], dtype=int32)

    The first draft alone would pass with probability 2/3; the second makes up for it.
    """
    given = dense(draft_probs, draft_token_ids, target_probs, uniform, uniform_final, check, sampled=True)
    run = implementation("ragged_block_speculative_sampling", backend, MODULES, given[2])
    return BlockSample(*run(*given))


def ragged_block_speculative_sampling(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    cu_num_draft_tokens: Any,
    uniform: Any,
    uniform_final: Any,
    *,
    max_draft_tokens: int | None = None,
    backend: str = "auto",
    check: bool = False,
) -> BlockSample:
    """Verify requests with different numbers of drafts: :func:`block_speculative_sampling`, rows end to end.

    Parameters
    ----------
    draft_probs : array of float, shape (T, V)
        Rows of all requests, T in all.
    draft_token_ids : array of int, shape (T,)
        Drafts of all requests.
    target_probs : array of float, shape (T + B, V)
        One row more than drafts for each request: those of request b begin at its first draft plus b.
    cu_num_draft_tokens : array of int, shape (B,)
        Drafts of requests 0 to b together, so that the last entry is T.
    uniform : array of float, shape (T,)
        As above.
    uniform_final : array of float, shape (B,)
        As above.
    max_draft_tokens : int, optional
        The most drafts of one request, g; read from ``cu_num_draft_tokens`` where left out, which waits for
        the GPU.
    backend, check
        As above.

    Returns
    -------
    BlockSample

    Raises
    ------
    ValueError, TypeError, BackendUnavailableError
        As above, and for counts that decrease, do not add up to T or exceed ``max_draft_tokens``.

    Examples
    --------
    >>> q, p = [[0.5, 0.5]], [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    >>> ragged_block_speculative_sampling(q, [1], p, [1, 1], [0.5], [0.5, 0.5], backend="numpy")[0]
    array([[ 1,  0],
           [ 1, -1]], dtype=int32)
    """
    given = ragged(
        draft_probs,
        draft_token_ids,
        target_probs,
        cu_num_draft_tokens,
        uniform,
        uniform_final,
        max_draft_tokens,
        check,
        sampled=True,
    )
    run = implementation("ragged_block_speculative_sampling", backend, MODULES, given[2])
    return BlockSample(*run(*given))

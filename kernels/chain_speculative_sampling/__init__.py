"""Chain verification: accept drafted tokens in turn, replace the first that is rejected."""

from __future__ import annotations

from typing import Any, NamedTuple

from tightbound.kernels._chain_inputs import dense, ragged
from tightbound.kernels.backends import implementation

MODULES = {
    "numpy": "tightbound.kernels.chain_speculative_sampling.reference",
    "numba": "tightbound.kernels.chain_speculative_sampling.numba_cpu",
    "triton": "tightbound.kernels.chain_speculative_sampling.triton_gpu",
    "numba_cuda": "tightbound.kernels.chain_speculative_sampling.numba_cuda",
}


class ChainSample(NamedTuple):
    """What verification emits, in NumPy arrays or torch tensors of int32.

    Parameters
    ----------
    output_token_ids : shape (B, g + 1)
        Accepted drafts, then the token that follows them, then -1.
    output_accepted_token_num : shape (B,)
        Drafts that pass their own test, whatever happened before them: a measure of the drafter.
    output_emitted_draft_token_num : shape (B,)
        Drafts that are emitted, those before the first that fails.
    """

    output_token_ids: Any
    output_accepted_token_num: Any
    output_emitted_draft_token_num: Any


def chain_speculative_sampling(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    uniform: Any,
    uniform_final: Any,
    *,
    backend: str = "auto",
    check: bool = False,
) -> ChainSample:
    r"""Verify drafted tokens against a target model without changing the law of the text.

    Draft i passes if :math:`u_i\, q_i(x_i) < p_i(x_i)`. The first that fails is replaced by a token from
    :math:`(p_i - q_i)_+ / \sum (p_i - q_i)_+`; after the last draft comes a token from :math:`p_{g+1}`.

    Parameters
    ----------
    draft_probs : array of float, shape (B, g, V), or None
        Laws :math:`q_i` that the drafts were sampled from, after temperature and truncation. None says that
        drafts were chosen, not sampled, as by argmax or from n-grams: :math:`q_i` is then one at the draft.
    draft_token_ids : array of int, shape (B, g)
        Drafts :math:`x_i`; g = 0 is allowed.
    target_probs : array of float, shape (B, g + 1, V)
        Laws :math:`p_i` of the target; row i is conditioned on the drafts before it.
    uniform : array of float, shape (B, g)
        In [0, 1), the variate of each test.
    uniform_final : array of float, shape (B,)
        In [0, 1), the variate of the last token, by inverse distribution function.
    backend : str
        See :mod:`tightbound.kernels.backends`. All backends emit the same tokens for the same variates; what
        is added up in another order differs by less than 1e-12.
    check : bool
        Also look through all probabilities, which costs more than the rest, and on a GPU at all values.

    Returns
    -------
    ChainSample
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
    Leviathan, Kalman, Matias, ICML 2023, Algorithm 1. Chen et al., arXiv 2302.01318, Algorithm 2. Names and
    the two counts are those of FlashInfer.

    Examples
    --------
    >>> q, p = [[[0.5, 0.5]]], [[[0.25, 0.75], [1.0, 0.0]]]
    >>> chain_speculative_sampling(q, [[0]], p, [[0.4]], [0.9], backend="numpy").output_token_ids
    array([[0, 0]], dtype=int32)
    >>> chain_speculative_sampling(q, [[0]], p, [[0.6]], [0.9], backend="numpy").output_token_ids
    array([[ 1, -1]], dtype=int32)
    """
    given = dense(draft_probs, draft_token_ids, target_probs, uniform, uniform_final, check)
    run = implementation("ragged_chain_speculative_sampling", backend, MODULES, given[2])
    return ChainSample(*run(*given))


def ragged_chain_speculative_sampling(
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
) -> ChainSample:
    r"""Verify requests with different numbers of drafts: :func:`chain_speculative_sampling`, rows end to end.

    Parameters
    ----------
    draft_probs : array of float, shape (T, V), or None
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
    ChainSample

    Raises
    ------
    ValueError, TypeError, BackendUnavailableError
        As above, and for counts that decrease, do not add up to T or exceed ``max_draft_tokens``.

    References
    ----------
    The layout of drafts is that of vLLM's rejection sampler; there the row after the drafts lies apart.

    Examples
    --------
    >>> p = [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    >>> ragged_chain_speculative_sampling(None, [1], p, [1, 1], [0.5], [0.5, 0.5], backend="numpy")[0]
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
    )
    run = implementation("ragged_chain_speculative_sampling", backend, MODULES, given[2])
    return ChainSample(*run(*given))

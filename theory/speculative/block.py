r"""Block verification: accept the longest prefix that the drafts, taken together, allow."""

from __future__ import annotations

import numpy as np

from tightbound.theory._validation import Array, Integers
from tightbound.theory.speculative.chain import normalised, ratios_at
from tightbound.theory.speculative.round_law import RoundLaw, round_law
from tightbound.theory.speculative.tables import PrefixTables


def path_acceptance(target_rows: Array, draft_rows: Array, drafts: Integers) -> Array:
    r"""Give the acceptance of every prefix, :math:`P_i = \min(1, P_{i-1}\, p_i(x_i)/q_i(x_i))`.

    Unrolled, :math:`P_i = \min_{k \le i} \prod_{j=k+1}^{i} p_j(x_j)/q_j(x_j)`, where k = i gives 1.

    Parameters
    ----------
    target_rows, draft_rows, drafts
        As in :func:`~tightbound.theory.speculative.chain.chain_verification`.

    Returns
    -------
    ndarray, shape (..., gamma + 1)
        :math:`P_0 = 1, P_1, \dots, P_\gamma`.

    Examples
    --------
    >>> p, q = np.array([[0.5, 0.5]] * 3), np.array([[0.75, 0.25]] * 2)
    >>> path_acceptance(p, q, np.array([0, 1]))
    array([1.        , 0.66666667, 1.        ])
    """
    ratios = ratios_at(target_rows, draft_rows, drafts)
    path = [np.ones(ratios.shape[:-1])]
    for i in range(ratios.shape[-1]):
        path.append(np.minimum(1.0, path[-1] * ratios[..., i]))
    return np.stack(path, axis=-1)


def stopping_chances(target_rows: Array, draft_rows: Array, drafts: Integers) -> tuple[Array, Array]:
    r"""Chances :math:`h_1, \dots, h_\gamma` of the independent coins, and the excess after each prefix.

    .. math:: R_i(y) = (P_i\, p_{i+1}(y) - q_{i+1}(y))_+, \quad S_i = \sum_y R_i(y), \quad
              h_i = \frac{S_i}{S_i + 1 - P_i}, \quad h_\gamma = P_\gamma

    with 0/0 read as 1.

    Returns
    -------
    coins : ndarray, shape (..., gamma)
    excess : ndarray, shape (..., gamma, V)
        :math:`R_0, \dots, R_{\gamma-1}`.
    """
    path = path_acceptance(target_rows, draft_rows, drafts)
    excess = np.maximum(path[..., :-1, np.newaxis] * target_rows[..., :-1, :] - draft_rows, 0.0)
    room = excess.sum(axis=-1)[..., 1:]
    rest = room + 1.0 - path[..., 1:-1]
    inner = np.where(rest > 0.0, room / np.where(rest > 0.0, rest, 1.0), 1.0)
    return np.concatenate((inner, path[..., max(path.shape[-1] - 1, 1) :]), axis=-1), excess


def block_verification(target_rows: Array, draft_rows: Array, drafts: Integers) -> Array:
    r"""Law of (accepted drafts, next token) of block verification, given the drafts.

    Every position i throws a coin of chance :math:`h_i` (:func:`stopping_chances`); tau is the *last*
    position whose coin succeeds, 0 where none does. The next token follows :math:`R_\tau / S_\tau`, or
    :math:`p_{\gamma+1}` where all are accepted.

    Parameters
    ----------
    target_rows : ndarray, shape (..., gamma + 1, V)
        Laws of the target along the drafts.
    draft_rows : ndarray, shape (..., gamma, V)
        Laws of the drafter along the drafts.
    drafts : ndarray of int, shape (..., gamma)
        The drafted tokens.

    Returns
    -------
    ndarray, shape (..., gamma + 1, V)
        Probability that exactly t drafts are accepted and that token y follows them.

    References
    ----------
    Sun et al., "Block verification accelerates speculative decoding", ICLR 2025.

    Examples
    --------
    >>> p, q = np.array([[0.5, 0.5]] * 3), np.array([[0.75, 0.25]] * 2)
    >>> block_verification(p, q, np.array([0, 1])).sum(axis=-1)  # the second draft makes up for the first
    array([0., 0., 1.])
    """
    coins, excess = stopping_chances(target_rows, draft_rows, drafts)
    ones = np.ones((*coins.shape[:-1], 1))
    later = np.concatenate((np.cumprod(1.0 - coins[..., ::-1], axis=-1)[..., ::-1], ones), axis=-1)
    last = np.concatenate((ones, coins), axis=-1) * later
    follow = np.concatenate((normalised(excess, target_rows[..., :-1, :]), target_rows[..., -1:, :]), axis=-2)
    return np.asarray(last[..., np.newaxis] * follow)


def block_law(target: PrefixTables, draft: PrefixTables) -> RoundLaw:
    r"""Law of one round of block verification, over all drafts; it is lossless.

    **Proof.** Write :math:`Q(x^i) = \prod_{j \le i} q_j(x_j)` and T for the same product of p.

    *Step 1:* :math:`P(\tau \ge i \mid x^i) = P_i(x^i)`. True at gamma, where :math:`h_\gamma = P_\gamma`. If
    it holds at i + 1, then given :math:`x^i` a later success has probability
    :math:`\sum_x q_{i+1}(x) P_{i+1}(x^i x) = \sum_x \min(q_{i+1}, P_i p_{i+1})(x) = P_i - S_i`. The coin of
    position i is independent of what comes later, so
    :math:`P(\tau = i \mid x^i) = h_i (1 - P_i + S_i) = S_i`, and the two add up to :math:`P_i`. (Where
    :math:`1 - P_i + S_i = 0` both are 0 and position i is passed whatever :math:`h_i` is. For i = 0 the same
    holds with :math:`h_0 = 1`.)

    *Step 2:* hence :math:`P(\tau = i, y \mid x^i) = R_i(y)`.

    *Step 3:* let :math:`F_i(x^i)` be the probability that :math:`\tau < i` and the text, continued by the
    target, begins with :math:`x^i`. Then :math:`F_i + Q P_i = T` at :math:`x^i`: at i = 0 it says 0 + 1 = 1;
    and :math:`F_{i+1}(x^i y) = F_i(x^i)\, p(y) + Q(x^i) (P_i p(y) - q(y))_+`, while
    :math:`Q(x^i y) P_{i+1} = Q(x^i) \min(q(y), P_i p(y))`, which add up to
    :math:`(F_i + Q P_i)(x^i)\, p(y) = T(x^i y)`. At gamma the token after all drafts is from p. ∎

    Parameters
    ----------
    target : PrefixTables
        Laws p, at least gamma + 1 tables.
    draft : PrefixTables
        Laws q; their number is the draft length gamma.

    Returns
    -------
    RoundLaw

    References
    ----------
    Sun et al., ICLR 2025 (the rule; the proof above is ours).

    Examples
    --------
    >>> p, q = PrefixTables.independent([0.5, 0.5], 3), PrefixTables.independent([0.75, 0.25], 2)
    >>> law = block_law(p, q)
    >>> law.expected_tokens, law.text(p).ravel()
    (2.375, array([0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125]))
    """
    return round_law(target, draft, block_verification)


def expected_tokens_of_blocks(target: PrefixTables, draft: PrefixTables) -> float:
    r"""Mean tokens of a round of block verification, :math:`1 + \sum_{i=1}^{\gamma} E_q[P_i]`.

    From step 1 of :func:`block_law`. It is never below that of chain verification,
    :math:`1 + \sum_i E_q[T_i]` with :math:`T_i = \prod_{j \le i} \min(1, r_j)` and :math:`r = p/q`: if
    :math:`P_{i-1} \ge T_{i-1}`, then :math:`P_i = \min(1, P_{i-1} r_i) \ge T_{i-1} \min(1, r_i) = T_i`.
    It is above it if and only if the drafter can write, and the target allows, a path with a ratio below 1
    and a later one above 1: up to the first such later ratio both recursions agree, and there
    :math:`T_{i-1} < \min(1, T_{i-1} r_i)`, since :math:`0 < T_{i-1} < 1`. So for gamma = 1 the two rules
    accept equally often.

    Parameters
    ----------
    target, draft : PrefixTables
        Laws p and q. The draft length gamma is ``draft.length``.

    Returns
    -------
    float
        Tokens per round.

    Examples
    --------
    >>> p, q = PrefixTables.independent([0.5, 0.5], 3), PrefixTables.independent([0.75, 0.25], 2)
    >>> expected_tokens_of_blocks(p, q)
    2.375
    """
    total, drafted, weighted = 1.0, np.ones(()), np.ones(())
    for p, q in zip(target.rows, draft.rows, strict=False):
        # weighted is Q(x^i) P_i(x^i): min(1, P r) Q q = min(Q q, Q P p)
        weighted = np.minimum(drafted[..., np.newaxis] * q, weighted[..., np.newaxis] * p)
        drafted = drafted[..., np.newaxis] * q
        total += float(weighted.sum())
    return total

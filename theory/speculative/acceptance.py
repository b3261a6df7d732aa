r"""How many tokens a round of speculative decoding yields, what it costs, and how long a draft should be.

A round drafts gamma tokens, each at the price ``cost`` of one pass of the target, verifies them in one pass,
and emits the accepted ones and one token more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer, as_laws
from tightbound.theory.speculative.tables import PrefixTables


def acceptance_probability(p: ArrayLike, q: ArrayLike) -> Array:
    r"""Probability that a token drafted from q is accepted, :math:`\beta = \sum_x \min(p, q) = 1 - TV(p, q)`.

    A draft x is accepted with probability :math:`\min(1, p(x)/q(x))`, so
    :math:`\beta = \sum_x q(x) \min(1, p(x)/q(x)) = \sum_x \min(p(x), q(x))`; and since
    :math:`\min(p, q) = (p + q - |p - q|)/2`, this is :math:`1 - \tfrac12 \sum |p - q|`.

    Parameters
    ----------
    p, q : array_like, shapes (..., V) that broadcast
        Laws of the next token under the target and the drafter.

    Returns
    -------
    ndarray, shape (...)
        Probability in [0, 1].

    Raises
    ------
    ValueError
        For rows that are no laws or vocabularies that differ.

    References
    ----------
    Leviathan, Kalman, Matias, "Fast inference from transformers via speculative decoding", ICML 2023,
    Section 3.2.

    Examples
    --------
    >>> float(acceptance_probability([0.5, 0.5], [0.75, 0.25]))
    0.75
    """
    target, draft = as_pair(p, q)
    return np.asarray(np.minimum(np.minimum(target, draft).sum(axis=-1), 1.0))


def expected_tokens(alpha: ArrayLike, gamma: int) -> Array:
    r"""Mean tokens of a round of independently accepted drafts, :math:`\sum_{k=0}^{\gamma} \alpha^k`.

    With :math:`\tau` accepted drafts the round emits :math:`\tau + 1` tokens, and
    :math:`E[\tau] = \sum_{i=1}^{\gamma} P(\tau \ge i) = \sum_{i=1}^{\gamma} \alpha^i`. The sum, unlike the
    printed quotient :math:`(1 - \alpha^{\gamma+1})/(1 - \alpha)`, keeps its digits near 1.

    Parameters
    ----------
    alpha : array_like, shape (...)
        Acceptance probability of one token, in [0, 1].
    gamma : int
        Drafted tokens per round, at least 0.

    Returns
    -------
    ndarray, shape (...)
        Tokens per round, from 1 to gamma + 1.

    Raises
    ------
    ValueError
        For an acceptance outside [0, 1] or a negative gamma.

    References
    ----------
    Leviathan, Kalman, Matias, ICML 2023, equation (1), there as a quotient.

    Examples
    --------
    >>> float(expected_tokens(0.5, 2)), float(expected_tokens(1.0, 4))
    (1.75, 5.0)
    """
    rate = _as_acceptance(alpha)
    return np.asarray((rate[..., np.newaxis] ** np.arange(as_integer("gamma", gamma, least=0) + 1)).sum(-1))


def expected_tokens_in_context(target: PrefixTables, draft: PrefixTables) -> float:
    r"""Mean tokens of a round of chain verification when acceptance depends on the prefix.

    .. math:: 1 + \sum_{i=1}^{\gamma} \sum_{x_1 \dots x_i} \prod_{j=1}^{i}
              \min\{p(x_j \mid x_{<j}),\ q(x_j \mid x_{<j})\}

    Drafts :math:`x_1 \dots x_i` occur with probability :math:`\prod q` and are all accepted with probability
    :math:`\prod \min(1, p/q)`, which gives :math:`P(\tau \ge i)`. This is a mean of
    :math:`\prod_j \beta(x_{<j})` over prefixes that were *accepted*, of law :math:`\min(p, q)/\beta` at each
    step. Averaged over prefixes as drafted, from q, the product gives another number: an accepted prefix is
    no typical draft.

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
    >>> expected_tokens_in_context(p, q), float(expected_tokens(0.75, 2))
    (2.3125, 2.3125)
    """
    total, overlap = 1.0, np.ones(())
    for p, q in zip(target.rows, draft.rows, strict=False):
        overlap = overlap[..., np.newaxis] * np.minimum(p, q)
        total += float(overlap.sum())
    return total


def speedup(alpha: ArrayLike, gamma: int, cost: ArrayLike) -> Array:
    r"""Tokens per unit of time relative to plain decoding.

    .. math:: S(\alpha, \gamma, c) = \frac{\sum_{k=0}^{\gamma} \alpha^k}{\gamma c + 1}

    **S has one peak in gamma.** More generally let :math:`\pi_i = P(\tau \ge i)`, for any acceptance process,
    :math:`E_\gamma = 1 + \sum_{i \le \gamma} \pi_i` and
    :math:`D_\gamma = \pi_{\gamma+1} (\gamma c + 1) - c E_\gamma`, which has the sign of
    :math:`S_{\gamma+1} - S_\gamma`. Then :math:`D_{\gamma+1} - D_\gamma = (\pi_{\gamma+2} - \pi_{\gamma+1})
    ((\gamma + 1) c + 1) \le 0`, because :math:`\pi` never rises. So D changes sign at most once, from plus
    to minus. In particular :math:`D_0 = \pi_1 - c`: some draft length is faster than plain decoding if and
    only if :math:`\alpha > c`, and then gamma = 1 already gives :math:`(1 + \alpha)/(1 + c)`.

    Parameters
    ----------
    alpha : array_like, shape (...)
        Acceptance probability of one token, in [0, 1].
    gamma : int
        Drafted tokens per round, at least 0.
    cost : array_like
        Time of a draft step over time of a target pass, c, at least 0. Broadcasts against ``alpha``.

    Returns
    -------
    ndarray
        The ratio; above 1 is faster than plain decoding.

    Raises
    ------
    ValueError
        For an acceptance outside [0, 1], a negative gamma or a negative cost.

    Notes
    -----
    The pass over gamma + 1 tokens is taken to cost what a pass over one token costs, as in a decoder bound by
    memory.

    References
    ----------
    Leviathan, Kalman, Matias, ICML 2023, Section 3.3.

    Examples
    --------
    >>> float(speedup(0.5, 2, 0.125))
    1.4
    """
    return np.asarray(expected_tokens(alpha, gamma) / (gamma * _as_cost(cost) + 1.0))


def optimal_gamma(alpha: float, cost: float) -> int:
    r"""Draft length with the largest :func:`speedup`, the smallest of several.

    The first gamma with :math:`\alpha^{\gamma+1} (\gamma c + 1) \le c \sum_{k \le \gamma} \alpha^k`; from
    there on S falls (see :func:`speedup`).

    Parameters
    ----------
    alpha : float
        Acceptance probability of one token, in [0, 1].
    cost : float
        Time of a draft step over time of a target pass, c, at least 0.

    Returns
    -------
    int
        Draft length, 0 where drafting does not pay.

    Raises
    ------
    ValueError
        Where no finite length is best: free drafts with ``alpha > 0``, or ``alpha = 1`` and ``cost < 1``.

    References
    ----------
    Leviathan, Kalman, Matias, ICML 2023, Section 3.3 (there by numerical search).

    Examples
    --------
    >>> [optimal_gamma(a, 0.05) for a in (0.04, 0.5, 0.8, 0.9)]
    [0, 3, 8, 13]
    """
    rate, price = _as_acceptance(alpha), _as_cost(cost)
    if rate.ndim or price.ndim:
        raise ValueError(f"alpha has shape {rate.shape}, cost {price.shape}: give one number for each")
    a, c = float(rate), float(price)
    if (c == 0.0 and a > 0.0) or (a == 1.0 and c < 1.0):
        raise ValueError(
            f"alpha={a} with cost={c} has no best draft length: longer is always faster; "
            "give alpha < 1 and cost > 0"
        )
    gamma, tokens, power = 0, 1.0, a
    while power * (gamma * c + 1.0) > c * tokens:
        gamma, tokens, power = gamma + 1, tokens + power, power * a
    return gamma


def operations_factor(alpha: ArrayLike, gamma: int, cost: ArrayLike) -> Array:
    r"""Arithmetic per token relative to plain decoding, :math:`(\gamma \hat c + \gamma + 1)/E[\tau + 1]`.

    The target computes gamma + 1 positions per round whether or not they are kept, so the factor is at
    least 1 in every case: :math:`E[\tau + 1] \le \gamma + 1`.

    Parameters
    ----------
    alpha : array_like, shape (...)
        Acceptance probability of one token, in [0, 1].
    gamma : int
        Drafted tokens per round, at least 0.
    cost : array_like
        Operations of a draft token over those of a target token, at least 0.

    Returns
    -------
    ndarray
        The ratio; at least 1.

    References
    ----------
    Leviathan, Kalman, Matias, ICML 2023, Section 3.4.

    Examples
    --------
    >>> float(operations_factor(0.5, 2, 0.25))
    2.0
    """
    return np.asarray((gamma * _as_cost(cost) + gamma + 1.0) / expected_tokens(alpha, gamma))


def as_pair(p: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    """Return laws of target and drafter over one vocabulary, broadcast to one shape."""
    target, draft = as_laws("p", p), as_laws("q", q)
    if target.shape[-1] != draft.shape[-1]:
        raise ValueError(
            f"p is a law over {target.shape[-1]} tokens, q over {draft.shape[-1]}: "
            "give one vocabulary for both"
        )
    try:
        shape = np.broadcast_shapes(target.shape, draft.shape)
    except ValueError as error:
        raise ValueError(
            f"p has shape {target.shape}, q {draft.shape}: give shapes that broadcast, e.g. (n, V) and (V,)"
        ) from error
    return np.broadcast_to(target, shape), np.broadcast_to(draft, shape)


def _as_acceptance(value: ArrayLike) -> Array:
    rate = as_floats("alpha", value)
    if np.any((rate < 0.0) | (rate > 1.0)):
        bad = rate[(rate < 0.0) | (rate > 1.0)].ravel()[0]
        raise ValueError(f"alpha contains {bad}: an acceptance probability lies in [0, 1]")
    return rate


def _as_cost(value: ArrayLike) -> Array:
    price = as_floats("cost", value)
    if np.any(price < 0.0):
        raise ValueError(f"cost contains {price.min()}: the price of a draft step is at least 0")
    return price

"""Laws of the number of tokens a speculative round yields, their moments and their divergences."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats, as_integer
from tightbound.theory.bandits._validation import Array, as_acceptance, as_laws
from tightbound.theory.speculative.acceptance import expected_tokens


def truncated_geometric(acceptance: ArrayLike, max_draft: int) -> Array:
    r"""Law of the tokens per round when each drafted token is accepted independently.

    .. math:: P(Y = x) = p^{x-1} (1 - p) \quad (x \le L), \qquad P(Y = L+1) = p^L.

    Parameters
    ----------
    acceptance : array_like, shape (...)
        Acceptance probability p of one token, in [0, 1).
    max_draft : int
        Draft length L, in tokens, at least 1.

    Returns
    -------
    ndarray, shape (..., L+1)
        Probabilities of Y = 1, ..., L+1 along the last axis.

    Raises
    ------
    ValueError
        For an acceptance outside [0, 1) or ``max_draft`` below 1.

    References
    ----------
    Leviathan, Kalman, Matias, "Fast inference from transformers via speculative decoding", ICML 2023,
    Section 3.1.

    Examples
    --------
    >>> truncated_geometric(0.5, 2)
    array([0.5 , 0.25, 0.25])
    """
    p = as_acceptance("acceptance", acceptance)[..., np.newaxis]
    length = as_integer("max_draft", max_draft, least=1)
    law = np.empty((*p.shape[:-1], length + 1))
    law[..., :length] = p ** np.arange(length) * (1.0 - p)
    law[..., length] = p[..., 0] ** length
    return law


def mean_tokens(acceptance: ArrayLike, max_draft: int) -> Array:
    r"""Mean tokens per round of the truncated geometric law, :math:`\mu(p) = \sum_{k=0}^{L} p^k`.

    Parameters
    ----------
    acceptance : array_like, shape (...)
        Acceptance probability p of one token, in [0, 1).
    max_draft : int
        Draft length L, in tokens, at least 1.

    Returns
    -------
    ndarray, shape (...)
        Mean of Y, in tokens per round.

    References
    ----------
    Leviathan, Kalman, Matias, ICML 2023, equation (1), there as a quotient.

    Examples
    --------
    >>> float(mean_tokens(0.5, 2))
    1.75
    """
    rate = as_acceptance("acceptance", acceptance)
    return expected_tokens(rate, as_integer("max_draft", max_draft, least=1))


def expected_trials(acceptance: ArrayLike, max_draft: int) -> Array:
    r"""Mean number of accept-or-reject trials in one round, :math:`G(p) = \sum_{k=0}^{L-1} p^k`.

    Parameters
    ----------
    acceptance : array_like, shape (...)
        Acceptance probability p of one token, in [0, 1).
    max_draft : int
        Draft length L, in tokens, at least 1.

    Returns
    -------
    ndarray, shape (...)
        Trials per round: the k-th token is tried when the k-1 before it were accepted.

    Examples
    --------
    >>> float(expected_trials(0.5, 2))
    1.5
    """
    rate = as_acceptance("acceptance", acceptance)
    return expected_tokens(rate, as_integer("max_draft", max_draft, least=1) - 1)


def mean_gap(better: ArrayLike, worse: ArrayLike, max_draft: int) -> Array:
    r"""Difference :math:`\mu(p) - \mu(r) = \sum_{k=1}^{L} (p^k - r^k)` to full relative accuracy.

    The differences obey :math:`p^k - r^k = p^{k-1} (p - r) + r (p^{k-1} - r^{k-1})`, a sum of terms of one
    sign, so nothing cancels however close the two arms are.

    Parameters
    ----------
    better, worse : array_like, shapes that broadcast
        Acceptance probabilities p and r, in [0, 1).
    max_draft : int
        Draft length L, in tokens, at least 1.

    Returns
    -------
    ndarray
        The difference in tokens per round, negative where ``better`` is the smaller one.

    Examples
    --------
    >>> float(mean_gap(0.5, 0.25, 2))
    0.4375
    """
    p, r = np.broadcast_arrays(as_acceptance("better", better), as_acceptance("worse", worse))
    step = p - r
    difference: Array = np.zeros_like(step)
    total: Array = np.zeros_like(step)
    for k in range(1, as_integer("max_draft", max_draft, least=1) + 1):
        difference = p ** (k - 1) * step + r * difference
        total += difference
    return total


def law_mean(law: ArrayLike) -> Array:
    r"""Mean :math:`\sum_x x\, q(x)` of laws over 1, ..., L+1.

    Parameters
    ----------
    law : array_like, shape (L+1,) or (K, L+1)
        Probabilities of Y = 1, ..., L+1.

    Returns
    -------
    ndarray, shape () or (K,)
        Mean of Y, in tokens.

    Raises
    ------
    ValueError
        For negative probabilities or a row that does not sum to 1.

    Examples
    --------
    >>> float(law_mean([0.5, 0.25, 0.25]))
    1.75
    """
    q = as_laws("law", law, (1, 2))
    return np.asarray(q @ np.arange(1.0, q.shape[-1] + 1.0))


def law_variance(law: ArrayLike) -> Array:
    r"""Variance :math:`\sum_x (x - \mu)^2 q(x)` of laws over 1, ..., L+1.

    Parameters
    ----------
    law : array_like, shape (L+1,) or (K, L+1)
        Probabilities of Y = 1, ..., L+1.

    Returns
    -------
    ndarray, shape () or (K,)
        Variance of Y, in tokens squared.

    Examples
    --------
    >>> float(law_variance([0.5, 0.0, 0.5]))
    1.0
    """
    q = as_laws("law", law, (1, 2))
    deviation = np.arange(1.0, q.shape[-1] + 1.0) - law_mean(q)[..., np.newaxis]
    return np.asarray(np.sum(q * deviation**2, axis=-1))


def kl(p: ArrayLike, q: ArrayLike) -> float:
    r"""Kullback-Leibler divergence :math:`\sum_x p(x) \log(p(x)/q(x))` in nats.

    Parameters
    ----------
    p, q : array_like, shape (L+1,)
        Two laws over the same support.

    Returns
    -------
    float
        The divergence, infinite where p charges a value that q does not.

    Raises
    ------
    ValueError
        For laws of different lengths or rows that do not sum to 1.

    Examples
    --------
    >>> round(kl([0.5, 0.5], [0.25, 0.75]), 6)
    0.143841
    """
    from scipy.special import rel_entr

    first, second = as_laws("p", p, 1), as_laws("q", q, 1)
    if first.shape != second.shape:
        raise ValueError(f"p has {first.size} values and q has {second.size}: give laws over the same values")
    return float(np.sum(rel_entr(first, second)))


def bernoulli_kl(p: ArrayLike, q: ArrayLike) -> Array:
    r"""Divergence of two Bernoulli laws, :math:`p \log\frac{p}{q} + (1-p) \log\frac{1-p}{1-q}`, in nats.

    With :math:`h(x) = x - \log(1 + x) \ge 0` it equals :math:`p\, h((q-p)/p) + (1-p)\, h((p-q)/(1-p))`,
    which is how it is computed: no digits are lost for close arguments.

    Parameters
    ----------
    p, q : array_like, shapes that broadcast
        Success probabilities in [0, 1].

    Returns
    -------
    ndarray
        The divergence, infinite where q excludes an outcome that p allows.

    Raises
    ------
    ValueError
        For probabilities outside [0, 1].

    Examples
    --------
    >>> round(float(bernoulli_kl(0.5, 0.25)), 6)
    0.143841
    """
    first, second = np.broadcast_arrays(_probability("p", p), _probability("q", q))
    return np.asarray(_half(first, second) + _half(1.0 - first, 1.0 - second, gap=first - second))


def _probability(name: str, value: ArrayLike) -> Array:
    """Return probabilities in [0, 1]."""
    array = as_floats(name, value)
    if np.any((array < 0.0) | (array > 1.0)):
        raise ValueError(f"{name} has entries outside [0, 1]: give probabilities")
    return array


def _half(p: Array, q: Array, gap: Array | None = None) -> Array:
    """Return p h((q-p)/p), which is q at p = 0 and infinite at q = 0 < p."""
    d = q - p if gap is None else gap
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x = d / p
        log_ratio = np.where(np.abs(x) < 0.5, np.log1p(x), np.log(q) - np.log(p))
        value = np.where(np.abs(x) < 0.02, p * _log_deficit_series(x), d - p * log_ratio)
    return np.where(p == 0.0, q, np.where(q == 0.0, np.inf, value))


def _log_deficit_series(x: Array) -> Array:
    """Return x - log(1+x) for |x| < 0.02 from nine terms of its series."""
    total = np.zeros_like(x)
    for k in range(10, 1, -1):
        total = (-1.0) ** k / k + x * total
    return np.asarray(total * x**2)


def truncated_geometric_kl(p: ArrayLike, q: ArrayLike, max_draft: int) -> Array:
    r"""Divergence of two truncated geometric laws, :math:`G(p)\, \mathrm{kl}(p, q)`, in nats.

    A round is a sequence of Bernoulli trials stopped at the first rejection or after L of them; the
    log-likelihood ratio is a sum over the trials and Wald's identity turns it into the mean number of trials
    times the divergence of one.

    Parameters
    ----------
    p, q : array_like, shapes that broadcast
        Acceptance probabilities in [0, 1).
    max_draft : int
        Draft length L, in tokens, at least 1.

    Returns
    -------
    ndarray
        The divergence of the law of one round with acceptance p from that with acceptance q.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025 (arXiv 2505.15141v2), equation (133).

    Examples
    --------
    >>> round(float(truncated_geometric_kl(0.5, 0.25, 2)), 6)
    0.215762
    """
    first, second = as_acceptance("p", p), as_acceptance("q", q)
    return np.asarray(expected_trials(first, max_draft) * bernoulli_kl(first, second))

"""Upper and lower bounds on stopping-time regret, with every constant written out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_floats, as_integer, as_positive
from tightbound.theory.bandits._validation import Array, as_acceptance, as_confidence, as_means
from tightbound.theory.bandits.laws import expected_trials, mean_gap, mean_tokens, truncated_geometric_kl


def gaps(means: ArrayLike) -> Array:
    r"""Gaps :math:`\Delta_i = \mu^* - \mu_i`; the number of zeros is the multiplicity of the best arm.

    Parameters
    ----------
    means : array_like, shape (K,)
        Mean tokens per round, each at least 1.

    Returns
    -------
    ndarray, shape (K,)
        Gaps in tokens per round.

    Raises
    ------
    ValueError
        For no arms, a mean below 1, NaN or infinity.

    Examples
    --------
    >>> gaps([3.0, 2.5, 3.0])
    array([0. , 0.5, 0. ])
    """
    mu = as_means(means)
    return np.asarray(mu.max() - mu)


def hardness(means: ArrayLike) -> float:
    r"""Hardness :math:`H = \sum_{i: \Delta_i > 0} 1 / (\mu^* \Delta_i)`, without arms that tie with the best.

    Parameters
    ----------
    means : array_like, shape (K,)
        Mean tokens per round, each at least 1.

    Returns
    -------
    float
        Hardness, zero where all arms tie.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Section 4.

    Examples
    --------
    >>> hardness([4.0, 3.5])
    0.5
    """
    delta = gaps(means)
    return float(np.sum(1.0 / (np.max(as_means(means)) * delta[delta > 0])))


def _instance(acceptance: ArrayLike, max_draft: int) -> tuple[Array, Array, Array, int]:
    """Return acceptance, the best one with a kept axis, exact gaps, and the draft length."""
    p = as_acceptance("acceptance", acceptance, arms=True)
    length = as_integer("max_draft", max_draft, least=1)
    best = p.max(axis=-1, keepdims=True)
    return p, best, mean_gap(best, p, length), length


def _sum_over_worse(terms: Array, worse: NDArray[np.bool_]) -> Array | float:
    """Sum over the arms that are worse than the best; a float for one instance."""
    total = np.sum(np.where(worse, terms, 0.0), axis=-1)
    return float(total) if total.ndim == 0 else np.asarray(total)


def lower_bound_constant(acceptance: ArrayLike, max_draft: int) -> Array | float:
    r"""Constant of the asymptotic lower bound on regret over log B for truncated geometric arms.

    .. math:: C_{LB} = \sum_{i: \Delta_i > 0} \frac{\Delta_i}{\mu^* \mathrm{kl}_i}, \qquad
              \mathrm{kl}_i = \inf\{\mathrm{KL}(P_i, P_p): \mu(p) > \mu^*\} = G_i\, \mathrm{kl}(p_i, p^*).

    The infimum sits at p* because the divergence grows in p above p_i. Within this family the constant is
    attained, so a larger number is not a lower bound.

    Parameters
    ----------
    acceptance : array_like, shape (..., K)
        Acceptance probabilities in [0, 1); leading axes run over instances.
    max_draft : int
        Draft length L, in tokens, at least 1.

    Returns
    -------
    float or ndarray, shape (...)
        Regret in rounds per unit of log B.

    Raises
    ------
    ValueError
        For an acceptance outside [0, 1), no arms, or ``max_draft`` below 1.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Theorem 4.4; Lai, Robbins, Advances in Applied Mathematics 6, 1985,
    for attainment.

    Examples
    --------
    >>> round(lower_bound_constant([0.5, 0.25], 2), 4)
    1.5289
    """
    p, best, delta, length = _instance(acceptance, max_draft)
    worse = delta > 0
    divergence = truncated_geometric_kl(p, np.broadcast_to(best, p.shape), length)
    terms = delta / (mean_tokens(best, length) * np.where(worse, divergence, 1.0))
    return _sum_over_worse(terms, worse)


def stated_lower_bound_constant(acceptance: ArrayLike, max_draft: int) -> Array | float:
    r"""Explicit constant for truncated geometric arms, as read in arXiv 2505.15141v2.

    .. math:: H\, \frac{p^* (1 - (p^*)^L)}{1 - p^*}.

    The text was read through a plain-text conversion that loses roots and fraction bars. As read, the
    constant exceeds :func:`lower_bound_constant` on part of the range;
    :func:`corrected_lower_bound_constant` never does. For L = 1 it exceeds for every pair of arms with
    :math:`p^* > 1/2`: there it asks for :math:`\mathrm{kl} \le \Delta^2 / p^*`, while Pinsker's inequality
    gives :math:`\mathrm{kl} \ge 2 \Delta^2`.

    Parameters
    ----------
    acceptance : array_like, shape (..., K)
        Acceptance probabilities in [0, 1); leading axes run over instances.
    max_draft : int
        Draft length L, in tokens, at least 1.

    Returns
    -------
    float or ndarray, shape (...)
        The constant, in rounds per unit of log B.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Proposition 4.5 as read in arXiv 2505.15141v2.

    Examples
    --------
    >>> stated_lower_bound_constant([0.95, 0.9], 4) > lower_bound_constant([0.95, 0.9], 4)
    True
    """
    p, best, delta, length = _instance(acceptance, max_draft)
    worse = delta > 0
    numerator = best * expected_trials(best, length)
    terms = numerator / (mean_tokens(best, length) * np.where(worse, delta, 1.0))
    return _sum_over_worse(np.broadcast_to(terms, p.shape), worse)


def corrected_lower_bound_constant(acceptance: ArrayLike, max_draft: int) -> Array | float:
    r"""Explicit lower bound :math:`H\, p^* (1 - (p^*)^L) \le C_{LB}` for truncated geometric arms.

    Write p for the best acceptance and r < p for a worse one.

    1. For k >= 1, :math:`p^k - r^k = (p - r) \sum_{j=0}^{k-1} p^{k-1-j} r^j \ge (p - r) p^{k-1}`, the term j
       = 0 alone. Summed over k = 1, ..., L: :math:`\Delta \ge (p - r) G(p)` with
       :math:`G(p) = (1 - p^L)/(1 - p)`.
    2. Since :math:`\log x \le x - 1`, :math:`\mathrm{kl}(r, p) \le r (r/p - 1) + (1-r)((1-r)/(1-p) - 1)
       = (p - r)^2 / (p (1 - p))`, the chi-square divergence of the two Bernoulli laws.
    3. G grows in its argument, so the divergence of one round is at most
       :math:`G(r) (p-r)^2 / (p(1-p)) \le G(p) (p-r)^2 / (p(1-p))`.
    4. By step 1, :math:`(p - r)^2 \le \Delta^2 / G(p)^2`; hence
       :math:`\mathrm{kl}_i \le \Delta_i^2 / (p (1-p) G(p)) = \Delta_i^2 / (p (1 - p^L))`.
    5. Divide :math:`\Delta_i / \mu^*` by both sides and sum over the worse arms.

    Step 1 with the reversed inequality and :math:`(1 - r)` in the denominator, namely
    :math:`\Delta \ge (p - r)(1 - p^L)/((1-p)(1-r))`, would gain the factor :math:`1/(1-p)`, but
    :math:`(1-p)(1-r)\Delta = (p - r) - p^{L+1}(1 - r) + r^{L+1}(1 - p)` differs from
    :math:`(p - r)(1 - p^L)` by :math:`r (1-p) (r^L - p^L) < 0`: the inequality there runs the other way.

    Parameters
    ----------
    acceptance : array_like, shape (..., K)
        Acceptance probabilities in [0, 1); leading axes run over instances.
    max_draft : int
        Draft length L, in tokens, at least 1.

    Returns
    -------
    float or ndarray, shape (...)
        The constant, in rounds per unit of log B.

    References
    ----------
    Replaces Hou et al., "BanditSpec", ICML 2025, Proposition 4.5.

    Examples
    --------
    >>> corrected_lower_bound_constant([0.95, 0.9], 4) < lower_bound_constant([0.95, 0.9], 4)
    True
    """
    p, best, delta, length = _instance(acceptance, max_draft)
    worse = delta > 0
    numerator = best * expected_trials(best, length) * (1.0 - best)
    terms = numerator / (mean_tokens(best, length) * np.where(worse, delta, 1.0))
    return _sum_over_worse(np.broadcast_to(terms, p.shape), worse)


def ucbspec_radius(
    pulls: ArrayLike, round_index: ArrayLike, arms: int, max_draft: int, delta: float = 0.5
) -> Array | float:
    r"""Confidence radius of UCBSpec after round t.

    .. math:: \mathrm{cr} = \frac{L}{2} \sqrt{\frac{1 + n}{n^2}
              \left(1 + 2 \log \frac{K t^2 (1 + n)^{1/2}}{\delta}\right)}.

    Parameters
    ----------
    pulls : array_like
        Pulls n of the arm so far, at least 1 (real numbers are allowed: the fluid limit needs them).
    round_index : array_like
        Rounds t so far, at least 1; broadcasts against ``pulls``.
    arms : int
        Number of arms K.
    max_draft : int
        Draft length L; the range of Y is L, from 1 to L + 1.
    delta : float
        Confidence parameter in (0, 1); 1/2 in the theorem.

    Returns
    -------
    float or ndarray
        Radius in tokens per round.

    Raises
    ------
    ValueError
        For zero pulls, ``round_index`` below 1, or ``delta`` outside (0, 1).

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Algorithm 4; Abbasi-Yadkori, Pal, Szepesvari, NeurIPS 2011, for the
    self-normalised bound.

    Examples
    --------
    >>> round(ucbspec_radius(1, 2, 2, 4), 4)
    7.6096
    """
    n, t = as_floats("pulls", pulls), as_floats("round_index", round_index)
    for name, array in (("pulls", n), ("round_index", t)):
        if np.any(array < 1.0):
            raise ValueError(
                f"{name} contains {array.min()}: it must be at least 1; play every arm once first"
            )
    count, length = as_integer("arms", arms, least=1), as_integer("max_draft", max_draft, least=1)
    width = 1.0 + 2.0 * np.log(count * t * t * np.sqrt(1.0 + n) / as_confidence(delta))
    radius = 0.5 * length * np.sqrt((1.0 + n) / (n * n) * width)
    return float(radius) if radius.ndim == 0 else np.asarray(radius)


def ucbspec_pull_bound(
    gap: ArrayLike, arms: int, max_draft: int, round_index: float, delta: float = 0.5
) -> Array | float:
    r"""Most pulls of an arm with gap :math:`\Delta` up to round t while all confidence intervals hold.

    .. math:: n_i \le 4 + \frac{2 L^2}{\Delta^2} \left(1 + 2 \log \frac{L K t^2}{\Delta\, \delta}\right).

    An arm chosen after n pulls has :math:`\Delta \le 2\,\mathrm{cr}`; :math:`n^2/(1+n) \ge n - 1` and
    :math:`a x + b > \log x` for :math:`x \ge (2/a)[\log(1/a) - b]_+` with :math:`a = \Delta^2/L^2`, x = n +
    1, then give the bound.

    Parameters
    ----------
    gap : array_like
        Positive gaps, in tokens per round.
    arms, max_draft : int
        Number of arms K and draft length L.
    round_index : float
        Rounds t, at least 1.
    delta : float
        Confidence parameter in (0, 1).

    Returns
    -------
    float or ndarray
        Bound on the pulls.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, proof of Theorem 4.3, equation (42).

    Examples
    --------
    >>> round(ucbspec_pull_bound(1.0, 2, 4, 100), 2)
    802.91
    """
    width, t = as_floats("gap", gap), as_positive("round_index", round_index)
    count, length = as_integer("arms", arms, least=1), as_integer("max_draft", max_draft, least=1)
    if np.any(width <= 0.0) or np.any(width > length):
        raise ValueError(
            f"gap is {gap!r}: gaps lie in (0, max_draft] = (0, {length}]; leave out arms that tie"
        )
    if t < 1.0:
        raise ValueError(f"round_index is {t}: it must be at least 1")
    log_term = np.log(length * count * t * t / (width * as_confidence(delta)))
    bound = 4.0 + 2.0 * length**2 / width**2 * (1.0 + 2.0 * log_term)
    return float(bound) if bound.ndim == 0 else np.asarray(bound)


def ucbspec_bound(means: ArrayLike, max_draft: int, tokens: float, *, overshoot: bool = True) -> float:
    r"""Upper bound on the stopping-time regret of UCBSpec with delta = 1/2.

    .. math:: \mathrm{Reg} \le \sum_{i: \Delta_i > 0} \frac{\Delta_i}{\mu^*} \left[4 + \frac{2L^2}{\Delta_i^2}
              \left(1 + 2 \log \frac{2 L K B^2}{\Delta_i}\right)\right]
              + \frac{\pi^2}{12} + K + \frac{L}{\mu^*}.

    The last term covers the tokens a round may yield beyond the budget; it is absent where generation is cut
    at the budget.

    Parameters
    ----------
    means : array_like, shape (K,)
        Mean tokens per round, in [1, L + 1]; arms that tie with the best add nothing to the sum.
    max_draft : int
        Draft length L, in tokens, at least 1.
    tokens : float
        Budget B, or the expected length where it is random, at least 1.
    overshoot : bool
        Whether tokens beyond the budget count, as in the model used throughout this package.

    Returns
    -------
    float
        Bound in rounds.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Theorem 4.3 with the constants of equation (42); the overshoot term
    is ours.

    Examples
    --------
    >>> round(ucbspec_bound([3.0, 2.0], 4, 1000))
    370
    """
    length = as_integer("max_draft", max_draft, least=1)
    mu = as_means(means, length)
    budget = as_positive("tokens", tokens)
    delta, best = gaps(mu), float(mu.max())
    worse = delta[delta > 0]
    pulls = ucbspec_pull_bound(worse, mu.size, length, budget) if worse.size else np.zeros(0)
    extra = length / best if overshoot else 0.0
    return float(np.sum(worse / best * pulls)) + math.pi**2 / 12.0 + mu.size + extra


def exp3spec_bound(
    arms: int, max_draft: int, tokens: float, best_stopping_time: float, *, overshoot: bool = True
) -> float:
    r"""Upper bound on the regret of EXP3Spec against every table fixed in advance.

    .. math:: \mathrm{Reg} \le 2L \min\left\{\sqrt{B K \log K},\;
              2 L K \log K + \sqrt{(ST^* + L)\, K \log K}\right\} + L

    with the two terms L present only where ``overshoot`` is true. It needs that EXP3Spec never finishes
    before the best arm. The second form solves :math:`x \le 2L \sqrt{(x + ST^*) K \log K}` for the regret x.

    Parameters
    ----------
    arms, max_draft : int
        Number of arms K and draft length L.
    tokens : float
        Budget B, at least 1.
    best_stopping_time : float
        Rounds of the best fixed arm, positive.
    overshoot : bool
        Whether tokens beyond the budget count.

    Returns
    -------
    float
        Bound in rounds.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Theorem 5.3; the overshoot terms are ours.

    Examples
    --------
    >>> round(exp3spec_bound(2, 4, 10_000, 3_000), 1)
    609.0
    """
    count, length = as_integer("arms", arms, least=1), as_integer("max_draft", max_draft, least=1)
    budget, best = as_positive("tokens", tokens), as_positive("best_stopping_time", best_stopping_time)
    extra = float(length) if overshoot else 0.0
    size = count * math.log(count)
    first = math.sqrt(budget * size)
    second = 2.0 * length * size + math.sqrt((best + extra) * size)
    return 2.0 * length * min(first, second) + extra


def exp3spec_bound_without_dominance(
    arms: int, max_draft: int, stopping_time: float, deficit: float, *, overshoot: bool = True
) -> float:
    r"""Upper bound on the regret of EXP3Spec that does not ask it to finish after the best arm.

    .. math:: \mathrm{Reg} \le 2L \sqrt{E[ST]\, K \log K} + L\, E[(ST^* - ST)^+] + L

    With D = ST - ST* and R the loss regret up to ST, counting tokens on both clocks gives
    :math:`\frac{L+1}{L} D \le R + D^+ + (O - O_*)/L`, hence :math:`D^+ \le L R + (L+1) D^- + O - O_*`;
    subtract :math:`D^-`.

    Parameters
    ----------
    arms, max_draft : int
        Number of arms K and draft length L.
    stopping_time : float
        Expected rounds of EXP3Spec, or any upper bound for it such as the budget B.
    deficit : float
        :math:`E[(ST^* - ST)^+]`, the mean number of rounds by which EXP3Spec finishes early; non-negative.
    overshoot : bool
        Whether tokens beyond the budget count (the last term).

    Returns
    -------
    float
        Bound in rounds.

    References
    ----------
    Extends Hou et al., "BanditSpec", ICML 2025, Theorem 5.3, to tables without its Assumption 5.2.

    Examples
    --------
    >>> round(exp3spec_bound_without_dominance(2, 4, 10_000, 0.0), 1)
    945.9
    """
    count, length = as_integer("arms", arms, least=1), as_integer("max_draft", max_draft, least=1)
    rounds, early = as_positive("stopping_time", stopping_time), as_floats("deficit", deficit)
    if early.ndim != 0 or early < 0.0:
        raise ValueError(
            f"deficit is {deficit!r}: it is the mean of a positive part; give one number of at least 0"
        )
    extra = float(length) if overshoot else 0.0
    return 2.0 * length * math.sqrt(rounds * count * math.log(count)) + length * float(early) + extra


def trivial_regret(max_draft: int, tokens: float, means: ArrayLike | None = None) -> float:
    r"""Regret that no policy exceeds, known without any theorem.

    .. math:: \min\left\{B,\; \frac{B + L}{\mu_{\min}}\right\} - \frac{B}{\mu^*}, \qquad
              \text{or } B - \frac{B}{L+1} \text{ where no means are given.}

    A round yields at least one token, at least :math:`\mu_{\min}` on average, and the best arm at most
    :math:`\mu^*` on average.

    Parameters
    ----------
    max_draft : int
        Draft length L, in tokens, at least 1.
    tokens : float
        Budget B, at least 1.
    means : array_like, shape (K,), optional
        Mean tokens per round; left out for an adversary.

    Returns
    -------
    float
        Bound in rounds.

    Examples
    --------
    >>> trivial_regret(4, 100.0)
    80.0
    >>> trivial_regret(4, 100.0, [4.0, 2.0])
    27.0
    """
    length, budget = as_integer("max_draft", max_draft, least=1), as_positive("tokens", tokens)
    if means is None:
        return budget - budget / (length + 1.0)
    mu = as_means(means, length)
    return min(budget, (budget + length) / float(mu.min())) - budget / float(mu.max())

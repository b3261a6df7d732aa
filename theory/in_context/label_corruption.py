r"""In-context learning from wrong examples: which errors the posterior survives, and how fast it does.

Pairs (covariate, response) come independently from a law Q that no task need have. With
:math:`\Delta_z = \log p_z/p_{z^*}` of one pair, the posterior odds of task z against the truth after n pairs
are :math:`(\pi_z/\pi_{z^*}) e^{\Delta_z(1) + \dots + \Delta_z(n)}`, a random walk under Q. Its drift decides
whether the truth is found, its moment generating function how fast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, log_expit, logsumexp

from tightbound.theory._validation import Array, as_floats, as_integer, as_laws
from tightbound.theory.method_of_types import count_vectors

_BISECTIONS = 80


def drift(law: ArrayLike, log_ratio: ArrayLike) -> Array:
    r"""Return what one pair adds on average to the log odds of the truth.

    .. math:: D_z = E_Q \log \frac{p_{z^*}}{p_z}

    Parameters
    ----------
    law : array_like, shape (A,)
        Q, law of a pair among A.
    log_ratio : array_like, shape (..., A)
        :math:`\log p_z/p_{z^*}` of every pair, in nats; finite.

    Returns
    -------
    ndarray, shape (...)
        In nats per pair. Positive: z loses; negative: the posterior converges to the wrong task.

    Raises
    ------
    ValueError
        For a law that does not sum to one, ratios that are not finite, or shapes that do not fit.

    Examples
    --------
    >>> float(drift([0.8, 0.2], np.log([0.25, 4.0])).round(4))
    0.8318
    """
    q, ratio = _problem(law, log_ratio)
    return np.asarray(-(ratio @ q))


def cramer_exponent(law: ArrayLike, log_ratio: ArrayLike) -> Array:
    r"""Return the rate at which a task stops outweighing the truth.

    .. math:: I_z = -\min_{s \ge 0} \log E_Q\Big[\Big(\frac{p_z}{p_{z^*}}\Big)^s\Big], \qquad
        P_Q\Big(\sum_{i \le n} \Delta_z(i) \ge 0\Big) \le e^{-n I_z}

    and the exponent is exact as n grows (Cramér). It is 0 where the drift is not positive.

    Parameters
    ----------
    law, log_ratio
        As in :func:`drift`.

    Returns
    -------
    ndarray, shape (...)
        In nats per pair, at least 0; infinite where no pair of positive probability favours z or ties.

    Raises
    ------
    ValueError
        As in :func:`drift`.

    See Also
    --------
    mean_error_exponent : the rate of the mean posterior error, which is smaller where the minimiser exceeds
    1.

    References
    ----------
    Cramér, "Sur un nouveau théorème-limite de la théorie des probabilités", 1938.

    Examples
    --------
    >>> fair = np.array([[0.8, 0.2], [0.2, 0.8]])
    >>> float(cramer_exponent(fair[0], np.log(fair[1] / fair[0])).round(6))
    0.223144
    """
    q, ratio = _problem(law, log_ratio)
    seen = ratio[..., q > 0.0]
    most = seen.max(axis=-1)
    ceiling = np.ones(most.shape)
    for _ in range(60):
        rising = _slope(q, ratio, ceiling) >= 0.0
        if np.all(rising | (most <= 0.0)):
            break
        ceiling = np.where(rising, ceiling, 2.0 * ceiling)
    found = -_minimum(q, ratio, ceiling)
    with np.errstate(divide="ignore"):
        ties = -np.log((q * (ratio == 0.0)).sum(axis=-1))
    return np.asarray(np.maximum(0.0, np.where(most <= 0.0, ties, found)))


def mean_error_exponent(law: ArrayLike, log_ratio: ArrayLike) -> Array:
    r"""Return the rate of the mean posterior weight of a wrong task.

    .. math:: -\frac1n \log E_Q \min(1, e^{\Delta_z(1) + \dots + \Delta_z(n)}) \to
        -\min_{0 \le s \le 1} \log E_Q\Big[\Big(\frac{p_z}{p_{z^*}}\Big)^s\Big]

    Parameters
    ----------
    law, log_ratio
        As in :func:`drift`.

    Returns
    -------
    ndarray, shape (...)
        In nats per pair, at least 0 and at most :func:`cramer_exponent`.

    Raises
    ------
    ValueError
        As in :func:`drift`.

    Notes
    -----
    *Proof.* Upper bound on the mean: :math:`\min(1, x) \le x^s` for s in [0, 1]. Lower bound: write I for the
    Legendre transform of the log moment generating function; by Cramér's theorem the mean is at least
    :math:`e^{-n(I(x) - x) - o(n)}` for every :math:`x \le 0`. Where the minimiser over s >= 0 is at most 1,
    take x = 0, whose I(0) is the exponent. Where it exceeds 1, take the mean x < 0 of the law tilted by s =
    1: there :math:`I(x) - x = -\log E_Q e^{\Delta}`. ∎ For clean examples, :math:`Q = p_{z^*}`, the moment
    generating function is 1 at s = 0 and at s = 1, so the two exponents agree and are the Chernoff
    information; corruption in favour of the truth can separate them.

    Examples
    --------
    >>> helped = [1.0, 0.0]
    >>> ratio = np.log([0.25, 4.0])
    >>> float(cramer_exponent(helped, ratio)), float(mean_error_exponent(helped, ratio).round(4))
    (inf, 1.3863)
    """
    q, ratio = _problem(law, log_ratio)
    return np.asarray(np.maximum(0.0, -_minimum(q, ratio, np.ones(ratio.shape[:-1]))))


def posterior_error_bound(
    examples: ArrayLike,
    law: ArrayLike,
    log_ratio: ArrayLike,
    log_prior_ratio: ArrayLike,
    *,
    log_tampering: float = 0.0,
) -> Array:
    r"""Bound the mean posterior weight of all wrong tasks.

    .. math:: E_Q[1 - \pi_n(z^*)] \le \sum_{z \ne z^*} \min_{0 \le s \le 1}
        \Big(\frac{\pi_z}{\pi_{z^*}}\Big)^s \big(\kappa^s\, E_Q[(p_z/p_{z^*})^s]\big)^n

    where an adversary may multiply each factor of the odds by up to :math:`\kappa`, knowing everything.

    Parameters
    ----------
    examples : array_like of int
        n, at least 0.
    law : array_like, shape (A,)
        Q, law of what is observed (or of the part of it that the adversary leaves alone).
    log_ratio : array_like, shape (M - 1, A)
        :math:`\log p_z/p_{z^*}` of the same, one row per wrong task.
    log_prior_ratio : array_like, shape (M - 1,)
        :math:`\log \pi_z/\pi_{z^*}`; finite.
    log_tampering : float, default 0.0
        :math:`\log\kappa \ge 0`. Where the adversary rewrites every response and all probabilities of
        responses are at least :math:`c_0`, :math:`\log(1/c_0)`.

    Returns
    -------
    ndarray
        The bound, shape of ``examples``; it may exceed 1.

    Raises
    ------
    TypeError, ValueError
        For laws that do not sum to one, ratios that are not finite, shapes that do not fit, or an argument
        outside its range.

    Notes
    -----
    *Proof.* Let :math:`x_z` be the odds of z against the truth. Then :math:`1 - \pi_n(z^*) = x/(1+x)` with
    :math:`x = \sum_z x_z`, and :math:`x/(1+x) \le \min(1, x) \le \sum_z \min(1, x_z) \le \sum_z x_z^{s_z}`
    for any :math:`s_z \in [0, 1]`. A rewritten response multiplies :math:`x_z` by a ratio of two numbers in
    [c_0, 1], so by at most :math:`1/c_0`, whatever the adversary saw; what is left is a product of
    independent factors, with mean :math:`E_Q[(p_z/p_{z^*})^s]` each after raising to the power s. ∎

    The bound decays exponentially in n iff some s has :math:`s \log\kappa + \log E_Q[(p_z/p_{z^*})^s] < 0`.
    The left side is convex in s, 0 at s = 0, with slope :math:`\log\kappa - D_z` there. So for responses that
    are all rewritten the condition is

    .. math:: \min_{z \ne z^*} KL(P(\tilde c|z^*) \| P(\tilde c|z)) > \log(1/c_0),

    on covariates alone. The printed condition, twice that for the whole pair, implies it, because a response
    contributes less than :math:`\log(1/c_0)` to the divergence of a pair; and the decay is exponential in n,
    not in its root.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Proposition 6.3 (formal G.4); the bound here is
    derived.

    Examples
    --------
    >>> laws = np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> ratio = np.log(laws[1:] / laws[0])
    >>> posterior_error_bound([0, 10], laws[0], ratio, [0.0]).round(5).tolist()
    [1.0, 0.00605]
    """
    q, ratio = _problem(law, log_ratio)
    count = as_floats("examples", examples)
    if np.any(count < 0.0) or np.any(count != np.floor(count)):
        raise ValueError(f"examples is {examples!r}: give numbers of pairs, whole and at least 0")
    prior = as_floats("log_prior_ratio", log_prior_ratio)
    if ratio.ndim != 2 or prior.shape != ratio.shape[:1]:
        raise ValueError(
            f"log_ratio has shape {ratio.shape}, log_prior_ratio {prior.shape}: give one row and one entry "
            "per wrong task, (M - 1, A) and (M - 1,)"
        )
    kappa = float(as_floats("log_tampering", log_tampering))
    if kappa < 0.0:
        raise ValueError(f"log_tampering is {kappa}: a factor that hurts is at least 1; give its logarithm")
    n = count[..., None]
    shift = prior + n * kappa
    low, high = np.zeros(shift.shape), np.ones(shift.shape)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        rising = shift + n * _slope(q, ratio, middle) > 0.0
        low, high = np.where(rising, low, middle), np.where(rising, middle, high)
    # every s in [0, 1] gives a bound: the ends of the interval are tried as well
    choices = np.stack([np.zeros(shift.shape), low, np.ones(shift.shape)])
    logs = (choices * shift + n * _log_moment(q, ratio, choices)).min(axis=0)
    return np.asarray(np.exp(logs).sum(axis=-1))


def expected_posterior_error(
    examples: int, law: ArrayLike, log_likelihood: ArrayLike, log_prior: ArrayLike, task: int
) -> float:
    r"""Return the mean posterior weight that is *missing* from a task, exactly.

    .. math:: E_Q[1 - \pi_n(z)] = \sum_{k_1 + \dots + k_A = n} \frac{n!}{k_1! \cdots k_A!} \prod_a q_a^{k_a}\;
        \Big(1 - \pi(z \mid k)\Big)

    The posterior depends on the pairs only through how often each occurred.

    Parameters
    ----------
    examples : int
        n, at least 0.
    law : array_like, shape (A,)
        Q, law of one pair.
    log_likelihood : array_like, shape (M, A)
        :math:`\log p_z` of every pair; finite.
    log_prior : array_like, shape (M,)
        Finite.
    task : int
        z, from 0 to M - 1.

    Returns
    -------
    float
        In [0, 1], with the relative accuracy of a sum of positive terms (the small side is never 1 - w).

    Raises
    ------
    TypeError, ValueError
        For arrays that do not fit, a task that does not exist, or more than 5 million counts.

    Examples
    --------
    >>> logs = np.log([[0.9, 0.1], [0.1, 0.9]])
    >>> round(expected_posterior_error(1, [0.9, 0.1], logs, np.log([0.5, 0.5]), 0), 3)
    0.18
    """
    q, table = _problem(law, log_likelihood)
    prior = as_floats("log_prior", log_prior)
    if table.ndim != 2 or prior.shape != table.shape[:1]:
        raise ValueError(
            f"log_likelihood has shape {table.shape}, log_prior {prior.shape}: give (M, A) and (M,)"
        )
    n = as_integer("examples", examples, least=0)
    z = as_integer("task", task, least=0)
    if z >= len(table):
        raise ValueError(f"task is {z}: there are {len(table)} tasks; give 0 to {len(table) - 1}")
    support = q > 0.0
    counts = count_vectors(n, int(support.sum())).astype(np.float64)
    with np.errstate(divide="ignore"):
        logs = gammaln(n + 1.0) - gammaln(counts + 1.0).sum(axis=1) + counts @ np.log(q[support])
    weights = prior + counts @ table[:, support].T
    others = np.delete(weights, z, axis=1)
    if others.shape[1] == 0:
        return 0.0
    return float(np.exp(logsumexp(logs + log_expit(logsumexp(others, axis=1) - weights[:, z]))))


def _problem(law: ArrayLike, rows: ArrayLike) -> tuple[Array, Array]:
    q, table = as_laws("law", law), as_floats("log_ratio", rows)
    if q.ndim != 1 or table.ndim < 1 or table.shape[-1] != q.size:
        raise ValueError(
            f"law has shape {q.shape}, the logarithms {table.shape}: their last axes must run over the same "
            "pairs, (A,) and (..., A)"
        )
    return q, table


def _log_moment(q: Array, ratio: Array, s: Array) -> Array:
    """Log moment generating function, with s of shape (..., M)."""
    return np.asarray(logsumexp(s[..., None] * ratio, axis=-1, b=np.broadcast_to(q, ratio.shape)))


def _slope(q: Array, ratio: Array, s: Array) -> Array:
    """Mean of the ratio under the law tilted by s."""
    with np.errstate(divide="ignore"):
        logs = np.log(q) + s[..., None] * ratio
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray((weights * ratio).sum(axis=-1) / weights.sum(axis=-1))


def _minimum(q: Array, ratio: Array, ceiling: Array) -> Array:
    """Smallest log E_Q exp(s ratio) over 0 <= s <= ceiling, by bisection on its slope."""
    low, high = np.zeros(ceiling.shape), ceiling.copy()
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        rising = _slope(q, ratio, middle) > 0.0
        low, high = np.where(rising, low, middle), np.where(rising, middle, high)
    return np.minimum(_log_moment(q, ratio, low), _log_moment(q, ratio, ceiling))

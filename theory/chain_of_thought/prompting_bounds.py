r"""Upper bounds on what is lost by not knowing the task after n demonstrations.

With r_theta = pi_n(theta) / pi_n(theta*) and f_theta(s) = log sum_x p*(x)^{1-s} p_theta(x)^s, everything
rests on one identity, which holds because demonstrations are independent given the task:

.. math:: E_{\theta^*}[r_\theta^s] = \Big(\frac{\pi(\theta)}{\pi(\theta^*)}\Big)^s e^{n f_\theta(s)},
    \qquad 0 < s \le 1 .

At s = 1 it reads E[r] = prior ratio, a likelihood ratio having mean one, and Markov's inequality on r itself
gives no decay; a power below one does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import lambertw, logsumexp, xlog1py, xlogy

from tightbound.theory._validation import Array, as_floats, as_indices, as_integer
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.equivalence import as_truth, equivalence_class
from tightbound.theory.chain_of_thought.exponents import chernoff_point, log_affinity

LEAST_TILT = 1e-3
POWERS = 65


def power_ratio(chain: DiscreteChain, truth: int, n: int, s: ArrayLike) -> Array:
    r"""Return log E[(pi_n(theta) / pi_n(truth))^s] under the truth, exactly.

    .. math:: s \log\frac{\pi(\theta)}{\pi(\theta^*)} + n f_\theta(s)

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior.
    truth : int
        The true task, of positive prior probability.
    n : int
        Number of demonstrations, at least 0.
    s : array_like, shape () or (..., M)
        Power, in (0, 1].

    Returns
    -------
    ndarray, shape (..., M)
        -inf for tasks that the prior excludes or that share no demonstration with the truth.

    Notes
    -----
    Proof: the posterior ratio is the prior ratio times the product of p_theta(x_i) / p*(x_i); its s-th power
    has the mean (sum_x p*(x) (p_theta(x) / p*(x))^s)^n times the prior ratio to the power s.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> power_ratio(chain, 0, 8, 0.5).round(4).tolist()
    [0.0, -0.8926]
    """
    true, count = as_truth(chain, truth), as_integer("n", n, least=0)
    power = as_floats("s", s)
    if np.any((power <= 0.0) | (power > 1.0)):
        raise ValueError(f"s is {s!r}: give a power in (0, 1]")
    affinity = log_affinity(chain, true, power)
    if count == 0:
        affinity = np.zeros_like(affinity)
    return np.asarray(power * (chain.log_prior - chain.log_prior[true]) + max(count, 1) * affinity)


def doubt_constant(s: ArrayLike) -> Array:
    r"""Return the least c with x / (1 + x) <= c x^s for all x >= 0.

    .. math:: c = s^s (1-s)^{1-s}

    1/2 at s = 1/2. Proof: x^{1-s} / (1+x) has its maximum at x = (1-s)/s.

    Examples
    --------
    >>> doubt_constant([0.5, 1.0]).tolist()
    [0.5, 1.0]
    """
    power = as_floats("s", s)
    return np.asarray(np.exp(xlogy(power, power) + xlog1py(1.0 - power, -power)))


def surprise_constant(s: ArrayLike) -> Array:
    r"""Return the least c with log(1 + x) <= c x^s for all x >= 0, at most 1/s.

    .. math:: c = \frac{\log u}{(u - 1)^s}, \qquad u = \frac{-1}{s W_0(-e^{-1/s} / s)}

    About 0.8047 at s = 1/2. Proof: the derivative of log(1+x) x^{-s} vanishes where x / (1+x) = s log(1+x);
    with u = 1 + x and w = -1/(s u) this is w e^w = -e^{-1/s}/s, whose solution other than w = -1/s (x = 0) is
    W_0. And log(1+x) = log((1+x)^s)/s <= log(1+x^s)/s <= x^s/s.

    Examples
    --------
    >>> surprise_constant([0.5, 1.0]).round(4).tolist()
    [0.8047, 1.0]
    """
    power = as_floats("s", s)
    with np.errstate(under="ignore", divide="ignore", invalid="ignore"):
        root = lambertw((-np.exp(-1.0 / power) / power).ravel(), 0, 1e-14).real.reshape(power.shape)
        u = -1.0 / (power * root)
        inner = np.log(u) / (u - 1.0) ** power
    # near s = 1 the maximum moves to x = 0 and its formula loses its digits; for tiny s it overflows
    usable = np.isfinite(inner) & (power < 1.0 - 1e-4)
    return np.asarray(np.where(usable, np.minimum(np.where(usable, inner, 1.0), 1.0 / power), 1.0 / power))


def doubt_bound(chain: DiscreteChain, truth: int, n: ArrayLike, *, s: float | None = None) -> Array:
    r"""Return a bound on the mean posterior weight of the wrong tasks.

    .. math:: E[1 - \pi_n(\theta^*)] \le \sum_{\theta \ne \theta^*} s_\theta^{s_\theta}
        (1-s_\theta)^{1-s_\theta} \Big(\frac{\pi(\theta)}{\pi(\theta^*)}\Big)^{s_\theta}
        e^{n f_\theta(s_\theta)}

    At s = 1/2 this is :math:`\tfrac12 \sum_\theta \sqrt{\pi(\theta)/\pi(\theta^*)}\, \rho_\theta^n` with the
    Bhattacharyya affinity rho. With s left out the exponent is minimised for every task and n, and the rate
    is the Chernoff information, which cannot be improved.

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior.
    truth : int
        The true task, of positive prior probability.
    n : array_like of int
        Numbers of demonstrations, at least 0.
    s : float, optional
        Power in (0, 1], one for all tasks; left out: the best for each.

    Returns
    -------
    ndarray, shape of ``n``
        The bound; it may exceed the trivial one, 1.

    Notes
    -----
    Proof. 1 - pi_n(theta*) = R / (1 + R) with R = sum_{theta != theta*} r_theta. x -> x/(1+x) is concave and
    0 at 0, hence subadditive, so this is at most sum r_theta / (1 + r_theta), and each term at most
    ``doubt_constant(s)`` r_theta^s. Take means by ``power_ratio``. Any s in (0, 1] is allowed in each term,
    so the search for the best one cannot invalidate the bound.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> doubt_bound(chain, 0, [0, 8], s=0.5).round(4).tolist()
    [0.5, 0.2048]
    """
    true = as_truth(chain, truth)
    wrong = np.arange(chain.tasks) != true
    return _bound(chain, true, n, s, wrong, doubt_constant)


def surprise_bound(chain: DiscreteChain, truth: int, n: ArrayLike, *, s: float | None = None) -> Array:
    r"""Return a bound on the mean prompting error.

    .. math:: E[KL(P_{\theta^*}(y | z_0) \| P_{BMA}(y | S, z_0))] \le E[-\log \pi_n(\Theta_{eq})]
        \le \sum_{\theta \notin \Theta_{eq}} c_{s_\theta}
        \Big(\frac{\pi(\theta)}{\pi(\theta^*)}\Big)^{s_\theta} e^{n f_\theta(s_\theta)}

    with c_s of ``surprise_constant``: about 0.8047 at s = 1/2, where e^{f} = rho.

    Parameters
    ----------
    chain, truth, n, s
        As in ``doubt_bound``.

    Returns
    -------
    ndarray, shape of ``n``
        The bound, in nats.

    Notes
    -----
    Proof. Tasks of the class answer with P*, so P_BMA >= pi_n(class) P*, which is the first inequality, for
    the posterior given the prompt and the query. With R the sum of r_theta outside the class, -log
    pi_n(class) = log(1 + R / sum_{class} r) <= log(1 + R), since the class has theta* with r = 1. log(1+x)
    is concave and 0 at 0, hence subadditive; then log(1+r) <= c_s r^s, and ``power_ratio``. A query z_0 of
    the truth whose law depends on the task multiplies each r by f_theta(z_0) / f*(z_0), of mean at most 1,
    so by Jensen's inequality the mean of log(1+R) over queries is at most log(1+R) without them.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> surprise_bound(chain, 0, [0, 8], s=0.5).round(4).tolist()
    [0.8047, 0.3296]
    """
    true = as_truth(chain, truth)
    return _bound(chain, true, n, s, ~equivalence_class(chain, true), surprise_constant)


def high_probability_bound(
    chain: DiscreteChain, truth: int, n: int, delta: float, *, s: float | None = None
) -> float:
    r"""Return what the prompting error exceeds with probability at most delta over prompts.

    .. math:: \log\Big(1 + \Big(\frac1\delta \sum_{\theta \notin \Theta_{eq}}
        \Big(\frac{\pi(\theta)}{\pi(\theta^*)}\Big)^{s} e^{n f_\theta(s)}\Big)^{1/s}\Big)

    It holds for KL(P* || P_BMA) given the prompt, in the mean over queries of the truth. At s = 1/2 the
    term is :math:`\delta^{-2} (\sum \sqrt{\cdot} \rho^n)^2`, whose exponent is twice that of Markov's
    inequality on the error itself, :math:`\delta^{-1} c_{1/2} \sum \sqrt{\cdot} \rho^n`; as s falls to 0 the
    exponent rises to the Kullback-Leibler divergence, the typical rate, and the price of confidence
    :math:`\delta^{-1/s}` with it.

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior.
    truth : int
        The true task, of positive prior probability.
    n : int
        Number of demonstrations, at least 0.
    delta : float
        Probability of failure, in (0, 1).
    s : float, optional
        Power in (0, 1]; left out: the best.

    Returns
    -------
    float
        The bound, in nats.

    Notes
    -----
    Proof. KL <= log(1 + R) with R = sum r_theta outside the class (proof of ``surprise_bound``). R^s <= sum
    r_theta^s for s <= 1, whose mean Q is known (``power_ratio``); by Markov R^s > Q/delta with probability
    at most delta. s may depend on everything but the prompt. It is searched on a grid, then on a finer one
    around the best: (log Q(s) - log delta)/s is quasi-convex, log Q being convex; any s found is valid.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> [round(high_probability_bound(chain, 0, 40, 0.1, s=s), 4) for s in (0.5, None)]
    [0.0132, 0.0101]
    """
    true = as_truth(chain, truth)
    chance = float(as_floats("delta", delta))
    if not 0.0 < chance < 1.0:
        raise ValueError(f"delta is {delta!r}: give a probability strictly between 0 and 1")
    wrong = ~equivalence_class(chain, true) & (chain.prior > 0.0)
    if not wrong.any():
        return 0.0

    def log_ratio(powers: Array) -> Array:
        total = logsumexp(power_ratio(chain, true, n, powers[:, None])[:, wrong], axis=1)
        return np.asarray((total - np.log(chance)) / powers)

    if s is not None:
        return float(np.logaddexp(0.0, log_ratio(np.array([s]))[0]))
    powers = np.geomspace(LEAST_TILT, 1.0, POWERS)
    place = int(log_ratio(powers).argmin())
    finer = np.geomspace(powers[max(place - 1, 0)], powers[min(place + 1, POWERS - 1)], POWERS)
    return float(np.logaddexp(0.0, log_ratio(np.minimum(finer, 1.0)).min()))


def _bound(
    chain: DiscreteChain,
    true: int,
    n: ArrayLike,
    s: float | None,
    wrong: NDArray[np.bool_],
    constant: Callable[[ArrayLike], Array],
) -> Array:
    wanted = np.asarray(n)
    counts = as_indices("n", n, np.iinfo(np.int64).max)
    wrong = wrong & (chain.prior > 0.0)
    ratio = np.where(chain.prior > 0.0, chain.log_prior - chain.log_prior[true], 0.0)
    found = []
    for count in counts.ravel():
        if s is None:
            power = np.maximum(chernoff_point(chain, true, tilt=ratio, n=int(count)).s, LEAST_TILT)
        else:
            power = np.full(chain.tasks, s)
        terms = constant(power) * np.exp(power_ratio(chain, true, int(count), power))
        found.append(terms[wrong].sum())
    return np.asarray(found, dtype=np.float64).reshape(wanted.shape)

r"""How fast a prompt tells tasks apart: three exponents, which answer three questions.

With p_theta the law of a demonstration and pi_n the posterior after n demonstrations of theta*,

.. math::
    -\tfrac1n \log(1 - \pi_n(\theta^*)) \to \min_\theta KL(p_{\theta^*} \| p_\theta)
        \quad\text{almost surely (typical)},

    -\tfrac1n \log E[1 - \pi_n(\theta^*)] \to \min_\theta C(p_{\theta^*}, p_\theta)
        \quad\text{(mean)},

    E[1 - \pi_n(\theta^*)] \le \tfrac12 \sum_\theta \sqrt{\pi(\theta)/\pi(\theta^*)}\, \rho_\theta^n
        \quad\text{for every } n \text{ (guaranteed by an affinity alone)}.

Steps are Markov, so affinities are products of matrices and no trajectory is enumerated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.equivalence import as_truth, equivalence_class

HALVINGS = 32


class Exponents(NamedTuple):
    """Least exponent over the tasks that answer otherwise; infinite where there are none.

    Attributes
    ----------
    kl : float
        Kullback-Leibler divergence of a demonstration: the typical rate.
    chernoff : float
        Chernoff information: the rate of the mean.
    hellinger : float
        -log of the Bhattacharyya affinity: half-way tilt, no optimisation.
    """

    kl: float
    chernoff: float
    hellinger: float


class ChernoffPoint(NamedTuple):
    """Where the affinity of each task with the truth is least.

    Attributes
    ----------
    value : ndarray, shape (M,)
        -log of the affinity at ``s``, a lower bound on the Chernoff information; infinite where no
        demonstration is possible under both tasks.
    s : ndarray, shape (M,)
        The tilt, in [0, 1].
    gap : ndarray, shape (M,)
        Certificate: the Chernoff information exceeds ``value`` by no more than this.
    """

    value: Array
    s: Array
    gap: Array


def log_affinity(chain: DiscreteChain, truth: int, s: ArrayLike) -> Array:
    r"""Return the logarithm of the tilted affinity of every task with the truth.

    .. math:: f_\theta(s) = \log \sum_x p_{\theta^*}(x)^{1-s} p_\theta(x)^s ,

    the sum over demonstrations possible under both. It is convex in s and at most 0 on [0, 1]; at s = 1/2 it
    is the logarithm of the Bhattacharyya affinity rho (the squared Hellinger distance is 1 - rho or
    2 (1 - rho), by convention).

    Parameters
    ----------
    chain : DiscreteChain
        The tasks.
    truth : int
        The true task.
    s : array_like, shape () or (..., M)
        Tilt in [0, 1], one for all tasks or one for each.

    Returns
    -------
    ndarray, shape (..., M)
        -inf where no demonstration is possible under both.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> np.exp(log_affinity(chain, 0, 0.5)).round(4).tolist()
    [1.0, 0.8944]
    """
    return _tilted(_tables(chain, truth), _tilt(chain, s))[0]


def chernoff_point(chain: DiscreteChain, truth: int, *, tilt: ArrayLike = 0.0, n: int = 1) -> ChernoffPoint:
    r"""Return the least affinity of every task with the truth, and where it is attained.

    .. math:: C(p_{\theta^*}, p_\theta) = -\min_{0 \le s \le 1} f_\theta(s)

    With ``tilt`` t and ``n``, minimises n f_theta(s) + t s instead, which is what a bound at n demonstrations
    with log prior ratio t needs; ``value`` is then minus that minimum.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks.
    truth : int
        The true task.
    tilt : array_like, shape () or (M,)
        Finite slope added.
    n : int
        Number of demonstrations, at least 0.

    Returns
    -------
    ChernoffPoint
        Value, s and certificate.

    Notes
    -----
    Bisection on the sign of the derivative, 32 halvings of [0, 1]. Certificate: a convex function with
    derivative d at a point of a bracket of width w that holds its minimiser exceeds its minimum by at most
    \|d\| w, which is of order w^2; at an end of [0, 1] where it falls outwards it has its minimum.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.9, 0.1]]], [[[0.1, 0.9], [0.1, 0.9]]]])
    >>> found = chernoff_point(chain, 0)
    >>> found.s.round(3)[1], found.value.round(4)[1] == -np.log(0.6).round(4), bool(found.gap[1] < 1e-12)
    (np.float64(0.5), np.True_, True)
    """
    slope = np.broadcast_to(as_floats("tilt", tilt), (chain.tasks,))
    low, high = np.zeros(chain.tasks), np.ones(chain.tasks)
    tables = _tables(chain, truth)

    def at(s: Array) -> tuple[Array, Array]:
        value, derivative = _tilted(tables, s)
        with np.errstate(invalid="ignore"):
            total = n * value if n else np.zeros_like(value)
        return total + slope * s, n * derivative + slope

    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        rising = at(middle)[1] > 0.0
        low, high = np.where(rising, low, middle), np.where(rising, middle, high)
    # the end of the interval itself where the search ran into it
    s = np.where(high == 1.0, 1.0, np.where(low == 0.0, 0.0, 0.5 * (low + high)))
    value, derivative = at(s)
    at_end = ((s == 1.0) & (derivative <= 0.0)) | ((s == 0.0) & (derivative >= 0.0))
    return ChernoffPoint(-value, s, np.where(at_end, 0.0, np.abs(derivative) * (high - low)))


def kl_divergence(chain: DiscreteChain, truth: int) -> Array:
    """Return KL(p_truth || p_theta) of one demonstration for every task, shape (M,), by the chain rule.

    Infinite where the truth produces what the task excludes.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> kl_divergence(chain, 0).round(4).tolist()
    [0.0, 0.3681]
    """
    true = as_truth(chain, truth, allow_misspecified=True)
    found = _kl(chain.query[true], chain.log_query[true], chain.log_query)
    state = chain.query[true]
    for h in range(chain.steps):
        law, logs = chain.kernels[true, h], chain.log_kernels[:, h]
        reached = state > 0.0
        steps = _kl(law[reached], logs[true][reached], logs[:, reached])
        found = found + steps @ state[reached]
        state = state @ law
    return np.asarray(found)


def exponents(chain: DiscreteChain, truth: int) -> Exponents:
    r"""Return the three exponents of a task, each the least over the tasks that answer otherwise.

    .. math:: -\log\rho \le C \le KL \quad\text{for every competitor, hence for the minima}

    (1/2 is one of the tilts; f is convex with f(0) = 0 and f'(0) = -KL, so f(s) >= -s KL). Competitors are
    the tasks of positive prior probability outside ``equivalence_class(chain, truth)``.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks.
    truth : int
        The true task.

    Returns
    -------
    Exponents
        In nats per demonstration.

    Notes
    -----
    Where another task of the class has a trajectory law of its own, the mean of 1 - pi_n(class) may fall
    faster than the Chernoff exponent, since that task also outweighs the competitors; never slower.

    References
    ----------
    Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis based on the sum of observations",
    Annals of Mathematical Statistics 23, 1952.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> [round(one, 4) for one in exponents(chain, 0)]
    [0.3681, 0.1124, 0.1116]
    """
    true = as_truth(chain, truth, allow_misspecified=True)
    others = (chain.prior > 0.0) & ~equivalence_class(chain, true)
    if not others.any():
        return Exponents(np.inf, np.inf, np.inf)
    return Exponents(
        float(kl_divergence(chain, true)[others].min()),
        float(chernoff_point(chain, true).value[others].min()),
        float((-log_affinity(chain, true, 0.5))[others].min()),
    )


def _tilt(chain: DiscreteChain, s: ArrayLike) -> Array:
    tilt = as_floats("s", s)
    if np.any((tilt < 0.0) | (tilt > 1.0)):
        raise ValueError(f"s is {s!r}: a tilt must lie between 0 and 1")
    return np.broadcast_to(tilt, np.broadcast_shapes(tilt.shape, (chain.tasks,)))


def _tables(chain: DiscreteChain, truth: int) -> list[tuple[Array, Array]]:
    """Log of the truth's tables and log-ratios of every task's, from the last step back to the query.

    A log-probability of -inf stands where one of the two excludes the entry.
    """
    true = as_truth(chain, truth, allow_misspecified=True)
    found = []
    for logs in [chain.log_query[:, None, :], *np.moveaxis(chain.log_kernels, 1, 0)]:
        both = np.isfinite(logs) & np.isfinite(logs[true])
        ratio = np.where(both, logs, 0.0) - np.where(both, logs[true], 0.0)
        found.append((np.where(both, logs[true], -np.inf), ratio))
    return found[::-1]


def _tilted(tables: list[tuple[Array, Array]], s: Array) -> tuple[Array, Array]:
    """Return f(s) and its derivative, carrying both backwards through the steps."""
    states = tables[0][0].shape[-1]
    value: Array = np.ones((*s.shape, states))
    slope: Array = np.zeros_like(value)
    for logs, ratio in tables:
        mixed = np.exp(logs + s[..., None, None] * ratio)
        # both columns in one product
        moved = mixed @ np.stack([value, slope], axis=-1)
        slope = moved[..., 1] + ((mixed * ratio) @ value[..., None])[..., 0]
        value = moved[..., 0]
    total, change = value[..., 0], slope[..., 0]
    with np.errstate(divide="ignore"):
        return np.log(total), np.divide(change, total, out=np.zeros_like(total), where=total > 0.0)


def _kl(law: Array, log_law: Array, others: Array) -> Array:
    """KL of a law against each of several, over the last axis; infinite where one of them excludes it."""
    possible = law > 0.0
    # p log p - p log q with the states that do not occur left out
    gain = np.where(possible, np.where(possible, log_law, 0.0) - np.where(possible, others, 0.0), 0.0)
    return np.asarray((np.where(possible, law, 0.0) * gain).sum(axis=-1))

r"""How fast the posterior contracts around the truth, whatever the planner does between explorations.

Notation, shared by the package of bounds. Environment z is the truth, :math:`p` the prior, :math:`w_t` the
posterior after t - 1 episodes, :math:`R_t(z') = w_t(z')/w_t(z)`, :math:`c_Z = \max_{z,z'} p(z')/p(z)`.
Episode t explores with probability :math:`\varepsilon_t`, decided once for the whole episode and
independently of the past; exploration is eta-distinguishing: the laws of an episode under any two
environments have squared Hellinger distance :math:`1 - \sum \sqrt{P_z P_{z'}} \ge \eta`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.bounds._arguments import (
    as_episodes,
    as_eta,
    as_positive_share,
    as_ratio,
    as_schedule,
)


def contraction_bound(episodes: int, eps: ArrayLike, eta: float, *, prior_ratio: float = 1.0) -> Array:
    r"""Bound the root of the posterior ratio of any wrong environment at the start of every episode.

    .. math:: E_z \sqrt{R_t(z')} \le \sqrt{c_Z} \prod_{i<t} (1 - \varepsilon_i \eta)

    Parameters
    ----------
    episodes : int
        Number T of episodes, at least 1.
    eps : float or array_like, shape (T,)
        Probability of exploring, of all episodes or of each, in [0, 1].
    eta : float
        Squared Hellinger distance that exploration guarantees, in (0, 1].
    prior_ratio : float, default 1
        c_Z, at least 1.

    Returns
    -------
    ndarray, shape (T,)
        The bound for t = 1, ..., T.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* No policy enters the posterior: the factors :math:`\pi(g_h | \cdot)` depend on what
    was seen, not on z, and cancel. So :math:`R_{t+1} = R_t\, L_{z'}(\tau)/L_z(\tau)` with L the likelihood of
    the observations of episode t given its subgoals. Given the past and a policy :math:`\pi`,

    .. math:: E_z \sqrt{L_{z'}/L_z} = \sum_{\tau:\,L_z>0} \pi(\tau) \sqrt{L_z L_{z'}}
              \le \sum_\tau \sqrt{P_z^\pi(\tau) P_{z'}^\pi(\tau)},

    an affinity: at most 1 for every policy (Cauchy-Schwarz) and at most :math:`1 - \eta` when the episode
    explores. Averaging over the coin gives :math:`1 - \varepsilon_t \eta`; iterate from
    :math:`\sqrt{R_1} \le \sqrt{c_Z}`. The coin must be tossed once per episode: tossed at every step, it
    would mix policies within an episode, whose affinity is not bounded by eta. ∎

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: the setting. Bound and proof
    are ours.

    Examples
    --------
    >>> contraction_bound(3, 0.5, 0.5).tolist()
    [1.0, 0.75, 0.5625]
    """
    length = as_episodes(episodes)
    factors = 1.0 - as_schedule(eps, length) * as_eta(eta)
    start = math.sqrt(as_ratio(prior_ratio))
    return np.asarray(start * np.concatenate([[1.0], np.cumprod(factors[:-1])]))


def doubt_bound(
    episodes: int, eps: ArrayLike, eta: float, *, environments: int, prior_ratio: float = 1.0
) -> Array:
    r"""Bound the posterior mass that wrong environments keep, at every step of every episode.

    .. math:: E_z[1 - w_{t,h}(z)] \le \tfrac12 (|Z| - 1) \sqrt{c_Z} \prod_{i<t} (1 - \varepsilon_i \eta)

    Parameters
    ----------
    episodes, eps, eta, prior_ratio
        As for :func:`contraction_bound`.
    environments : int
        Number of candidate environments, at least 1.

    Returns
    -------
    ndarray, shape (T,)
        The bound for t = 1, ..., T, the same for every step h of the episode.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* With :math:`S = \sum_{z' \ne z} R(z')` the mass is :math:`S/(1+S)`. The function
    x/(1+x) is subadditive, and :math:`x/(1+x) \le \tfrac12 \sqrt{x}` since :math:`1 + x \ge 2\sqrt{x}`; so
    the mass is at most :math:`\tfrac12 \sum \sqrt{R(z')}`. The part of an episode already seen multiplies
    each root by one more affinity, which is at most 1. Apply :func:`contraction_bound` to each of the |Z| - 1
    terms. ∎

    Examples
    --------
    >>> doubt_bound(2, 1.0, 0.5, environments=3).tolist()
    [1.0, 0.5]
    """
    wrong = as_integer("environments", environments, least=1) - 1
    return np.asarray(0.5 * wrong * contraction_bound(episodes, eps, eta, prior_ratio=prior_ratio))


def inverse_weight_bound(weight: float) -> float:
    r"""Bound the mean inverse weight of the truth at any time, for any planner.

    .. math:: E_z[1/w_t(z)] \le 1/p(z), \quad \text{with equality where every environment explains whatever
              the truth can produce}

    Parameters
    ----------
    weight : float
        Prior weight p(z) of the truth, in (0, 1].

    Returns
    -------
    float
        The bound.

    Raises
    ------
    ValueError
        For a weight outside (0, 1].

    Notes
    -----
    *Proof.* :math:`1/w_t = 1 + \sum_{z'} R_t(z')`, and given the past
    :math:`E_z[L_{z'}/L_z] = \sum_{o: L_z > 0} L_{z'}(o) \le 1`: each ratio is a non-negative supermartingale,
    and a martingale where the supports agree. ∎ The variable has a heavy tail: with agreeing supports its
    mean stays 1/p while it tends to 1, so it is to be enumerated, not sampled.

    Examples
    --------
    >>> inverse_weight_bound(0.25)
    4.0
    """
    return 1.0 / as_positive_share("weight", weight)


def truth_floor(weight: float, chance: float) -> float:
    r"""Return what the weight of the truth stays above for ever, but for a small probability.

    .. math:: P_z\bigl(\min_t w_t(z) \le \delta\, p(z)\bigr) \le \delta

    Parameters
    ----------
    weight : float
        Prior weight p(z) of the truth, in (0, 1].
    chance : float
        Probability delta of going below, in (0, 1].

    Returns
    -------
    float
        :math:`\delta\,p(z)`.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* Ville's inequality for the supermartingale :math:`1/w_t` of :func:`inverse_weight_bound`:
    :math:`P(\sup_t 1/w_t \ge 1/(\delta p)) \le \delta p \cdot E[1/w_1] = \delta`. ∎

    **Consequence: naive execution is consistent on every fixed instance.** Let the HMDP be finite, the
    rewards functions of observation and task, the tasks finitely many, and the prior weight of the truth
    positive. Then the planner that samples its subgoals from the exact posterior mixture of experts, *without
    any exploration*, has :math:`Reg_z(T) = o(T)`.

    *Proof.* (i) Each :math:`R_t(z')` is a non-negative supermartingale, so it converges almost surely to a
    finite limit; let :math:`Z_\infty` be the environments whose limit is positive, with the truth. Hence
    :math:`w_t \to w_\infty` with :math:`w_\infty(z) > 0`, and for every task the mixture policy converges to
    the one with weights :math:`w_\infty`, call it :math:`\pi`, after every history possible under z (its
    posterior has the denominator :math:`\ge w_t(z) L_z > 0`). (ii) Let task :math:`\omega` recur and let the
    episode :math:`\tau` have :math:`P_z^{\pi}(\tau) > 0`. Its conditional probability is bounded below along
    the recurrences, so it occurs infinitely often (Lévy's form of the Borel-Cantelli lemma); as
    :math:`R_{t+1}/R_t \to 1` for :math:`z' \in Z_\infty`, :math:`L_{z'}(\tau) = L_z(\tau)`. So z and z' give
    the same law to whatever :math:`\pi` does, and within an episode the weights of :math:`Z_\infty` do not
    move. (iii) Hence :math:`\pi` plays after every history it reaches every subgoal that an expert of
    :math:`Z_\infty` would play: each of these experts stays among the histories that :math:`\pi` reaches,
    where z and z' agree. Write V for the optimal continuation value. After a reached history, :math:`V_{z'}`
    is what the expert of z' earns under z', which is what it earns under z, so :math:`V_{z'} \le V_z`, and by
    symmetry they are equal. So each subgoal that :math:`\pi` may play attains :math:`V_z`, and
    :math:`J_z(\pi, \omega) = J_z^*(\omega)`. (iv) Per-episode regret is a continuous function of the weights,
    so it tends to 0 almost surely along recurring tasks; it is bounded, so its mean tends to 0 (dominated
    convergence), and so do the averages; tasks that occur finitely often cost a constant. ∎

    So linear regret of naive execution is a statement about *families* that grow with T
    (:func:`~tightbound.theory.planning.bounds.hard_instance_lower_bound`), about decoders that do not sample,
    or about posteriors that are not exact. It is false of sampling on any one finite instance.

    Examples
    --------
    >>> truth_floor(0.5, 0.01)
    0.005
    """
    return as_positive_share("weight", weight) * as_positive_share("chance", chance)

"""Regret of planners that explore whole episodes with a fixed probability, or by any schedule."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array
from tightbound.theory.planning.bounds._arguments import (
    as_counts,
    as_episodes,
    as_eta,
    as_horizon,
    as_nonnegative,
    as_schedule,
    as_shares,
    log_plus,
)
from tightbound.theory.planning.bounds.contraction import contraction_bound
from tightbound.theory.planning.bounds.mass import independent_mass, world_model_mass

_TINY = 1e-300  # in place of a rate of zero: the trivial bound is smaller then


def schedule_bound(episodes: int, eps: ArrayLike, eta: float, *, horizon: int, mass: float) -> Array:
    r"""Bound regret under any schedule of exploration by summing the losses of its episodes.

    .. math:: Reg_z(T) \le (H-1) \sum_{t \le T} \bigl[\varepsilon_t + (1 - \varepsilon_t)
              \min\{1, B \textstyle\prod_{i<t}(1 - \varepsilon_i \eta)\}\bigr]

    Parameters
    ----------
    episodes : int
        Number T of episodes, at least 1.
    eps : float or array_like, shape (T,)
        Probability of exploring, of all episodes or of each, in [0, 1].
    eta : float
        Squared Hellinger distance that exploration guarantees, in (0, 1].
    horizon : int
        Number H of observations in an episode, at least 2.
    mass : float
        B of the planner, at least 0.

    Returns
    -------
    ndarray, shape (T,)
        The bound after 1, ..., T episodes, for every environment and every sequence of tasks.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* An episode that explores loses at most H - 1; the coin is independent of the past, so
    one that exploits loses what its mass says. ∎ This is the sharpest of the bounds here; the others are
    closed forms above it.

    Examples
    --------
    >>> schedule_bound(3, 0.5, 1.0, horizon=2, mass=1.0).tolist()
    [1.0, 1.75, 2.375]
    """
    length = as_episodes(episodes)
    chance = as_schedule(eps, length)
    doubt = np.minimum(1.0, as_nonnegative("mass", mass) * contraction_bound(length, chance, eta))
    return np.asarray((as_horizon(horizon) - 1) * np.cumsum(chance + (1.0 - chance) * doubt))


def log_factor(mass: float) -> float:
    r"""Return the logarithmic factor :math:`L = 1 + \log_+ B` of the bounds.

    Parameters
    ----------
    mass : float
        B of the planner, at least 0.

    Returns
    -------
    float
        The factor, at least 1.

    Examples
    --------
    >>> log_factor(0.5)
    1.0
    """
    return 1.0 + log_plus(as_nonnegative("mass", mass))


def epsilon_greedy_bound(
    episodes: ArrayLike, eps: ArrayLike, eta: float, *, horizon: int, mass: float
) -> Array:
    r"""Bound regret when every episode explores with the same probability.

    .. math:: Reg_z(T) \le (H-1) \min\Bigl\{T,\; \varepsilon T + 1 + \frac{L}{\varepsilon \eta}\Bigr\},
              \qquad L = 1 + \log_+ B

    With :math:`\varepsilon = \sqrt{L/(\eta T)} \le 1` (:func:`derived_epsilon`) this is
    :math:`(H-1)(2\sqrt{TL/\eta} + 1)`.

    Parameters
    ----------
    episodes : array_like
        Number T of episodes, at least 1.
    eps : array_like
        Probability of exploring, in [0, 1]; 0 gives the trivial bound.
    eta : float
        Squared Hellinger distance that exploration guarantees, in (0, 1].
    horizon : int
        Number H of observations in an episode, at least 2.
    mass : float
        B of the planner, at least 0.

    Returns
    -------
    ndarray
        Broadcast over episodes and eps.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* In :func:`schedule_bound` write :math:`q = 1 - \varepsilon\eta`. The terms fall in t,
    so :math:`\sum_{t \ge 0} \min\{1, Bq^t\} \le 1 + \int_0^\infty \min\{1, Bq^x\}\,dx = 1 + (\log_+ B +
    \min\{1, B\})/(-\log q)`, and :math:`-\log q \ge \varepsilon \eta`. ∎

    Examples
    --------
    >>> round(float(epsilon_greedy_bound(10_000, 0.01, 1.0, horizon=2, mass=1.0)), 6)
    201.0
    """
    length, chance = as_counts(episodes), as_shares(eps)
    contracting = log_factor(mass) / np.maximum(chance * as_eta(eta), _TINY)
    total = chance * length + 1.0 + contracting
    return np.asarray((as_horizon(horizon) - 1) * np.minimum(length, total))


def derived_epsilon(episodes: ArrayLike, eta: float, mass: float) -> Array:
    r"""Return the exploration probability that :func:`epsilon_greedy_bound` is smallest at.

    .. math:: \varepsilon = \min\{1, \sqrt{L/(\eta T)}\}, \qquad L = 1 + \log_+ B

    Parameters
    ----------
    episodes : array_like
        Number T of episodes, at least 1.
    eta : float
        Squared Hellinger distance that exploration guarantees, in (0, 1].
    mass : float
        B of the planner, at least 0.

    Returns
    -------
    ndarray
        One probability per number of episodes.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> float(derived_epsilon(400, 0.25, mass=1.0))
    0.1
    """
    return np.minimum(1.0, np.sqrt(log_factor(mass) / (as_eta(eta) * as_counts(episodes))))


def per_step_bound(
    episodes: ArrayLike, eta: float, *, horizon: int, environments: int, prior_ratio: float = 1.0
) -> Array:
    r"""Bound regret of the sampling planner by what is left of the episode when it first deviates.

    .. math:: Reg_z(T) \le (H-1)\Bigl(\sqrt{2HTL'/\eta} + \tfrac{H}{2}\Bigr), \quad
              L' = 1 + \log_+\bigl(\tfrac12(|Z|-1)\sqrt{c_Z}\bigr), \quad
              \varepsilon = \sqrt{\frac{HL'}{2\eta T}} \le 1

    Parameters
    ----------
    episodes : array_like
        Number T of episodes, large enough that the exploration probability is at most 1; where it is not, the
        trivial bound (H-1) T is returned.
    eta : float
        Squared Hellinger distance that exploration guarantees, in (0, 1].
    horizon, environments, prior_ratio
        As for :func:`sampled_mass`.

    Returns
    -------
    ndarray
        The bound for each number of episodes.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* A deviation at step h costs at most H - h, the rewards still to come; so exploiting
    loses at most :math:`\sum_h (H-h) \min\{1, A q^{t-1}\} = \tfrac12 H(H-1) \min\{1, A q^{t-1}\}` with
    :math:`A = \tfrac12(|Z|-1)\sqrt{c_Z}`. Sum over t as in :func:`epsilon_greedy_bound`. ∎ In H this has the
    power 3/2 of the rate remembered from the paper; :func:`epsilon_greedy_bound`, of power 1, is smaller from
    some H on.

    Examples
    --------
    >>> round(float(per_step_bound(10_000, 1.0, horizon=2, environments=2)), 6)
    201.0
    """
    steps, count = as_horizon(horizon), as_counts(episodes)
    factor = log_factor(0.5 * world_model_mass(environments, prior_ratio))
    valid = steps * factor <= 2.0 * as_eta(eta) * count
    bound = np.sqrt(2.0 * steps * factor * count / eta) + 0.5 * steps
    return np.asarray((steps - 1) * np.where(valid, np.minimum(count, bound), count))


def world_model_bound(
    episodes: ArrayLike,
    eps: ArrayLike,
    eta: float,
    *,
    horizon: int,
    environments: int,
    prior_ratio: float = 1.0,
) -> Array:
    r"""Bound regret of the planner that is optimal for the posterior mixture of environments.

    .. math:: Reg_z(T) \le (H-1)\min\Bigl\{T,\; \varepsilon T + 1
              + \frac{1 + \log_+((|Z|-1)\sqrt{c_Z})}{\varepsilon\eta}\Bigr\}

    Parameters
    ----------
    episodes, eps, eta, horizon
        As for :func:`epsilon_greedy_bound`.
    environments, prior_ratio
        As for :func:`world_model_mass`, whose proof it rests on.

    Returns
    -------
    ndarray
        :func:`epsilon_greedy_bound` at :func:`world_model_mass`.

    Examples
    --------
    >>> round(float(world_model_bound(10_000, 0.01, 1.0, horizon=2, environments=2)), 6)
    201.0
    """
    mass = world_model_mass(environments, prior_ratio)
    return epsilon_greedy_bound(episodes, eps, eta, horizon=horizon, mass=mass)


def independent_actors_bound(
    episodes: ArrayLike,
    eps: ArrayLike,
    eta: float,
    *,
    horizon: int,
    environments: int,
    actors: int,
    prior_ratio: float = 1.0,
) -> Array:
    r"""Bound regret of K actors that each sample their own subgoal.

    .. math:: Reg_z(T) \le (H-1)\min\Bigl\{T,\; \varepsilon T + 1
              + \frac{1 + \log_+(\frac K2 (H-1)(|Z|-1)\sqrt{c_Z})}{\varepsilon\eta}\Bigr\}

    Parameters
    ----------
    episodes, eps, eta, horizon
        As for :func:`epsilon_greedy_bound`.
    environments, actors, prior_ratio
        As for :func:`~tightbound.theory.planning.bounds.independent_mass`, whose proof it rests on.

    Returns
    -------
    ndarray
        :func:`epsilon_greedy_bound` at that mass.

    Examples
    --------
    >>> round(float(independent_actors_bound(10_000, 0.01, 1.0, horizon=2, environments=2, actors=2)), 6)
    201.0
    """
    mass = independent_mass(horizon, environments, actors, prior_ratio)
    return epsilon_greedy_bound(episodes, eps, eta, horizon=horizon, mass=mass)

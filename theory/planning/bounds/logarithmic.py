"""Regret that grows like log T: exploration that fades, and exploration at the start."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array
from tightbound.theory.planning.bounds._arguments import (
    as_counts,
    as_episodes,
    as_eta,
    as_horizon,
    as_nonnegative,
)


def log_regret_bound(episodes: ArrayLike, scale: float, eta: float, *, horizon: int, mass: float) -> Array:
    r"""Bound regret when episode t explores with probability min{1, a/t} and a > 1/eta.

    .. math:: Reg_z(T) \le (H-1)\Bigl[a\bigl(1 + \log_+ \tfrac{T}{a}\bigr)
              + \frac{s}{s-1} \max\{1, a\, e^{1/a - 1} B^{1/s}\}\Bigr], \qquad s = a \eta > 1

    So the square root of T is the price of one probability for all episodes, not of the problem.

    Parameters
    ----------
    episodes : array_like
        Number T of episodes, at least 1.
    scale : float
        a, with :math:`a\eta > 1`.
    eta : float
        Squared Hellinger distance that exploration guarantees, in (0, 1].
    horizon : int
        Number H of observations in an episode, at least 2.
    mass : float
        B of the planner, at least 0.

    Returns
    -------
    ndarray
        The bound for each number of episodes, at most the trivial one.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range, or :math:`a \eta \le 1`.

    Notes
    -----
    *Proof.* Sum :func:`~tightbound.theory.planning.bounds.schedule_bound`. As min{1, a/x} falls
    in x and a > 1, :math:`\sum_{t \le T} \varepsilon_t \le 1 + \int_1^T \min\{1, a/x\}\,dx`, which is
    :math:`a(1 + \log(T/a))` for :math:`T \ge a` and T otherwise. Likewise :math:`\sum_{i<t} \varepsilon_i \ge
    \int_1^t \min\{1,a/x\}\,dx \ge a - 1 + a\log(t/a)`, the last step for t < a because
    :math:`u \log u \ge u - 1` at u = a/t. So :math:`B q_t \le C t^{-s}` with
    :math:`C = B e^{-\eta(a-1)} a^s`, and with :math:`x_0 = \max\{1, C^{1/s}\}`, :math:`\sum_t \min\{1, C
    t^{-s}\} \le 1 + \int_1^\infty \min\{1, Cx^{-s}\}\,dx \le x_0 + x_0/(s-1)`. ∎

    Examples
    --------
    >>> round(float(log_regret_bound(10_000, 2.0, 1.0, horizon=2, mass=1.0)), 3)
    21.461
    """
    count, coefficient = as_counts(episodes), as_nonnegative("scale", scale)
    power = coefficient * as_eta(eta)
    if power <= 1.0:
        raise ValueError(
            f"scale is {scale!r} and eta {eta!r}: their product must exceed 1 for the posterior errors to be "
            f"summable; give a scale above {1.0 / eta}"
        )
    start = coefficient * math.exp(1.0 / coefficient - 1.0) * as_nonnegative("mass", mass) ** (1.0 / power)
    explore = coefficient * (1.0 + np.log(np.maximum(1.0, count / coefficient)))
    total = explore + power / (power - 1.0) * max(1.0, start)
    return np.asarray((as_horizon(horizon) - 1) * np.minimum(count, total))


def explore_first_episodes(episodes: int, eta: float, mass: float) -> int:
    r"""Return how many episodes of exploration at the start make the rest cost at most one episode.

    .. math:: n_0 = \Bigl\lceil \frac{\log(1 + BT)}{-\log(1 - \eta)} \Bigr\rceil

    Parameters
    ----------
    episodes : int
        Number T of episodes, at least 1.
    eta : float
        Squared Hellinger distance that exploration guarantees, in (0, 1].
    mass : float
        B of the planner, at least 0.

    Returns
    -------
    int
        The number, which may exceed T; 1 where eta is 1 and B positive, 0 where B is 0.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Examples
    --------
    >>> explore_first_episodes(1000, 0.5, mass=1.0), explore_first_episodes(1000, 1.0, mass=1.0)
    (10, 1)
    """
    needed = math.log1p(as_nonnegative("mass", mass) * as_episodes(episodes))
    if needed == 0.0:
        return 0
    distance = as_eta(eta)
    return 1 if distance == 1.0 else math.ceil(needed / -math.log1p(-distance))


def explore_first_bound(episodes: int, eta: float, *, horizon: int, mass: float) -> float:
    r"""Bound regret when the first n_0 episodes explore and the rest do not.

    .. math:: Reg_z(T) \le (H-1) \min\{T, n_0 + 1\}, \qquad n_0 = O(\log T)

    Parameters
    ----------
    episodes, eta, mass
        As for :func:`explore_first_episodes`.
    horizon : int
        Number H of observations in an episode, at least 2.

    Returns
    -------
    float
        The bound. With n_0 such episodes in the prompt beforehand it is H - 1.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* After n_0 explorations every later episode has
    :math:`q_t \le (1-\eta)^{n_0} \le 1/(1+BT)`, so all of them together lose at most
    :math:`(H-1)\,BT/(1+BT) \le H-1`. ∎

    Examples
    --------
    >>> explore_first_bound(1000, 0.5, horizon=3, mass=1.0)
    22.0
    """
    first = explore_first_episodes(episodes, eta, mass)
    return float((as_horizon(horizon) - 1) * min(episodes, first + 1))

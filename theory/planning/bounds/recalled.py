r"""Rates as remembered from the paper, to be shown beside the derived bounds and never to decide anything.

The body of the paper was not at hand: these forms come from memory, without constants. What is proved here
and implies them up to constants is in :mod:`tightbound.theory.planning.bounds.epsilon_greedy`: at the
exploration probability :math:`\sqrt{H\ell/(\eta T)} \le 1` with :math:`\ell = \log(c_Z |Z| \sqrt T)` the
derived bound is

.. math:: (H-1)\Bigl[\sqrt{HT\ell/\eta}\Bigl(1 + \frac{L}{H\ell}\Bigr) + 1\Bigr], \qquad
          \frac{L}{H\ell} \le \frac1H + \frac{1 + \log(H/2)}{H \log 2} < 1.23,

since :math:`L \le 1 + \log(H/2) + \ell` and :math:`\ell \ge \log 2` for two or more environments.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.bounds._arguments import as_counts, as_eta, as_horizon, as_ratio


def recalled_epsilon(
    episodes: ArrayLike,
    eta: float,
    *,
    horizon: int,
    environments: int,
    prior_ratio: float = 1.0,
    actors: int = 1,
) -> Array:
    r"""Return the exploration probability as remembered, clipped at 1.

    .. math:: \varepsilon = \min\Bigl\{1, \sqrt{\frac{HK \log(c_Z |Z| \sqrt T)}{T \eta}}\Bigr\}

    Parameters
    ----------
    episodes : array_like
        Number T of episodes, at least 1.
    eta : float
        Squared Hellinger distance that exploration guarantees, in (0, 1].
    horizon, environments, actors : int
        H at least 2, the number of environments and of actors at least 1.
    prior_ratio : float, default 1
        Largest ratio c_Z of two prior weights, at least 1.

    Returns
    -------
    ndarray
        One probability per number of episodes.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883, from memory.

    Examples
    --------
    >>> round(float(recalled_epsilon(10_000, 1.0, horizon=2, environments=2)), 4)
    0.0326
    """
    count = as_counts(episodes)
    log = _logarithm(count, environments, prior_ratio)
    spread = as_horizon(horizon) * as_integer("actors", actors, least=1) * log
    return np.minimum(1.0, np.sqrt(spread / (count * as_eta(eta))))


def recalled_rate(
    episodes: ArrayLike,
    eta: float,
    *,
    horizon: int,
    environments: int,
    prior_ratio: float = 1.0,
    actors: int = 1,
) -> Array:
    r"""Return the rate of regret as remembered, with constant 1.

    .. math:: H^{3/2} \sqrt{\frac{TK}{\eta} \log(c_Z |Z| \sqrt T)}

    Parameters
    ----------
    episodes, eta, horizon, environments, prior_ratio, actors
        As for :func:`recalled_epsilon`.

    Returns
    -------
    ndarray
        The rate for each number of episodes.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883, from memory.

    Examples
    --------
    >>> round(float(recalled_rate(10_000, 1.0, horizon=2, environments=2)), 1)
    651.0
    """
    count = as_counts(episodes)
    log = _logarithm(count, environments, prior_ratio)
    spread = as_integer("actors", actors, least=1) * log / as_eta(eta)
    return np.asarray(as_horizon(horizon) ** 1.5 * np.sqrt(count * spread))


def _logarithm(count: Array, environments: int, prior_ratio: float) -> Array:
    number = as_integer("environments", environments, least=1)
    return np.log(as_ratio(prior_ratio) * number * np.sqrt(count))

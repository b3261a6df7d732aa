r"""How doubt becomes loss: the mass of each planner.

A planner of mass B loses in expectation at most :math:`(H-1) \min\{1, B\, q_t\}` in an episode t that
exploits, where :math:`q_t = \prod_{i<t}(1-\varepsilon_i\eta)` is how far the posterior has contracted. The
reward of the first observation does not depend on the planner, so an episode of H observations loses at most
H - 1. All bounds on regret take B.
"""

from __future__ import annotations

import math

from tightbound.theory.planning._validation import as_integer
from tightbound.theory.planning.bounds._arguments import as_horizon, as_ratio


def sampled_mass(horizon: int, environments: int, prior_ratio: float = 1.0) -> float:
    r"""Return the mass of the planner that samples subgoals from the posterior mixture of experts.

    .. math:: B = \tfrac12 (H-1)(|Z|-1)\sqrt{c_Z}

    Parameters
    ----------
    horizon : int
        Number H of observations in an episode, at least 2.
    environments : int
        Number of candidate environments, at least 1.
    prior_ratio : float, default 1
        Largest ratio c_Z of two prior weights, at least 1.

    Returns
    -------
    float
        The mass B.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* Run the planner beside the true expert, coupled to agree for as long as possible.
    After a common history the two laws of the subgoal differ in total variation by at most
    :math:`1 - w_{t,h}(z)`, since the mixture gives the true expert the weight :math:`w_{t,h}(z)`. So the
    coupling breaks in the episode with probability at most :math:`\sum_h E[1 - w_{t,h}(z)] \le B q_t` by
    :func:`~tightbound.theory.planning.bounds.doubt_bound` (a history without a break is no likelier than
    under the planner alone), and then costs at most H - 1. ∎

    Examples
    --------
    >>> sampled_mass(horizon=3, environments=5)
    4.0
    """
    return 0.5 * (as_horizon(horizon) - 1) * world_model_mass(environments, prior_ratio)


def greedy_mass(horizon: int, environments: int, prior_ratio: float = 1.0) -> float:
    r"""Return the mass of the planner that takes the likeliest subgoal of the mixture: twice the sampled one.

    .. math:: B = (H-1)(|Z|-1)\sqrt{c_Z}

    Parameters
    ----------
    horizon, environments, prior_ratio
        As for :func:`sampled_mass`.

    Returns
    -------
    float
        The mass B.

    Notes
    -----
    *Proof.* Where :math:`w_{t,h}(z) > 1/2` the true expert's subgoal is the likeliest, whatever
    rule breaks ties. By Markov's inequality the contrary has probability at most :math:`2 E[1 - w_{t,h}(z)]`.
    Go on as for :func:`sampled_mass`. ∎

    Examples
    --------
    >>> greedy_mass(horizon=3, environments=5)
    8.0
    """
    return 2.0 * sampled_mass(horizon, environments, prior_ratio)


def independent_mass(horizon: int, environments: int, actors: int, prior_ratio: float = 1.0) -> float:
    r"""Return the mass of K actors that each sample their own subgoal from the mixture.

    .. math:: B = \tfrac12 K (H-1)(|Z|-1)\sqrt{c_Z}

    Parameters
    ----------
    horizon, environments, prior_ratio
        As for :func:`sampled_mass`.
    actors : int
        Number K of actors, at least 1.

    Returns
    -------
    float
        The mass B.

    Notes
    -----
    *Proof.* Each actor plays its part of the true expert's joint subgoal with probability at
    least w, independently, so the joint law is at most :math:`1 - w^K \le K(1-w)` from the expert's. Go on as
    for :func:`sampled_mass`. ∎ A joint subgoal drawn once for all actors has the mass of a single planner: K
    then enters not at all, and here only inside a logarithm.

    Examples
    --------
    >>> independent_mass(horizon=3, environments=5, actors=2)
    8.0
    """
    return as_integer("actors", actors, least=1) * sampled_mass(horizon, environments, prior_ratio)


def world_model_mass(environments: int, prior_ratio: float = 1.0) -> float:
    r"""Return the mass of the planner that is optimal for the posterior mixture of environments.

    .. math:: B = (|Z|-1)\sqrt{c_Z}

    Parameters
    ----------
    environments, prior_ratio
        As for :func:`sampled_mass`.

    Returns
    -------
    float
        The mass B.

    Notes
    -----
    *Proof.* The planner maximises :math:`\sum_{z'} w_t(z') J_{z'}(\pi)`, so comparing it with the
    true expert, :math:`w_t(z)\,[J_z(\pi^*_z) - J_z(\pi^t)] \le \sum_{z' \ne z} w_t(z')\,[J_{z'}(\pi^t) -
    J_{z'}(\pi^*_z)] \le (1 - w_t(z))(H-1)`. The loss is thus at most :math:`(H-1)\min\{1, \sum_{z'} R_t(z')\}
    \le (H-1) \min\{1, \sum_{z'} \sqrt{R_t(z')}\}`, whose mean
    :func:`~tightbound.theory.planning.bounds.contraction_bound` bounds. No factor H - 1 enters the mass: the
    comparison is of whole episodes. ∎

    Examples
    --------
    >>> world_model_mass(environments=5)
    4.0
    """
    wrong = as_integer("environments", environments, least=1) - 1
    return wrong * math.sqrt(as_ratio(prior_ratio))

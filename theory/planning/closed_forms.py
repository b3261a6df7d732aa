r"""Regret of the exact instances in closed form.

All of them share one pattern: as long as the planner has not *identified* the environment it stands in the
same posterior at the start of every episode, and identification happens with one probability per episode.
With :math:`\lambda` the probability of staying unidentified over an episode and l the expected loss of an
unidentified episode that exploits,

.. math:: Reg(T) = \varepsilon\, c\, T + (1-\varepsilon)\, l\, \frac{1-\lambda^T}{1-\lambda},

where an episode explores with probability eps at the cost c.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.bounds._arguments import as_counts, as_shares
from tightbound.theory.planning.bounds.imperfect import reporter_drift
from tightbound.theory.planning.instances._tables import as_interior, as_probability
from tightbound.theory.planning.instances.noisy_try import SUCCESS


def reveal_regret(
    episodes: ArrayLike,
    environments: ArrayLike,
    eta: ArrayLike = 1.0,
    eps: ArrayLike = 0.0,
    *,
    truth: int = 0,
    temperature: float = 1.0,
) -> Array:
    r"""Return the exact regret of sampling from the posterior mixture of experts on REVEAL.

    .. math:: Reg_0(T) = \varepsilon T + (1-\varepsilon)\,\tfrac12 (1-p) \frac{1-\lambda^T}{1-\lambda}, \qquad
              \lambda = 1 - (1-\varepsilon)p - \varepsilon\eta, \quad p = 1/N

    In an environment other than 0 an exploration costs 1/2 and the unidentified loss is p/2.

    Parameters
    ----------
    episodes : array_like
        Number T of episodes, at least 1.
    environments : array_like
        Number N of environments, at least 2.
    eta : array_like
        Probability that a probe tells, in (0, 1].
    eps : array_like
        Probability of an exploration by PROBE, in [0, 1]; 0 is naive execution.
    truth : int, default 0
        The true environment, below N.
    temperature : float, default 1
        Of the decoder, positive: it tries with probability
        :math:`p = 1/(1 + (N-1)^{1/\tau})`. The limit 0 is :func:`reveal_greedy_regret`.

    Returns
    -------
    ndarray
        Broadcast over the first four arguments. Without exploration it tends to (N-1)/2 in environment 0.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* A safe episode and a blank probe have the same probability in all environments, so until a
    try or a probe that tells the posterior is uniform and the planner tries with probability p. A try under
    environment 0 identifies it; elsewhere it excludes environment 0, and all other experts play safe. ∎

    Examples
    --------
    >>> float(reveal_regret(1, 2)), float(reveal_regret(100, 2)).__round__(6)
    (0.25, 0.5)
    """
    count, number = as_counts(episodes), _numbers(environments)
    z = as_integer("truth", truth, least=0, most=int(number.min()) - 1)
    heat = as_floats("temperature", temperature)
    if heat.ndim or heat <= 0.0:
        raise ValueError(
            f"temperature is {temperature!r}: it must be positive; for the limit 0 use reveal_greedy_regret"
        )
    with np.errstate(over="ignore"):
        tries = 1.0 / (1.0 + (number - 1.0) ** (1.0 / heat))
    loss = 0.5 * (1.0 - tries) if z == 0 else 0.5 * tries
    cost = 1.0 if z == 0 else 0.5
    return _identified(count, as_shares(eps), _etas(eta), tries, loss, cost)


def reveal_greedy_regret(episodes: ArrayLike, eta: ArrayLike = 1.0, eps: ArrayLike = 0.0) -> Array:
    r"""Return the exact regret on REVEAL, in environment 0, of planners that do not sample.

    .. math:: Reg_0(T) = \varepsilon T + (1-\varepsilon)\,\tfrac12\,
              \frac{1-(1-\varepsilon\eta)^T}{\varepsilon\eta}, \qquad T/2 \ \text{without exploration}

    It is the same for greedy decoding and for planning in the posterior mixture of environments: both play
    safe until a probe tells (trying is the likelier or the better choice only with more than half of the
    posterior mass; for N = 2 it ties, and the lower index is SAFE).

    Parameters
    ----------
    episodes, eta, eps : array_like
        As for :func:`reveal_regret`.

    Returns
    -------
    ndarray
        Broadcast over the arguments, for every N of at least 2.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> float(reveal_greedy_regret(100))
    50.0
    """
    return _identified(as_counts(episodes), as_shares(eps), _etas(eta), 0.0, 0.5, 1.0)


def lock_regret(
    episodes: ArrayLike,
    depth: ArrayLike,
    weight: float = 0.5,
    eta: ArrayLike = 1.0,
    eps: ArrayLike = 0.0,
    *,
    truth: int = 0,
    ties: str = "lowest",
) -> Array:
    r"""Return the exact regret of sampling from the posterior mixture of experts on LOCK.

    .. math:: Reg_0(T) = (1-\varepsilon)\, l\, \frac{1-\lambda^T}{1-\lambda} + \varepsilon\, c\, T, \quad
              \lambda = 1 - (1-\varepsilon) w^d - \varepsilon \eta, \quad
              l = \tfrac12 (1-w) + \tfrac34 (w - w^d)

    Until the combination is entered to its end nothing is learned, and sampling anew at each step enters it
    with probability :math:`p_0 = w^d`. In environment 1 :math:`l = \tfrac14(w - w^d) + \tfrac12 w^d`.

    Parameters
    ----------
    episodes : array_like
        Number T of episodes, at least 1.
    depth : array_like
        Number d of decisions, at least 1.
    weight : float, default 1/2
        Prior weight w of environment 0, in (0, 1).
    eta : array_like
        Probability that exploration enters the whole combination, in (0, 1]: 1 where it always advances,
        :math:`2^{-d}` where it draws subgoals uniformly.
    eps : array_like
        Probability of exploring, in [0, 1]. With eps > 0 exploration must always advance (eta = 1), at the
        cost 0 in environment 0 and 1/2 in environment 1.
    truth : {0, 1}
        The true environment.
    ties : {"lowest", "highest"}
        How the expert of environment 1 breaks its ties at positions 1, ..., d - 2, where leaving now
        or later is the same. With "highest" it advances there, and :math:`p_0 = w^{\min(2, d)}`.

    Returns
    -------
    ndarray
        Broadcast over the array arguments. Linear in T up to about :math:`w^{-d}` without exploration.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* Positions tell nothing, so within an episode the weight stays w. The first draw
    leaves safely with probability 1 - w; some later draw drops out with probability :math:`w - p_0`; else the
    end is reached and shows the environment. The two endings of an unfinished attempt lose 1/2 and 3/4
    against 1 in environment 0, and 0 and 1/4 against 1/2 in environment 1, where a finished attempt loses
    1/2. ∎

    Examples
    --------
    >>> lock_regret(1, [1, 2]).round(6).tolist()
    [0.25, 0.4375]
    """
    count, steps, rate = as_counts(episodes), as_floats("depth", depth), as_shares(eps)
    if np.any(steps < 1.0):
        raise ValueError(f"depth contains {steps.min()}: give at least one decision")
    if ties not in ("lowest", "highest"):
        raise ValueError(f"ties is {ties!r}: choose 'lowest' or 'highest'")
    told, w = _etas(eta), as_interior("weight", weight)
    if np.any((rate > 0.0) & (told < 1.0)):
        raise ValueError(
            "eta is below 1 with eps above 0: the cost of such an exploration depends on how it fails; give "
            "eta = 1, the exploration that always advances"
        )
    finish = w**steps if ties == "lowest" else w ** np.minimum(steps, 2.0)
    dropped = w - finish
    if as_integer("truth", truth, least=0, most=1) == 0:
        return _identified(count, rate, told, finish, 0.5 * (1.0 - w) + 0.75 * dropped, 0.0)
    return _identified(count, rate, told, finish, 0.25 * dropped + 0.5 * finish, 0.5)


def meet_regret(
    episodes: ArrayLike,
    environments: ArrayLike,
    actors: ArrayLike,
    eta: ArrayLike = 1.0,
    eps: ArrayLike = 0.0,
    *,
    sampling: str = "joint",
) -> Array:
    r"""Return the exact regret on MEET in environment 0, joint or independent.

    .. math:: Reg_0(T) = \varepsilon T + (1-\varepsilon)\, l\, \frac{1-\lambda^T}{1-\lambda}, \quad
              \lambda = 1 - (1-\varepsilon) p_0 - \varepsilon\eta

    A joint sample has :math:`p_0 = 1/N` and :math:`l = \tfrac12(1 - 1/N)`, whatever K. Actors that each
    sample their own subgoal all try with probability :math:`p_0 = N^{-K}`, all play safe with
    :math:`(1-1/N)^K`, and otherwise split and earn nothing: :math:`l = 1 - N^{-K} - \tfrac12 (1-1/N)^K`.
    Without exploration independent sampling is linear up to about :math:`T = N^K`.

    Parameters
    ----------
    episodes, eta, eps : array_like
        As for :func:`reveal_regret`.
    environments : array_like
        Number N of environments, at least 2.
    actors : array_like
        Number K of actors, at least 1.
    sampling : {"joint", "independent"}
        Whether one joint subgoal is drawn or one per actor.

    Returns
    -------
    ndarray
        Broadcast over the array arguments.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> float(meet_regret(1, 2, 2)), round(float(meet_regret(1, 2, 2, sampling="independent")), 6)
    (0.25, 0.625)
    """
    count, number, team = as_counts(episodes), _numbers(environments), as_floats("actors", actors)
    if np.any(team < 1.0):
        raise ValueError(f"actors contains {team.min()}: give at least one actor")
    if sampling not in ("joint", "independent"):
        raise ValueError(f"sampling is {sampling!r}: choose 'joint' or 'independent'")
    drawn = team if sampling == "independent" else np.ones_like(team)
    tries = number**-drawn
    loss = 1.0 - tries - 0.5 * (1.0 - 1.0 / number) ** drawn
    return _identified(count, as_shares(eps), _etas(eta), tries, loss, 1.0)


def agreement(environments: ArrayLike, actors: ArrayLike) -> Array:
    r"""Return the probability that K actors, sampling apart from a uniform posterior, agree.

    .. math:: N \cdot N^{-K} = N^{-(K-1)}, \qquad \text{against 1 for a joint sample}

    Parameters
    ----------
    environments, actors : array_like
        N at least 2, K at least 1.

    Returns
    -------
    ndarray
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> float(agreement(4, 3))
    0.0625
    """
    number, team = _numbers(environments), as_floats("actors", actors)
    if np.any(team < 1.0):
        raise ValueError(f"actors contains {team.min()}: give at least one actor")
    return np.asarray(number ** (1.0 - team))


def noisy_try_drift(flip: float, flip_hat: float, *, truth: int = 0) -> float:
    r"""Return the mean gain of log odds for the truth per try on NOISY-TRY.

    .. math:: D = \mathrm{kl}(a_z, a_{z'}) + \hat q \log\frac{q_z}{q_{z'}}
              + (1-\hat q) \log\frac{1-q_z}{1-q_{z'}}

    with success rates a = (0.8, 0.3), assumed reports :math:`q_z = a_z(1-f) + (1-a_z)f` and true report
    :math:`\hat q = a_z(1-\hat f) + (1-a_z)\hat f`. The first term is what the honest payoff tells.

    Parameters
    ----------
    flip : float
        Assumed probability f that a report is flipped, in (0, 1).
    flip_hat : float
        The true probability, in [0, 1].
    truth : {0, 1}
        The true environment.

    Returns
    -------
    float
        In nats; it falls linearly in ``flip_hat`` where f < 1/2.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(noisy_try_drift(0.05, 0.05), 4), round(noisy_try_drift(0.05, 1.0), 4)
    (0.9609, -0.1575)
    """
    z = as_integer("truth", truth, least=0, most=1)
    assumed, emitted = as_interior("flip", flip), as_probability("flip_hat", flip_hat)
    here, there = SUCCESS[z], SUCCESS[1 - z]
    paid = reporter_drift(_pair(here), _pair(here), _pair(there))
    seen = _flipped(here, emitted)
    return paid + reporter_drift(_pair(seen), _pair(_flipped(here, assumed)), _pair(_flipped(there, assumed)))


def noisy_try_threshold(flip: float, *, truth: int = 0) -> float:
    r"""Return the true flip probability at which the drift on NOISY-TRY changes its sign.

    .. math:: \hat f^* = \hat f_0 \ \text{with}\ D(f, \hat f_0) = 0, \quad
              \hat f^* = \frac{D(f, 0)}{D(f, 0) - D(f, 1)}

    as D is linear in the true flip probability. Below it the posterior goes to the truth, above it away.

    Parameters
    ----------
    flip : float
        Assumed probability that a report is flipped, in (0, 1/2).
    truth : {0, 1}
        The true environment.

    Returns
    -------
    float
        The threshold; above 1 where no flip probability misleads.

    Raises
    ------
    ValueError
        For an assumed probability outside (0, 1/2).

    Examples
    --------
    >>> round(noisy_try_threshold(0.05), 6)
    0.866225
    """
    assumed = as_interior("flip", flip)
    if assumed >= 0.5:
        raise ValueError(f"flip is {flip!r}: from 1/2 on reports are read the other way; give one below 1/2")
    best, worst = (noisy_try_drift(assumed, end, truth=truth) for end in (0.0, 1.0))
    return best / (best - worst)


def _identified(
    count: Array, eps: Array, eta: Array, tell: Array | float, loss: Array | float, cost: float
) -> Array:
    """Regret where exploiting identifies with probability ``tell`` and exploring with ``eta``."""
    leave = (1.0 - eps) * np.asarray(tell) + eps * eta
    shape = np.broadcast_shapes(count.shape, leave.shape)
    count, leave = np.broadcast_to(count, shape), np.broadcast_to(leave, shape)
    with np.errstate(divide="ignore"):
        stayed = -np.expm1(count * np.log1p(-np.minimum(leave, 1.0)))
    total = np.divide(stayed, leave, out=count.astype(np.float64), where=leave > 0.0)
    return np.asarray(eps * cost * count + (1.0 - eps) * loss * total)


def _numbers(environments: ArrayLike) -> Array:
    number = as_floats("environments", environments)
    if np.any(number < 2.0):
        raise ValueError(f"environments contains {number.min()}: give at least two environments")
    return number


def _etas(eta: ArrayLike) -> Array:
    array = as_floats("eta", eta)
    if np.any((array <= 0.0) | (array > 1.0)):
        raise ValueError(f"eta contains {array.min()}: give probabilities in (0, 1] that exploration tells")
    return array


def _pair(chance: float) -> list[float]:
    return [chance, 1.0 - chance]


def _flipped(success: float, flip: float) -> float:
    return success * (1.0 - flip) + (1.0 - success) * flip

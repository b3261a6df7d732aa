r"""Exact identities: exploitability as a divergence, performance difference, variance of a neighbourhood."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.graphon_games._dynamics import as_mean_field, policy_shape
from tightbound.theory.graphon_games._validation import Array, as_log_policy, as_regularisation
from tightbound.theory.graphon_games.best_response import best_response
from tightbound.theory.graphon_games.distances import weighted_divergence
from tightbound.theory.graphon_games.flow import flow, frozen_flow
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.values import action_values


def exploitability_as_divergence(game: GraphonGame, log_policy: ArrayLike, lam: float) -> float:
    r"""Return the exploitability of a policy as its divergence from the best response.

    .. math:: \mathrm{Expl}_\lambda(\pi) = \lambda \int \sum_h E_{s \sim \mu^\pi_h}
              \mathrm{KL}\big(\pi_h(s) \,\|\, \mathrm{BR}_h(s)\big)\, d\alpha

    Being a sum of non-negative terms it keeps its relative precision where the difference of two values has
    only round-off left.

    Parameters
    ----------
    game : GraphonGame
        Any, also with a kernel that depends on the mean field.
    log_policy : array_like, shape (M, H, S, A)
    lam : float
        Entropy weight, positive.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For ``lam`` at most 0 or a wrong shape.

    Notes
    -----
    *Proof.* Freeze the crowd at :math:`\mu^\pi` and let :math:`Q^*, V^*` belong to the best response, so
    that :math:`V^*_h(s) = Q^*_h(s,a) - \lambda\log\mathrm{BR}_h(a|s)` for every a. Averaging over
    :math:`\pi` and subtracting :math:`V^\pi_h(s) = \langle\pi_h, Q^\pi_h - \lambda\log\pi_h\rangle`,

    .. math:: V^*_h - V^\pi_h = \lambda\,\mathrm{KL}(\pi_h\|\mathrm{BR}_h)
              + \sum_a \pi_h(a)\, P_h\,(V^*_{h+1} - V^\pi_{h+1}).

    Telescope along the play of :math:`\pi`: its law in its own crowd is :math:`\mu^\pi`, for any kernel.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.exploitability import exploitability
    >>> from tightbound.theory.graphon_games.games.sis import sis
    >>> game = sis(blocks=3, horizon=5)
    >>> policy = game.uniform_policy()
    >>> divergence = exploitability_as_divergence(game, np.log(policy), 0.5)
    >>> abs(divergence - exploitability(game, policy, 0.5)) < 1e-12
    True
    """
    weight = as_regularisation(lam, positive=True)
    log_pi = as_log_policy("log_policy", log_policy, policy_shape(game))
    mu = flow(game, np.exp(log_pi))
    return weight * weighted_divergence(mu, log_pi, best_response(game, mu, weight).log_policy)


def performance_difference(
    game: GraphonGame, log_policy: ArrayLike, log_reference: ArrayLike, mean_field: ArrayLike, lam: float
) -> float:
    r"""Return :math:`\int [J_\lambda(\pi, \mu) - J_\lambda(q, \mu)]` without evaluating :math:`\pi`.

    .. math:: \int \sum_h E_{s \sim F(\pi,\mu)_h} \Big[\langle Q^q_h - \lambda\log q_h,\, \pi_h - q_h\rangle
              - \lambda\,\mathrm{KL}(\pi_h \| q_h)\Big]\, d\alpha

    Parameters
    ----------
    game : GraphonGame
    log_policy, log_reference : array_like, shape (M, H, S, A)
        :math:`\pi` and q; q needs full support.
    mean_field : array_like, shape (M, H, S)
        The crowd.
    lam : float
        Entropy weight, at least 0.

    Returns
    -------
    float

    Notes
    -----
    *Proof.* Along the play of :math:`\pi` among the frozen crowd, :math:`J(\pi) - J(q) = E\sum_h [\langle
    Q^q_h, \pi_h\rangle - \lambda\langle\pi_h,\log\pi_h\rangle - V^q_h]`, by telescoping :math:`V^q`. Insert
    :math:`V^q_h = \langle q_h, Q^q_h - \lambda\log q_h\rangle` and add and subtract :math:`\lambda\langle
    \pi_h, \log q_h\rangle`.

    References
    ----------
    Kakade and Langford, ICML 2002, Lemma 6.1, for :math:`\lambda = 0`.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.sis import sis
    >>> game = sis(blocks=3, horizon=5)
    >>> uniform = np.log(game.uniform_policy())
    >>> performance_difference(game, uniform, uniform, flow(game, np.exp(uniform)), 0.5)
    0.0
    """
    weight = as_regularisation(lam)
    log_pi = as_log_policy("log_policy", log_policy, policy_shape(game))
    log_q = as_log_policy("log_reference", log_reference, policy_shape(game))
    if np.any(np.isinf(log_q)):
        raise ValueError("log_reference has an action of probability 0: give a reference with full support")
    mu = as_mean_field(game, mean_field)
    pi, q = np.exp(log_pi), np.exp(log_q)
    law = frozen_flow(game, pi, mu)
    advantage = action_values(game, q, mu, weight) - weight * log_q
    first = (law * (advantage * (pi - q)).sum(axis=-1)).sum(axis=(1, 2)).mean()
    return float(first - weight * weighted_divergence(law, log_pi, log_q))


def neighbourhood_variance(
    weights: ArrayLike, probabilities: ArrayLike, adjacency: Literal["weighted", "sampled"]
) -> Array:
    r"""Return the variance of the aggregates :math:`z_i = \frac1N \sum_j A_{ij} X_j` of N agents.

    .. math:: \frac{1}{N^2}\sum_j W_{ij}^2\, p_j (1-p_j) \quad (A = W), \qquad
              \frac{1}{N^2}\sum_j W_{ij} p_j (1 - W_{ij} p_j) \quad (A_{ij} \sim \mathrm{Bernoulli}(W_{ij}))

    for independent :math:`X_j \sim \mathrm{Bernoulli}(p_j)`, for instance the indicators of one state at
    the first step.

    Parameters
    ----------
    weights : array_like, shape (N, N)
        W at the agents' positions, entries in [0, 1]; put 0 on the diagonal if agents do not see themselves.
    probabilities : array_like, shape (N,) or (N, S)
        p, per agent, and per state if there is a second axis.
    adjacency : {"weighted", "sampled"}
        Whether W weighs the neighbours, or edges are drawn independently of each other and of X.

    Returns
    -------
    ndarray, shape (N,) or (N, S)

    Raises
    ------
    ValueError
        For entries outside [0, 1], shapes that do not fit, N < 2, or an unknown ``adjacency``.

    Notes
    -----
    The terms are independent over j, so variances add. :math:`W X` has variance :math:`W^2 p (1-p)`; the
    product of independent indicators A X is an indicator of probability :math:`W p`. That A is symmetric
    does not matter: one row holds each edge once.

    Examples
    --------
    >>> neighbourhood_variance(np.full((2, 2), 0.5), [0.5, 0.5], "weighted")
    array([0.03125, 0.03125])
    >>> neighbourhood_variance(np.full((2, 2), 0.5), [0.5, 0.5], "sampled")
    array([0.09375, 0.09375])
    """
    w, p = as_floats("weights", weights), as_floats("probabilities", probabilities)
    if w.ndim != 2 or w.shape[0] != w.shape[1] or len(w) < 2:
        raise ValueError(f"weights has shape {w.shape}: give an (N, N) matrix of at least 2 agents")
    if p.ndim not in (1, 2) or len(p) != len(w):
        raise ValueError(f"probabilities has shape {p.shape}: give ({len(w)},) or ({len(w)}, S)")
    for name, array in (("weights", w), ("probabilities", p)):
        if array.min() < 0.0 or array.max() > 1.0:
            raise ValueError(f"{name} has entries in [{array.min():g}, {array.max():g}]: give [0, 1]")
    square = len(w) ** 2
    if adjacency == "weighted":
        return np.asarray(w**2 @ (p * (1.0 - p)) / square)
    if adjacency == "sampled":
        return np.asarray((w @ p - w**2 @ p**2) / square)
    raise ValueError(f"adjacency is {adjacency!r}: choose 'weighted' or 'sampled'")

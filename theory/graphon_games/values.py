r"""Values of a policy among a frozen crowd, with entropy weight :math:`\lambda \ge 0`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.graphon_games._dynamics import as_policy, backward, rewards
from tightbound.theory.graphon_games._validation import Array, as_regularisation
from tightbound.theory.graphon_games.flow import aggregate
from tightbound.theory.graphon_games.game import GraphonGame


def action_values(game: GraphonGame, policy: ArrayLike, mean_field: ArrayLike, lam: float) -> Array:
    r"""Return :math:`Q_h^\pi`, which excludes the entropy of its own step.

    .. math:: Q_h(s,a) = r_h(s,a,z_h) + \sum_{s'} P_h(s' \mid s,a,z_h) V_{h+1}(s'), \qquad
              V_h(s) = \sum_a \pi_h(a \mid s)\,[Q_h(s,a) - \lambda \log \pi_h(a \mid s)], \quad V_{H+1} = 0

    Parameters
    ----------
    game : GraphonGame
    policy : array_like, shape (M, H, S, A)
    mean_field : array_like, shape (M, H, S)
        The crowd, held fixed.
    lam : float
        Entropy weight, at least 0.

    Returns
    -------
    ndarray, shape (M, H, S, A)

    Raises
    ------
    ValueError
        For a negative ``lam``, wrong shapes, or rewards that are not finite.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.flow import flow
    >>> from tightbound.theory.graphon_games.games.sis import sis
    >>> game = sis(blocks=2, horizon=3)
    >>> policy = game.uniform_policy()
    >>> action_values(game, policy, flow(game, policy), 0.0)[0, -1]
    array([[ 0. , -0.5],
           [-2. , -2.5]])
    """
    return _backward_values(game, policy, mean_field, lam)[0]


def policy_value(game: GraphonGame, policy: ArrayLike, mean_field: ArrayLike, lam: float) -> Array:
    r"""Return :math:`J_\lambda^m(\pi, \mu) = E \sum_h [r_h - \lambda \log \pi_h(a_h \mid s_h)]` per block.

    Parameters
    ----------
    game, policy, mean_field, lam
        As in :func:`action_values`.

    Returns
    -------
    ndarray, shape (M,)

    Examples
    --------
    >>> from tightbound.theory.graphon_games.flow import flow
    >>> from tightbound.theory.graphon_games.games.sis import sis
    >>> game = sis(blocks=2, horizon=3)
    >>> policy = game.uniform_policy()
    >>> policy_value(game, policy, flow(game, policy), 0.0).round(4)
    array([-3.2938, -3.4565])
    """
    values = _backward_values(game, policy, mean_field, lam)[1]
    return np.asarray((game.initial * values[:, 0]).sum(axis=-1))


def entropy(policy: Array) -> Array:
    """Return the entropy of the last axis in nats, with 0 log 0 = 0.

    Examples
    --------
    >>> entropy(np.array([0.5, 0.5])).round(4).tolist()
    0.6931
    """
    logs = np.log(policy, out=np.zeros_like(policy), where=policy > 0.0)
    return np.asarray(-(policy * logs).sum(axis=-1))


def _backward_values(
    game: GraphonGame, policy: ArrayLike, mean_field: ArrayLike, lam: float
) -> tuple[Array, Array]:
    """Return Q (M, H, S, A) and V (M, H, S) by backward induction."""
    pi = as_policy(game, policy)
    weight = as_regularisation(lam)
    z = aggregate(game, mean_field)
    bonus = weight * entropy(pi)
    q, v = np.empty(pi.shape), np.empty(pi.shape[:3])
    for h in reversed(range(game.horizon)):
        q[:, h] = rewards(game, h, z[:, h])
        if h + 1 < game.horizon:
            q[:, h] += backward(game, h, z[:, h], v[:, h + 1])
        v[:, h] = (pi[:, h] * q[:, h]).sum(axis=-1) + bonus[:, h]
    return q, v

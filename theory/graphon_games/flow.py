r"""State laws of a policy: its own flow :math:`\Psi(\pi)` and the frozen flow :math:`F(\pi, \bar\mu)`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.graphon_games._dynamics import as_mean_field, as_policy, forward
from tightbound.theory.graphon_games._validation import Array
from tightbound.theory.graphon_games.game import GraphonGame


def flow(game: GraphonGame, policy: ArrayLike) -> Array:
    r"""Return :math:`\Psi(\pi)`, the state laws when every agent plays the policy.

    .. math:: \mu_{h+1}^m(s') = \sum_{s,a} \mu_h^m(s)\, \pi_h^m(a \mid s)\, P_h(s' \mid s, a, z_h^m[\mu])

    Parameters
    ----------
    game : GraphonGame
    policy : array_like, shape (M, H, S, A)
        Probabilities of the actions.

    Returns
    -------
    ndarray, shape (M, H, S)

    Raises
    ------
    ValueError
        For a policy of the wrong shape, or a kernel that is not one along the flow.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.sis import sis
    >>> game = sis(blocks=2, horizon=3)
    >>> flow(game, game.uniform_policy())[0, :, 1].round(4)
    array([0.5   , 0.4184, 0.3535])
    """
    pi = as_policy(game, policy)
    mu = np.empty(pi.shape[:3])
    mu[:, 0] = game.initial
    for h in range(game.horizon - 1):
        z = game.weights_at(h) @ mu[:, h]
        mu[:, h + 1] = forward(game, h, z, mu[:, h, :, None] * pi[:, h])
    return mu


def frozen_flow(game: GraphonGame, policy: ArrayLike, mean_field: ArrayLike) -> Array:
    r"""Return :math:`F(\pi, \bar\mu)`, the law of an agent playing the policy among a given crowd.

    The aggregates come from the given mean field, not from the law that the policy generates; the two agree
    where the kernel is free of the mean field.

    Parameters
    ----------
    game : GraphonGame
    policy : array_like, shape (M, H, S, A)
    mean_field : array_like, shape (M, H, S)

    Returns
    -------
    ndarray, shape (M, H, S)

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.sis import sis
    >>> game = sis(blocks=2, horizon=3)
    >>> policy = game.uniform_policy()
    >>> mu = flow(game, policy)
    >>> bool(np.all(frozen_flow(game, policy, mu) == mu))
    True
    """
    pi = as_policy(game, policy)
    z = aggregate(game, mean_field)
    mu = np.empty(pi.shape[:3])
    mu[:, 0] = game.initial
    for h in range(game.horizon - 1):
        mu[:, h + 1] = forward(game, h, z[:, h], mu[:, h, :, None] * pi[:, h])
    return mu


def aggregate(game: GraphonGame, mean_field: ArrayLike) -> Array:
    r"""Return :math:`z_h^m = \frac1M \sum_n W_h(x_m, x_n) \mu_h^n`, a sub-probability where W is at most 1.

    Parameters
    ----------
    game : GraphonGame
    mean_field : array_like, shape (M, H, S)

    Returns
    -------
    ndarray, shape (M, H, S)

    Examples
    --------
    >>> from tightbound.theory.graphon_games.games.sis import sis
    >>> game = sis(blocks=2, horizon=3)
    >>> aggregate(game, np.full((2, 3, 2), 0.5)).sum(axis=-1)[:, 0].round(4)
    array([0.1838, 0.4809])
    """
    mu = as_mean_field(game, mean_field)
    if len(game.weights) == 1:
        return np.asarray((game.weights[0] @ mu.reshape(game.blocks, -1)).reshape(mu.shape))
    return np.asarray(np.einsum("hmn,nhs->mhs", game.weights, mu))

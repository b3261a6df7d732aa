r"""Best response to a frozen crowd: soft for :math:`\lambda > 0`, greedy for :math:`\lambda = 0`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.graphon_games._dynamics import backward, policy_shape, rewards
from tightbound.theory.graphon_games._validation import Array, as_regularisation
from tightbound.theory.graphon_games.flow import aggregate
from tightbound.theory.graphon_games.game import GraphonGame


@dataclass(frozen=True)
class BestResponse:
    """An optimal policy among a frozen crowd, with its values.

    Attributes
    ----------
    log_policy : ndarray, shape (M, H, S, A)
        Logarithms of the probabilities; minus infinity where ``lam = 0`` rules an action out.
    value : ndarray, shape (M,)
        Optimal value from the initial law, per block.
    action_values : ndarray, shape (M, H, S, A)
        Optimal Q, which excludes the entropy of its own step.
    state_values : ndarray, shape (M, H, S)
        Optimal V.
    """

    log_policy: Array
    value: Array
    action_values: Array
    state_values: Array

    @property
    def policy(self) -> Array:
        """Probabilities of the actions, shape (M, H, S, A)."""
        return np.asarray(np.exp(self.log_policy))


def best_response(game: GraphonGame, mean_field: ArrayLike, lam: float) -> BestResponse:
    r"""Return the policy that is optimal for every block when the crowd follows ``mean_field``.

    .. math:: \pi_h(a \mid s) \propto e^{Q_h(s,a)/\lambda}, \qquad
              V_h(s) = \lambda \log \sum_a e^{Q_h(s,a)/\lambda}

    and for :math:`\lambda = 0` the maximising action of lowest index and :math:`V_h = \max_a Q_h`.

    Parameters
    ----------
    game : GraphonGame
    mean_field : array_like, shape (M, H, S)
    lam : float
        Entropy weight, at least 0.

    Returns
    -------
    BestResponse

    Raises
    ------
    ValueError
        For a negative ``lam`` or a wrong shape.

    Notes
    -----
    The soft maximum is the Lagrangian dual of one step: :math:`\max_p \langle p, Q \rangle - \lambda \langle
    p, \log p \rangle` over the simplex is attained at the softmax, and backward induction is exact because
    the crowd, hence kernel and reward, are fixed.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.flow import flow
    >>> from tightbound.theory.graphon_games.games.sis import sis
    >>> game = sis(blocks=2, horizon=3)
    >>> found = best_response(game, flow(game, game.uniform_policy()), 1.0)
    >>> found.value.round(4)
    array([-1.1415, -1.3135])
    """
    weight = as_regularisation(lam)
    z = aggregate(game, mean_field)
    shape = policy_shape(game)
    q, v, log_policy = np.empty(shape), np.empty(shape[:3]), np.empty(shape)
    for h in reversed(range(game.horizon)):
        q[:, h] = rewards(game, h, z[:, h])
        if h + 1 < game.horizon:
            q[:, h] += backward(game, h, z[:, h], v[:, h + 1])
        if weight > 0.0:
            log_policy[:, h], v[:, h] = soft_maximum(q[:, h], weight)
        else:
            best = q[:, h].argmax(axis=-1)[..., None]
            log_policy[:, h] = np.where(np.arange(game.actions) == best, 0.0, -np.inf)
            v[:, h] = q[:, h].max(axis=-1)
    return BestResponse(log_policy, (game.initial * v[:, 0]).sum(axis=-1), q, v)


def soft_maximum(values: Array, lam: float) -> tuple[Array, Array]:
    r"""Return the log-softmax of :math:`Q/\lambda` and :math:`\lambda \log \sum_a e^{Q/\lambda}`, stably.

    Examples
    --------
    >>> log_policy, value = soft_maximum(np.array([0.0, 1.0]), 0.5)
    >>> np.exp(log_policy).round(4).tolist(), float(value.round(4))
    ([0.1192, 0.8808], 1.0635)
    """
    peak = values.max(axis=-1, keepdims=True)
    scaled = (values - peak) / lam
    log_sum = np.log(np.exp(scaled).sum(axis=-1, keepdims=True))
    return np.asarray(scaled - log_sum), np.asarray((peak + lam * log_sum)[..., 0])

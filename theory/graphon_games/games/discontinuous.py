r"""A game without equilibrium: its reward jumps, and no policy is exploitable by less than a known floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.theory.graphon_games._validation import as_regularisation
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.graphons import GridKind, erdos_renyi


@dataclass(frozen=True)
class JumpReward:
    r"""Return :math:`r_1 = 0`, :math:`r_2(0) = \frac12`, :math:`r_2(1) = 1\{z(1) \le \frac12\}`.

    Examples
    --------
    >>> JumpReward()(1, np.array([[0.5, 0.5], [0.4, 0.6]]))[..., 0]
    array([[0.5, 1. ],
           [0.5, 0. ]])
    """

    def __call__(self, h: Any, z: Any) -> Any:
        """Return rewards (..., 2, 2) for aggregates (..., 2)."""
        xp = z.__array_namespace__()
        second = xp.asarray((0.0, 1.0))[h]
        crowded = xp.where(z[..., 1] <= 0.5, xp.ones_like(z[..., 1]), xp.zeros_like(z[..., 1]))
        value = second * xp.stack([xp.full_like(z[..., 0], 0.5), crowded], axis=-1)
        return xp.broadcast_to(value[..., None], (*z.shape, 2))


def discontinuous(*, blocks: int = 4, grid: GridKind = "midpoint") -> GraphonGame:
    r"""Return the game of H = 2, states 0 and 1, W = 1, in which the action is the next state.

    .. math:: r_1 = 0, \qquad r_2(0) = \tfrac12, \qquad r_2(1) = 1\{z(1) \le \tfrac12\}

    Parameters
    ----------
    blocks : int
        A power of two keeps the mean of equal masses 1/2 exact in floating point.
    grid : {"midpoint", "endpoint"}

    Returns
    -------
    GraphonGame

    See Also
    --------
    discontinuous_floor : the exploitability that no policy undercuts.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.exploitability import exploitability
    >>> game = discontinuous()
    >>> exploitability(game, game.uniform_policy(), 0.0), discontinuous_floor(0.0)
    (0.25, 0.25)
    """
    return GraphonGame(
        erdos_renyi(1.0),
        [0.5, 0.5],
        np.tile(np.eye(2), (2, 1, 1)),
        JumpReward(),
        2,
        blocks=blocks,
        grid=grid,
        name="discontinuous",
    )


def discontinuous_floor(lam: float) -> float:
    r"""Return :math:`\inf_\pi \mathrm{Expl}_\lambda(\pi)` of :func:`discontinuous`.

    .. math:: \lambda \log \cosh \frac{1}{4 \lambda} \quad (\lambda > 0), \qquad \frac14 \quad (\lambda = 0)

    Parameters
    ----------
    lam : float
        Entropy weight, at least 0.

    Returns
    -------
    float

    Notes
    -----
    Let p be the mean probability of moving to state 1. The second step earns the same for both actions, so
    its soft best response is uniform and what happens at the first step decides. If :math:`p \le 1/2`, state
    1 is worth 1/2 more than state 0, and the best response moves there with probability :math:`\sigma =
    1/(1 + e^{-1/(2\lambda)}) > 1/2`. Exploitability is :math:`\lambda` times the expected divergence from
    the best response (the identity in ``identities.py``), which by convexity is at least :math:`\lambda\,
    \mathrm{kl}(p, \sigma)`; as p approaches :math:`\sigma` from below this falls, so its least value is at p
    = 1/2, where it is

    .. math:: \lambda \Big[{-\log 2} - \tfrac12 \log \sigma (1 - \sigma)\Big] = \lambda \log \cosh
              \frac{1}{4\lambda}, \qquad \text{since } \sigma(1-\sigma) = \frac{1}{4 \cosh^2(1/(4\lambda))}.

    If p > 1/2 state 1 is worth 1/2 less, and the mirrored argument gives the same number as a limit that is
    not attained. Without entropy the gain is :math:`(1-p)/2 \ge 1/4` in the first case and :math:`p/2 >
    1/4` in the second; 1/4 is also the limit of the formula at 0.

    Examples
    --------
    >>> round(discontinuous_floor(0.1), 6), round(discontinuous_floor(1.0), 6)
    (0.181357, 0.03093)
    """
    weight = as_regularisation(lam)
    if weight == 0.0:
        return 0.25
    x = 0.25 / weight
    if x < 1e-4:
        return weight * (x * x / 2 - x**4 / 12)
    return float(weight * (x + np.log1p(np.expm1(-2.0 * x) / 2.0)))

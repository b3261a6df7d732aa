r"""Linear-quadratic tracking of the neighbours' mean position, on a finite line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.theory._validation import as_integer
from tightbound.theory.graphon_games._validation import as_number
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.graphons import Graphon, GridKind, uniform_attachment


@dataclass(frozen=True, eq=False)
class TrackingReward:
    r"""Return :math:`r(s, a, z) = -\frac12 [q (s - \bar z)^2 + c\, a^2]` with :math:`\bar z = \sum_s s z(s)`.

    Parameters
    ----------
    position : ndarray, shape (S,)
    move : ndarray, shape (A,)
    tracking, effort : float
        q and c.

    Examples
    --------
    >>> line = np.array([-1.0, 0.0, 1.0])
    >>> TrackingReward(line, np.array([0.0, 1.0]), 1.0, 0.5)(0, np.array([0.0, 0.0, 1.0]))
    array([[-2.  , -2.25],
           [-0.5 , -0.75],
           [-0.  , -0.25]])
    """

    position: Any
    move: Any
    tracking: Any
    effort: Any

    def __call__(self, h: Any, z: Any) -> Any:
        """Return rewards (..., S, A) for aggregates (..., S)."""
        xp = z.__array_namespace__()
        position, move = xp.asarray(self.position), xp.asarray(self.move)
        mean = xp.sum(position * z, axis=-1, keepdims=True)
        cost = self.tracking * (position - mean) ** 2
        return -(cost[..., None] + self.effort * move**2) / 2.0

    def lipschitz(self, mass: float) -> float:
        r"""Return L with :math:`|r(z) - r(z')| \le L |z - z'|_1` for z, z' of equal mass.

        With positions in [-m, m], :math:`|\bar z - \bar z'| \le m |z - z'|_1` and the difference of the
        squares is at most :math:`|\bar z - \bar z'|\,(2m + 2m\,\mathrm{mass})`.
        """
        m = float(np.max(np.abs(self.position)))
        return float(self.tracking) * m * m * (1.0 + mass)

    def oscillation(self, mass: float) -> float:
        """Return a bound on max r - min r over states, actions and aggregates of at most the given mass."""
        m = float(np.max(np.abs(self.position)))
        effort = float(self.effort) * float(np.max(np.square(self.move)))
        return (float(self.tracking) * (m * (1.0 + mass)) ** 2 + effort) / 2


def linear_quadratic(
    *,
    graphon: Graphon | None = None,
    blocks: int = 20,
    horizon: int = 10,
    grid: GridKind = "midpoint",
    radius: int = 4,
    reach: int = 1,
    noise: float = 0.2,
    tracking: float = 0.5,
    effort: float = 0.5,
) -> GraphonGame:
    r"""Return the game of agents that move on -m, ..., m and track :math:`\bar z = \sum_s s\, z(s)`.

    .. math:: s' = \mathrm{clip}(s + a + \epsilon, -m, m), \qquad
              r = -\tfrac12 \big[q (s - \bar z)^2 + c\, a^2\big]

    with :math:`\epsilon = \pm 1` with half the probability ``noise`` each and a uniform first position. The
    coupling :math:`q s \bar z` rewards moving together, so for q > 0 the game is not monotone.

    Parameters
    ----------
    graphon : Graphon, optional
        ``uniform_attachment()`` if left out.
    blocks, horizon, grid
        As in :class:`~tightbound.theory.graphon_games.game.GraphonGame`.
    radius : int
        m, at least 1; there are 2m + 1 states.
    reach : int
        Largest step an action takes, at least 1; there are 2 reach + 1 actions, in increasing order.
    noise : float
        Probability of a slip, in [0, 1].
    tracking, effort : float
        q and c, at least 0.

    Returns
    -------
    GraphonGame

    Examples
    --------
    >>> game = linear_quadratic(blocks=5)
    >>> game.states, game.actions
    (9, 3)
    """
    m, k = as_integer("radius", radius, least=1), as_integer("reach", reach, least=1)
    level = as_number("noise", noise, least=0.0, most=1.0)
    position, move = np.arange(-m, m + 1), np.arange(-k, k + 1)
    s, a = np.meshgrid(np.arange(2 * m + 1), np.arange(2 * k + 1), indexing="ij")
    table = np.zeros((2 * m + 1, 2 * k + 1, 2 * m + 1))
    for slip, share in ((-1, level / 2), (0, 1.0 - level), (1, level / 2)):
        target = np.clip(position[:, None] + move + slip, -m, m) + m
        np.add.at(table, (s, a, target), share)
    reward = TrackingReward(
        position.astype(np.float64),
        move.astype(np.float64),
        as_number("tracking", tracking, least=0.0),
        as_number("effort", effort, least=0.0),
    )
    return GraphonGame(
        uniform_attachment() if graphon is None else graphon,
        np.full(2 * m + 1, 1.0 / (2 * m + 1)),
        table,
        reward,
        horizon,
        blocks=blocks,
        grid=grid,
        name="linear_quadratic",
    )

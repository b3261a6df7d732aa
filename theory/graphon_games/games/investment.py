r"""Investment: raise one's quality, which pays less the better the neighbours are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.theory._validation import as_integer
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.graphons import Graphon, GridKind, exponential


@dataclass(frozen=True, eq=False)
class InvestmentReward:
    r"""Return :math:`r(x, a, z) = 0.3\, x / (1 + \bar z) - 2 a` with :math:`\bar z = \sum_x x\, z(x)`.

    Parameters
    ----------
    quality : ndarray, shape (S,)
        Quality x of every state.
    profit, cost : float
        Profit per unit of quality, and cost of investing.

    Examples
    --------
    >>> InvestmentReward(np.arange(2.0))(0, np.array([0.0, 1.0]))
    array([[ 0.  , -2.  ],
           [ 0.15, -1.85]])
    """

    quality: Any
    profit: Any = 0.3
    cost: Any = 2.0

    def __call__(self, h: Any, z: Any) -> Any:
        """Return rewards (..., S, 2) for aggregates (..., S)."""
        xp = z.__array_namespace__()
        quality = xp.asarray(self.quality)
        mean = xp.sum(quality * z, axis=-1, keepdims=True)
        profit = self.profit * quality / (1.0 + mean)
        return xp.stack([profit, profit - self.cost], axis=-1)

    def lipschitz(self, mass: float) -> float:
        r"""Return L with :math:`|r(z) - r(z')| \le L |z - z'|_1` for z, z' of equal mass.

        :math:`|\bar z - \bar z'| \le \frac{x_{\max}}{2} |z - z'|_1`, and :math:`x/(1+\bar z)` has slope at
        most :math:`x_{\max}` there.
        """
        top = float(np.max(self.quality))
        return float(self.profit) * top * top / 2

    def oscillation(self, mass: float) -> float:
        """Return a bound on max r - min r over states, actions and aggregates."""
        return float(self.profit) * float(np.max(self.quality)) + float(self.cost)


def investment(
    *,
    graphon: Graphon | None = None,
    blocks: int = 20,
    horizon: int = 50,
    grid: GridKind = "midpoint",
    levels: int = 10,
    profit: float = 0.3,
    cost: float = 2.0,
) -> GraphonGame:
    r"""Return the investment game: quality 0, ..., 9, actions wait 0 and invest 1.

    .. math:: P(x+1 \mid x, 1) = \frac{9-x}{10}, \qquad P(x \mid x, 1) = \frac{1+x}{10}, \qquad
              P(x \mid x, 0) = 1, \qquad r = \frac{0.3\, x}{1 + \bar z} - 2a, \quad \bar z = \sum_x x\,z(x)

    All start at quality 0. The kernel is free of the mean field, the reward is not.

    Parameters
    ----------
    graphon : Graphon, optional
        ``exponential(3)`` if left out.
    blocks, horizon, grid
        As in :class:`~tightbound.theory.graphon_games.game.GraphonGame`.
    levels : int
        Number of quality levels S, at least 2; 9 and 10 above are S - 1 and S.
    profit, cost : float
        Profit per unit of quality, and cost of investing.

    Returns
    -------
    GraphonGame

    References
    ----------
    Cui and Koeppl, ICLR 2022, whose numbers are the defaults.

    Examples
    --------
    >>> investment(blocks=5).transition_table[0, 0, 1, :2]
    array([0.1, 0.9])
    """
    count = as_integer("levels", levels, least=2)
    x = np.arange(count)
    table = np.zeros((count, 2, count))
    table[x, 0, x] = 1.0
    table[x, 1, x] = (1 + x) / count
    table[x[:-1], 1, x[1:]] = (count - 1 - x[:-1]) / count
    return GraphonGame(
        exponential() if graphon is None else graphon,
        np.eye(count)[0],
        table,
        InvestmentReward(x.astype(np.float64), profit, cost),
        horizon,
        blocks=blocks,
        grid=grid,
        name="investment",
    )

r"""Epidemic: protect or risk infection by neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.theory.graphon_games._validation import as_number
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.graphons import Graphon, GridKind, exponential


@dataclass(frozen=True)
class SISTransition:
    r"""Infection with probability :math:`\rho (1 - a) z(1)`, recovery with a fixed probability.

    Parameters
    ----------
    infection, recovery : float
        Probabilities in [0, 1].

    Examples
    --------
    >>> SISTransition()(0, np.array([0.5, 0.5]))[0]
    array([[0.6, 0.4],
           [1. , 0. ]])
    """

    infection: Any = 0.8
    recovery: Any = 0.2

    def __call__(self, h: Any, z: Any) -> Any:
        """Return kernels (..., 2, 2, 2) for aggregates (..., 2)."""
        xp = z.__array_namespace__()
        p = self.infection * z[..., 1, None, None, None]
        recover = xp.asarray([self.recovery, 1.0 - self.recovery])
        still = xp.stack([xp.asarray([[1.0, 0.0], [1.0, 0.0]]), xp.stack([recover, recover])])
        return still + p * xp.asarray([[[-1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])

    def lipschitz(self, mass: float) -> float:
        r"""Return L with :math:`|P(z) - P(z')|_1 \le L |z - z'|_1` for equal masses: the infection rate.

        Two entries of the row move by :math:`\rho |z(1) - z'(1)| = \rho |z - z'|_1 / 2` each.
        """
        return float(self.infection)


def sis(
    *,
    graphon: Graphon | None = None,
    blocks: int = 20,
    horizon: int = 50,
    grid: GridKind = "midpoint",
    infection: float = 0.8,
    recovery: float = 0.2,
    initial_infected: float = 0.5,
    infection_cost: float = 2.0,
    protection_cost: float = 0.5,
) -> GraphonGame:
    r"""Return the SIS game: states susceptible 0 and infected 1, actions go out 0 and protect 1.

    .. math:: P(1 \mid 0, a, z) = \rho (1-a) z(1), \qquad P(0 \mid 1, a) = \delta, \qquad
              r(s, a) = -2\, s - 0.5\, a

    The kernel depends on the mean field and the reward does not.

    Parameters
    ----------
    graphon : Graphon, optional
        ``exponential(3)`` if left out.
    blocks, horizon, grid
        As in :class:`~tightbound.theory.graphon_games.game.GraphonGame`.
    infection, recovery : float
        :math:`\rho` and :math:`\delta`, in [0, 1].
    initial_infected : float
        Share of infected agents at the start.
    infection_cost, protection_cost : float
        Cost of a step spent infected, and of protecting oneself.

    Returns
    -------
    GraphonGame

    References
    ----------
    Cui and Koeppl, ICLR 2022, whose numbers are the defaults.

    Examples
    --------
    >>> sis(blocks=5).name
    'sis'
    """
    rho = as_number("infection", infection, least=0.0, most=1.0)
    delta = as_number("recovery", recovery, least=0.0, most=1.0)
    share = as_number("initial_infected", initial_infected, least=0.0, most=1.0)
    return GraphonGame(
        exponential() if graphon is None else graphon,
        [1.0 - share, share],
        SISTransition(rho, delta),
        0.0 - infection_cost * np.array([[0.0], [1.0]]) - protection_cost * np.array([[0.0, 1.0]]),
        horizon,
        blocks=blocks,
        grid=grid,
        name="sis",
    )

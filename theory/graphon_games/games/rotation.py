r"""Rotation: a two-step game whose crowd term turns round, monotone or anti-monotone by one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.theory.graphon_games._validation import as_number
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.graphons import Graphon, GridKind, erdos_renyi

_TURN = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])


@dataclass(frozen=True)
class RotationReward:
    r"""Return :math:`r_1 = 0` and :math:`r_2(s, a, z) = [(R + \epsilon I) z](s)`, R cyclic and skew.

    Parameters
    ----------
    eps : float

    Examples
    --------
    >>> RotationReward(0.5)(1, np.array([1.0, 0.0, 0.0]))[:, 0]
    array([ 0.5, -1. ,  1. ])
    """

    eps: Any

    def __call__(self, h: Any, z: Any) -> Any:
        """Return rewards (..., 3, 3) for aggregates (..., 3)."""
        xp = z.__array_namespace__()
        second = xp.asarray((0.0, 1.0))[h]
        value = second * (z @ xp.asarray(_TURN.T) + self.eps * z)
        return xp.broadcast_to(value[..., None], (*z.shape, 3))

    def lipschitz(self, mass: float) -> float:
        r"""Return L with :math:`|r(z) - r(z')| \le L |z - z'|_1` for equal masses: half a row's range."""
        return float(max(self.eps, 1.0) - min(self.eps, -1.0)) / 2

    def oscillation(self, mass: float) -> float:
        """Return a bound on max r - min r over states and aggregates of at most the given mass.

        A difference of two rows of R + eps I has entries in [-2 - |eps|, 2 + |eps|].
        """
        return mass * (2.0 + abs(float(self.eps)))


def rotation(
    eps: float = 0.0,
    *,
    graphon: Graphon | None = None,
    blocks: int = 4,
    grid: GridKind = "midpoint",
) -> GraphonGame:
    r"""Return the rotation game: H = 2, three states, the action is the next state.

    .. math:: r_1 = 0, \qquad r_2(s, a, z) = \sum_{s'} (R + \epsilon I)_{s s'}\, z(s'), \qquad
              R = \begin{pmatrix} 0 & 1 & -1 \\ -1 & 0 & 1 \\ 1 & -1 & 0 \end{pmatrix}

    The uniform policy is an equilibrium for every entropy weight and every regular graphon: the aggregate is
    then uniform, R maps it to 0 and all actions are worth the same. With W = 1 the monotonicity functional
    of two policies is :math:`\Delta^\top (R + \epsilon I) \Delta = \epsilon |\Delta|_2^2`, where
    :math:`\Delta` is the difference of their mean second flows: monotone for :math:`\epsilon \le 0`,
    anti-monotone for :math:`\epsilon > 0`.

    Parameters
    ----------
    eps : float
    graphon : Graphon, optional
        ``erdos_renyi(1)`` if left out.
    blocks, grid
        As in :class:`~tightbound.theory.graphon_games.game.GraphonGame`.

    Returns
    -------
    GraphonGame

    Examples
    --------
    >>> rotation(0.1).horizon
    2
    """
    return GraphonGame(
        erdos_renyi(1.0) if graphon is None else graphon,
        np.full(3, 1.0 / 3.0),
        np.tile(np.eye(3), (3, 1, 1)),
        RotationReward(as_number("eps", eps)),
        2,
        blocks=blocks,
        grid=grid,
        name="rotation",
    )

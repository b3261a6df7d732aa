r"""Cyber security: defend one's computer against viruses that infected neighbours pass on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.graphons import Graphon, GridKind, exponential

_SWITCH = 0.3


@dataclass(frozen=True)
class CyberTransition:
    r"""Defence switches when the action asks for it; infection spreads by attack and by neighbours.

    Parameters
    ----------
    attack : float
        Intensity v of attacks from outside.
    attack_defended, attack_undefended : float
        Probability w that an attack succeeds.
    from_defended, from_undefended : tuple of float
        (b1, b2) of a defended and of an undefended computer: infection by neighbours that are infected and
        defended, infected and undefended.
    recovery_defended, recovery_undefended : float

    Examples
    --------
    >>> kernel = CyberTransition()(0, np.array([0.0, 0.5, 0.0, 0.5]))
    >>> kernel[1, 0].round(4), kernel[2, 1].round(4)
    (array([0.005, 0.995, 0.   , 0.   ]), array([0.24, 0.06, 0.56, 0.14]))
    """

    attack: Any = 0.1
    attack_defended: Any = 0.05
    attack_undefended: Any = 0.1
    from_defended: tuple[Any, Any] = (0.1, 0.2)
    from_undefended: tuple[Any, Any] = (0.7, 0.8)
    recovery_defended: Any = 0.3
    recovery_undefended: Any = 0.2

    def __call__(self, h: Any, z: Any) -> Any:
        """Return kernels (..., 4, 2, 4) for aggregates (..., 4) in the order DI, DS, UI, US."""
        xp = z.__array_namespace__()
        clipped = xp.clip(z, 0.0, 1.0)
        one = xp.ones_like(z[..., 0])
        rows = []
        for w, (b1, b2), recovery in (
            (self.attack_defended, self.from_defended, self.recovery_defended),
            (self.attack_undefended, self.from_undefended, self.recovery_undefended),
        ):
            safe = (1.0 - self.attack * w) * (1.0 - b1 * clipped[..., 0]) * (1.0 - b2 * clipped[..., 2])
            rows += [(1.0 - recovery) * one, recovery * one, 1.0 - safe, safe]
        shape = z.shape[:-1]
        health = xp.reshape(xp.stack(rows, axis=-1), (*shape, 2, 2, 1, 1, 2))
        switch = np.array([[[1.0, 0.0], [1.0 - _SWITCH, _SWITCH]], [[0.0, 1.0], [_SWITCH, 1.0 - _SWITCH]]])
        return xp.reshape(health * xp.asarray(switch[:, None, :, :, None]), (*shape, 4, 2, 4))

    def lipschitz(self, mass: float) -> float:
        r"""Return L with :math:`|P(z) - P(z')|_1 \le L |z - z'|_1` for z, z' of equal mass: the largest b.

        The probability of infection has slopes at most :math:`b_1, b_2 \le b` in two entries of z, so it
        moves by at most b times the larger of the two one-signed parts of :math:`z - z'`, each
        :math:`|z - z'|_1 / 2`; the row moves by twice that. Clipping moves nothing further apart.
        """
        return float(max(*self.from_defended, *self.from_undefended))


def cyber(
    *,
    graphon: Graphon | None = None,
    blocks: int = 20,
    horizon: int = 50,
    grid: GridKind = "midpoint",
) -> GraphonGame:
    r"""Return the cyber security game: states DI, DS, UI, US (defended or not, infected or susceptible).

    Action 1 asks to change D or U, which succeeds with probability 0.3. Independently an infected computer
    recovers (0.3 defended, 0.2 not) and a susceptible one is infected with probability

    .. math:: 1 - (1 - v w)\,(1 - b_1 z(DI))\,(1 - b_2 z(UI))

    with v = 0.1 and (w, b1, b2) = (0.05, 0.1, 0.2) defended, (0.1, 0.7, 0.8) not; z is clipped at 1. The
    reward is -0.7 where defended and -2 where infected; the first state is uniform.

    Parameters
    ----------
    graphon : Graphon, optional
        ``exponential(3)`` if left out.
    blocks, horizon, grid
        As in :class:`~tightbound.theory.graphon_games.game.GraphonGame`.

    Returns
    -------
    GraphonGame

    References
    ----------
    Kolokoltsov and Bensoussan, Applied Mathematics and Optimization 2016; on graphons: Fabian, Cui and
    Koeppl, AISTATS 2023.

    Examples
    --------
    >>> cyber(blocks=5).reward_table[0, :, 0]
    array([-2.7, -0.7, -2. ,  0. ])
    """
    cost = np.array([0.7 + 2.0, 0.7, 2.0, 0.0])
    return GraphonGame(
        exponential() if graphon is None else graphon,
        np.full(4, 0.25),
        CyberTransition(),
        np.repeat(0.0 - cost[:, None], 2, axis=1),
        horizon,
        blocks=blocks,
        grid=grid,
        name="cyber",
    )

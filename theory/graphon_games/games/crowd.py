r"""Rewards with a linear crowd term, shared by several games."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class CrowdReward:
    r"""Return :math:`r_h(s, a, z) = r^0_h(s, a) + c\, z(s)`.

    Parameters
    ----------
    table : ndarray, shape (1, S, A) or (H, S, A)
        The part without the crowd, :math:`r^0`.
    coupling : float
        c: negative for agents that avoid the crowd, positive for those that seek it.

    Notes
    -----
    With a kernel free of the mean field and a positive semidefinite graphon the game is weakly monotone
    exactly for :math:`c \le 0` (unless nothing is reachable): the monotonicity functional is :math:`c \sum_h
    \sum_s \iint \Delta_h^\alpha(s) W(\alpha, \beta) \Delta_h^\beta(s)\, d\alpha\, d\beta` with
    :math:`\Delta` the difference of two flows.

    Examples
    --------
    >>> CrowdReward(np.zeros((1, 2, 1)), -3.0)(0, np.array([0.25, 0.5]))
    array([[-0.75],
           [-1.5 ]])
    """

    table: Any
    coupling: float

    def __call__(self, h: Any, z: Any) -> Any:
        """Return rewards (..., S, A) for aggregates (..., S)."""
        xp = z.__array_namespace__()
        return xp.asarray(self.table)[h if len(self.table) > 1 else 0] + self.coupling * z[..., None]

    def lipschitz(self, mass: float) -> float:
        r"""Return L with :math:`|r(z) - r(z')| \le L |z - z'|_1` for z, z' of equal mass: :math:`|c|/2`.

        The entries of :math:`z - z'` sum to 0, so none exceeds half the total of their absolute values.
        """
        return abs(self.coupling) / 2

    def oscillation(self, mass: float) -> float:
        """Return a bound on max r - min r over states, actions and aggregates of at most the given mass."""
        return float(np.ptp(np.asarray(self.table), axis=(1, 2)).max()) + abs(self.coupling) * mass

r"""Random games with a linear crowd term and, if asked for, a kernel that follows the crowd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.theory._validation import as_integer
from tightbound.theory.graphon_games._validation import as_number
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.games.crowd import CrowdReward
from tightbound.theory.graphon_games.graphons import Graphon, GridKind, uniform_attachment


@dataclass(frozen=True, eq=False)
class HerdTransition:
    r"""Return :math:`P_h(s' \mid s, a, z) = (1 - \kappa |z|)\, P^0_h(s' \mid s, a) + \kappa\, z(s')`.

    With probability :math:`\kappa |z|`, where :math:`|z| = \sum_s z(s)`, an agent lands where the crowd is.

    Parameters
    ----------
    table : ndarray, shape (1, S, A, S) or (H, S, A, S)
        The kernel without the crowd, :math:`P^0`.
    mix : float
        :math:`\kappa`.

    Examples
    --------
    >>> HerdTransition(np.full((1, 2, 1, 2), 0.5), 0.5)(0, np.array([0.0, 1.0]))[0, 0]
    array([0.25, 0.75])
    """

    table: Any
    mix: Any

    def __call__(self, h: Any, z: Any) -> Any:
        """Return kernels (..., S, A, S) for aggregates (..., S)."""
        xp = z.__array_namespace__()
        fixed = xp.asarray(self.table)[h if len(self.table) > 1 else 0]
        mass = xp.sum(z, axis=-1)[..., None, None, None]
        return (1.0 - self.mix * mass) * fixed + self.mix * z[..., None, None, :]

    def lipschitz(self, mass: float) -> float:
        r"""Return L with :math:`|P(z) - P(z')|_1 \le L |z - z'|_1` for equal masses: :math:`\kappa`."""
        return float(self.mix)


@dataclass(frozen=True, eq=False)
class RootReward:
    r"""Return :math:`r_h(s, a, z) = r^0_h(s, a) + c \sqrt{|z(s) - k|}`: continuous, not Lipschitz at k.

    Parameters
    ----------
    table : ndarray, shape (1, S, A) or (H, S, A)
    coupling, level : float
        c and k.

    Examples
    --------
    >>> RootReward(np.zeros((1, 2, 1)), 1.0, 0.25)(0, np.array([0.25, 0.5]))
    array([[0. ],
           [0.5]])
    """

    table: Any
    coupling: Any
    level: Any

    def __call__(self, h: Any, z: Any) -> Any:
        """Return rewards (..., S, A) for aggregates (..., S)."""
        xp = z.__array_namespace__()
        root = xp.sqrt(xp.abs(z - self.level))
        return xp.asarray(self.table)[h if len(self.table) > 1 else 0] + self.coupling * root[..., None]


def random_linear(
    *,
    rng: int | np.random.Generator | None = None,
    graphon: Graphon | None = None,
    blocks: int = 10,
    horizon: int = 4,
    grid: GridKind = "midpoint",
    states: int = 4,
    actions: int = 3,
    coupling: float = -1.0,
    mix: float = 0.0,
    root_level: float | None = None,
) -> GraphonGame:
    r"""Return a random game, :math:`r_h = r^0_h(s,a) + c\, z(s)`.

    Kernels :math:`P^0_h(\cdot \mid s, a)` and the first law are uniform on the simplex, the entries of
    :math:`r^0_h` uniform on [0, 1], all independent.

    Parameters
    ----------
    rng : int, Generator or None
    graphon : Graphon, optional
        ``uniform_attachment()`` if left out.
    blocks, horizon, grid
        As in :class:`~tightbound.theory.graphon_games.game.GraphonGame`.
    states, actions : int
        S at least 2, A at least 1.
    coupling : float
        c: with ``mix = 0`` and a positive semidefinite graphon :math:`c \le 0` makes the game weakly
        monotone, c > 0 rewards the crowd.
    mix : float
        :math:`\kappa` in [0, 1] of :class:`HerdTransition`; at 0 the kernel is an array, free of the mean
        field.
    root_level : float or None
        If given, the crowd term is :math:`c \sqrt{|z(s) - k|}` with this k.

    Returns
    -------
    GraphonGame

    Raises
    ------
    ValueError
        Also where ``mix`` times the degree of a block exceeds 1 and the mixture is no kernel.

    Examples
    --------
    >>> game = random_linear(rng=0, blocks=5)
    >>> game.mean_field_free, random_linear(rng=0, blocks=5, mix=0.5).mean_field_free
    (True, False)
    """
    generator = np.random.default_rng(rng)
    s, a = as_integer("states", states, least=2), as_integer("actions", actions, least=1)
    steps = as_integer("horizon", horizon, least=1)
    share = as_number("mix", mix, least=0.0, most=1.0)
    weight = as_number("coupling", coupling)
    initial = generator.dirichlet(np.ones(s))
    kernel = generator.dirichlet(np.ones(s), size=(steps, s, a))
    table = generator.random((steps, s, a))
    root = None if root_level is None else RootReward(table, weight, as_number("root_level", root_level))
    return GraphonGame(
        uniform_attachment() if graphon is None else graphon,
        initial,
        HerdTransition(kernel, share) if share > 0.0 else kernel,
        CrowdReward(table, weight) if root is None else root,
        steps,
        blocks=blocks,
        grid=grid,
        name="random_linear" if root is None else "random_root",
    )

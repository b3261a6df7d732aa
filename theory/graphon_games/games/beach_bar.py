r"""Beach bar: walk along the beach towards the bar and away from the crowd."""

from __future__ import annotations

import numpy as np

from tightbound.theory._validation import as_integer
from tightbound.theory.graphon_games._validation import as_number
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.games.crowd import CrowdReward
from tightbound.theory.graphon_games.graphons import Graphon, GridKind, exponential


def beach_bar(
    *,
    graphon: Graphon | None = None,
    blocks: int = 20,
    horizon: int = 50,
    grid: GridKind = "midpoint",
    places: int = 10,
    noise: float = 0.1,
    crowd: float = 3.0,
) -> GraphonGame:
    r"""Return the beach bar game on a ring of 10 places with the bar at place 5.

    .. math:: s' = s + a + \epsilon \bmod 10, \qquad
              r = -\frac{|s-5|}{5} - \frac{1\{a \ne 0\}}{5} - 3 z(s)

    with actions a = -1, 0, 1 (in this order) and :math:`\epsilon = \pm 1` with probability 0.05 each. Moves
    wrap around, the distance to the bar does not. The first place is uniform; the kernel is free of the mean
    field.

    Parameters
    ----------
    graphon : Graphon, optional
        ``exponential(3)`` if left out; it is indefinite, so the game is then not weakly monotone.
    blocks, horizon, grid
        As in :class:`~tightbound.theory.graphon_games.game.GraphonGame`.
    places : int
        Number of places S, even and at least 4; the bar is at S/2 and distances are divided by it.
    noise : float
        Probability that the move is perturbed, in [0, 1].
    crowd : float
        Weight of the crowd, at least 0.

    Returns
    -------
    GraphonGame

    References
    ----------
    Perrin et al., NeurIPS 2020; on graphons: Fabian, Cui and Koeppl, AISTATS 2023.

    Examples
    --------
    >>> beach_bar(blocks=5).transition_table[0, 0, 2, :3]
    array([0.05, 0.9 , 0.05])
    """
    count = as_integer("places", places, least=4)
    if count % 2:
        raise ValueError(f"places is {count}: give an even number, so that the bar is half-way round")
    level = as_number("noise", noise, least=0.0, most=1.0)
    weight = as_number("crowd", crowd, least=0.0)
    s = np.arange(count)
    table = np.zeros((count, 3, count))
    for index, move in enumerate((-1, 0, 1)):
        for slip, share in ((-1, level / 2), (0, 1.0 - level), (1, level / 2)):
            table[s, index, (s + move + slip) % count] += share
    distance = np.abs(s - count // 2) / (count // 2)
    fixed = -distance[:, None] - np.array([0.2, 0.0, 0.2])
    return GraphonGame(
        exponential() if graphon is None else graphon,
        np.full(count, 1.0 / count),
        table,
        CrowdReward(fixed[None], -weight),
        horizon,
        blocks=blocks,
        grid=grid,
        name="beach_bar",
    )

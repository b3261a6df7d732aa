"""From trajectories to a graphon, and from a graphon to a game that can be solved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.graphon_games.agents import Trajectories
from tightbound.simulators.graphon_games.crowd_counts import CrowdCounts
from tightbound.simulators.graphon_games.estimation.hidden_positions import search_positions, sort_positions
from tightbound.simulators.graphon_games.estimation.parametric import Family
from tightbound.simulators.graphon_games.estimation.pressure import Channel
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.graphons import Graphon

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GraphonEstimate:
    r"""An estimated graphon and the game it stands for.

    Attributes
    ----------
    graphon : Graphon
    scale : float
        Factor :math:`\rho`; only :math:`\rho W` is identifiable.
    parameters : dict of float
    positions : ndarray, shape (N,)
        Known positions, or those handed out to the agents.
    interaction : ndarray, shape (N, N)
        :math:`\rho W` among the agents, free of labels.
    risk : float
        Mean squared error of the readings.
    channel : Channel
    trajectories : Trajectories or CrowdCounts
    """

    graphon: Graphon
    scale: float
    parameters: dict[str, float]
    positions: Floats
    interaction: Floats
    risk: float
    channel: Channel
    trajectories: Trajectories | CrowdCounts

    def error(self, interaction: ArrayLike) -> float:
        r"""Return :math:`\big(\frac{1}{N^2} \sum_{ij} (\hat K_{ij} - K_{ij})^2\big)^{1/2}` among the agents.

        Parameters
        ----------
        interaction : array_like, shape (N, N)
            The true :math:`K = \rho W(x_i, x_j)`, agents in the order of the trajectories.

        Returns
        -------
        float
            An upper bound on the error after the best relabelling, since agents stand for themselves.
        """
        truth = np.asarray(interaction, dtype=np.float64)
        if truth.shape != self.interaction.shape:
            raise ValueError(f"interaction has shape {truth.shape}: give {self.interaction.shape}")
        return float(np.sqrt(np.mean((self.interaction - truth) ** 2)))

    def game(self, *, blocks: int, horizon: int) -> GraphonGame:
        """Return the game with the estimate plugged in.

        Parameters
        ----------
        blocks, horizon : int

        Returns
        -------
        GraphonGame
        """
        return self.channel.game(self.graphon, self.scale, self.trajectories, blocks=blocks, horizon=horizon)


def estimate_graphon(
    trajectories: Trajectories | CrowdCounts,
    family: Family,
    channel: Channel,
    *,
    positions: Literal["known", "hidden"] = "known",
    search: Literal["sort", "exact"] = "sort",
) -> GraphonEstimate:
    r"""Estimate the graphon of a game from what its agents did and earned.

    Least squares of the readings over :math:`\rho W(x_{\sigma(i)}, x_{\sigma(j)})`, W in the family; with
    hidden positions also over :math:`\sigma`, the x being the midpoints (i - 1/2)/N.

    Parameters
    ----------
    trajectories : Trajectories or CrowdCounts
        Where agents play each other the crowd is that of the episode, weighted by W (on sampled graphs W
        stands for the unseen edges); agents in an endless crowd see its mean over the episodes.
    family : Family
        ``ExponentialFamily()`` or ``StochasticBlockFamily()``.
    channel : Channel
        ``InfectionChannel()`` or ``InvestmentChannel()``.
    positions : {"known", "hidden"}
        Hidden: those in the trajectories are not looked at.
    search : {"sort", "exact"}
        How hidden positions are found, see :func:`sort_positions` and :func:`search_positions`.

    Returns
    -------
    GraphonEstimate

    Raises
    ------
    ValueError
        For an unknown option, or data without a reading of some agent.

    References
    ----------
    Zhang, Tan, Wang, Yang, JMLR 25 (2024), arXiv:2310.17531, estimate graphons from agents whose positions
    are known or not, by regression on kernel embeddings; this is a parametric counterpart.

    Examples
    --------
    >>> from tightbound.simulators.graphon_games.agents import simulate_representatives
    >>> from tightbound.simulators.graphon_games.estimation import ExponentialFamily, InfectionChannel
    >>> from tightbound.theory.graphon_games import sis
    >>> game = sis(blocks=10, horizon=10)
    >>> runs = simulate_representatives(game, game.uniform_policy(), game.positions, 2000, rng=0)
    >>> found = estimate_graphon(runs, ExponentialFamily(), InfectionChannel(), positions="hidden")
    >>> found.error(0.8 * game.graphon.matrix(game.positions)) < 0.05
    True
    """
    if positions not in ("known", "hidden"):
        raise ValueError(f"positions is {positions!r}: choose 'known' or 'hidden'")
    if search not in ("sort", "exact"):
        raise ValueError(f"search is {search!r}: choose 'sort' or 'exact'")
    data = channel.read(trajectories)
    if positions == "known":
        given = trajectories.positions
        fit = family.fit(data, given, channel.scale)
    else:
        slots = (np.arange(data.agents) + 0.5) / data.agents
        find = sort_positions if search == "sort" else search_positions
        found = find(data, family, slots, channel.scale)
        fit, given = found.fit, found.positions
    return GraphonEstimate(
        fit.graphon, fit.scale, fit.parameters, given, fit.interaction, fit.risk, channel, trajectories
    )

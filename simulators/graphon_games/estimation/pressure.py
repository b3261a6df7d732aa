r"""What agents' moves and rewards say about the graphon: noisy readings of a linear functional of it.

Through its aggregate an agent feels one number, the pressure :math:`\frac1N \sum_j \rho W(x_i, x_j) f_j` of a
feature f of the others: their infection, or their quality. Only the product :math:`\rho W` is identifiable,
and the risk of a candidate K for it is quadratic in K.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.graphon_games.agents import Trajectories, agent_laws, agent_policy, felt_by
from tightbound.simulators.graphon_games.crowd_counts import CrowdCounts, tally
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.games.investment import InvestmentReward, investment
from tightbound.theory.graphon_games.games.sis import SISTransition, sis
from tightbound.theory.graphon_games.graphons import Graphon

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PressureData:
    r"""Sufficient statistics of readings y of the pressure under least squares.

    .. math:: R(K) = \frac{1}{n}\sum_{i,t} w_{it} \Big(y_{it} - \frac1N \sum_j K_{ij} f_{jt}\Big)^2

    Attributes
    ----------
    gram : ndarray, shape (N, N, N)
        :math:`\sum_t w_{it} f_{jt} f_{kt} / N^2`, first axis i.
    moment : ndarray, shape (N, N)
        :math:`\sum_t w_{it} y_{it} f_{jt} / N`.
    energy, count : float
        :math:`\sum w y^2` and :math:`n = \sum w`.
    relative : ndarray, shape (N,)
        :math:`\sum_t w_{it} y_{it} / \sum_t w_{it} \bar y_t` with :math:`\bar y_t` the mean over agents: how
        much pressure an agent is under, compared with the crowd at the same times.
    """

    gram: Floats
    moment: Floats
    energy: float
    count: float
    relative: Floats

    @classmethod
    def from_readings(cls, feature: ArrayLike, response: ArrayLike, weights: ArrayLike) -> PressureData:
        """Reduce readings to their sufficient statistics.

        Parameters
        ----------
        feature, response, weights : array_like, shape (N, T)
            f, y and w; w is 0 where there is no reading, whatever y is there (but not NaN).

        Returns
        -------
        PressureData

        Raises
        ------
        ValueError
            For N < 2, shapes that differ, NaN, negative weights, or an agent without any reading.

        Examples
        --------
        >>> data = PressureData.from_readings(np.eye(2), [[0.4, 0.1], [0.1, 0.2]], np.ones((2, 2)))
        >>> data.fit([[0.8, 0.2], [0.2, 0.4]])
        (1.0, 0.0)
        """
        f, y, w = (np.asarray(array, dtype=np.float64) for array in (feature, response, weights))
        if f.ndim != 2 or len(f) < 2 or f.shape != y.shape or f.shape != w.shape:
            raise ValueError(
                f"feature, response and weights have shapes {f.shape}, {y.shape} and {w.shape}: give (N, T) "
                "for all three, N at least 2"
            )
        if not (np.all(np.isfinite(f)) and np.all(np.isfinite(y)) and np.all(np.isfinite(w))):
            raise ValueError("feature, response or weights is NaN or infinite: set weight and response to 0")
        if w.min() < 0.0:
            raise ValueError(f"weights has the entry {w.min():g}: they count readings; give at least 0")
        silent = np.flatnonzero(w.sum(axis=1) == 0.0)
        if silent.size:
            raise ValueError(
                f"weights is 0 for agents {silent.tolist()}: they never gave a reading; raise the number of "
                "episodes or take a policy that explores"
            )
        agents = len(f)
        gram = np.stack([(f * row) @ f.T for row in w]) / agents**2
        total = w.sum(axis=0)
        crowd = (w * y).sum(axis=0) / np.where(total > 0.0, total, 1.0)
        expected = w @ crowd
        relative = np.divide((w * y).sum(axis=1), expected, out=np.ones(agents), where=expected != 0.0)
        return cls(gram, (w * y) @ f.T / agents, float((w * y * y).sum()), float(w.sum()), relative)

    @property
    def agents(self) -> int:
        """Number of agents N."""
        return len(self.gram)

    def terms(self, matrices: ArrayLike) -> tuple[Floats, Floats]:
        """Return the quadratic and the linear term of matrices (..., N, N), each of shape (...)."""
        k = np.asarray(matrices, dtype=np.float64)
        if k.shape[-2:] != self.moment.shape:
            raise ValueError(f"matrices has shape {k.shape}: give (..., {self.agents}, {self.agents})")
        if not np.all(np.isfinite(k)):
            raise ValueError("matrices has entries that are NaN or infinite: evaluate the graphon elsewhere")
        quadratic = ((k[..., None, :] @ self.gram)[..., 0, :] * k).sum(axis=(-2, -1))
        return np.asarray(quadratic), np.asarray((k * self.moment).sum(axis=(-2, -1)))

    def risk(self, matrix: ArrayLike) -> float:
        """Return the mean squared error of the readings under the interaction matrix K = rho W."""
        quadratic, linear = self.terms(matrix)
        return max(float(self.energy - 2.0 * linear + quadratic) / self.count, 0.0)

    def fit(self, matrix: ArrayLike, scale: float | None = None) -> tuple[float, float]:
        r"""Return the best factor :math:`\rho \in [0, 1]` of W, and the risk of :math:`\rho W`.

        Parameters
        ----------
        matrix : array_like, shape (N, N)
        scale : float, optional
            Where the factor is known.

        Returns
        -------
        scale, risk : float
        """
        quadratic, linear = (float(term) for term in self.terms(matrix))
        best = linear / quadratic if quadratic > 0.0 else 0.0
        rho = min(max(best, 0.0), 1.0) if scale is None else float(scale)
        return rho, max((self.energy - 2.0 * rho * linear + rho**2 * quadratic) / self.count, 0.0)


class Channel(Protocol):
    """How a game lets its graphon be seen."""

    @property
    def scale(self) -> float | None:
        """The factor of the graphon where it is known."""
        ...

    def read(self, trajectories: Trajectories | CrowdCounts) -> PressureData:
        """Return the readings of the pressure."""
        ...

    def expected(self, game: GraphonGame, policy: ArrayLike, positions: ArrayLike) -> PressureData:
        """Return what endlessly many episodes of single agents in an endless crowd say."""
        ...

    def game(
        self,
        graphon: Graphon,
        scale: float,
        trajectories: Trajectories | CrowdCounts,
        *,
        blocks: int,
        horizon: int,
    ) -> GraphonGame:
        """Return the game with an estimated graphon."""
        ...


@dataclass(frozen=True)
class InfectionChannel:
    r"""SIS: an unprotected susceptible agent is infected with probability :math:`\rho z(1)`.

    Readings are the infections; the feature is being infected. Rewards say nothing: they ignore z.

    Examples
    --------
    >>> InfectionChannel()
    InfectionChannel()
    """

    @property
    def scale(self) -> float | None:
        """None: the infection rate is unknown."""
        return None

    def read(self, trajectories: Trajectories | CrowdCounts) -> PressureData:
        """Return the infections of unprotected susceptible agents."""
        if isinstance(trajectories, Trajectories) and not trajectories.continuum:
            exposed = (trajectories.states == 0) & (trajectories.actions == 0)
            following, ill = trajectories.states[:, :, 1:] == 1, trajectories.states == 1
            return _flatten(ill[:, :, :-1], following, exposed[:, :, :-1])
        counts = _counts(trajectories)
        weight, infected = counts.pairs[:, :-1, 0, 0], counts.moves[:, :, 0, 0, 1]
        response = np.divide(infected, weight, out=np.zeros_like(weight), where=weight > 0.0)
        return PressureData.from_readings(counts.laws[:, :-1, 1], response, weight)

    def recovery(self, trajectories: Trajectories | CrowdCounts) -> float:
        """Return the share of infected steps that end in recovery; 0 if nobody was infected."""
        if isinstance(trajectories, CrowdCounts):
            ill = trajectories.moves[:, :, 1].sum(axis=(0, 1, 2))
            return float(ill[0] / ill.sum()) if ill.sum() > 0.0 else 0.0
        infected = trajectories.states[:, :, :-1] == 1
        return float((trajectories.states[:, :, 1:] == 0)[infected].mean()) if infected.any() else 0.0

    def expected(self, game: GraphonGame, policy: ArrayLike, positions: ArrayLike) -> PressureData:
        """Return the exact pressures at the positions, weighted by the chance of being exposed."""
        points = np.asarray(positions, dtype=np.float64)
        laws, z = agent_laws(game, policy, points), felt_by(game, policy, points)
        exposed = laws[:, :, 0] * agent_policy(game, policy, points)[0][:, :, 0, 0]
        if not isinstance(game.transition, SISTransition):
            raise ValueError(
                f"game is {game.name}: infections are read in the game sis; take another channel"
            )
        infected = game.transition.infection * z[:, :, 1]
        return PressureData.from_readings(laws[:, :-1, 1], infected[:, :-1], exposed[:, :-1])

    def game(
        self,
        graphon: Graphon,
        scale: float,
        trajectories: Trajectories | CrowdCounts,
        *,
        blocks: int,
        horizon: int,
    ) -> GraphonGame:
        """Return SIS with the estimated graphon, infection and recovery."""
        return sis(
            graphon=graphon,
            infection=scale,
            recovery=self.recovery(trajectories),
            blocks=blocks,
            horizon=horizon,
        )


@dataclass(frozen=True)
class InvestmentChannel:
    r"""Investment: a reward :math:`r = 0.3 x / (1 + \bar z) - 2a` at quality x > 0 reveals :math:`\bar z`.

    Rewards carry no noise, so a reading is exact; what is noisy is the estimated crowd. The kernel, free of
    the mean field, is taken as known.

    Parameters
    ----------
    profit, cost : float
        Known numbers of the reward.

    Examples
    --------
    >>> InvestmentChannel(profit=0.4)
    InvestmentChannel(profit=0.4, cost=2.0)
    """

    profit: float = 0.3
    cost: float = 2.0

    @property
    def scale(self) -> float | None:
        """1: rewards show the aggregate itself."""
        return 1.0

    def read(self, trajectories: Trajectories | CrowdCounts) -> PressureData:
        """Return the mean qualities of neighbours that the rewards reveal."""
        if isinstance(trajectories, Trajectories) and not trajectories.continuum:
            x = trajectories.states.astype(np.float64)
            mean, seen = self._mean_quality(x, trajectories.actions, trajectories.rewards)
            return _flatten(x, mean, seen)
        counts = _counts(trajectories)
        quality, action = np.arange(counts.pairs.shape[2])[:, None], np.arange(counts.pairs.shape[3])
        mean, seen = self._mean_quality(
            np.broadcast_to(quality, counts.pairs.shape),
            action,
            np.where(counts.pairs > 0.0, counts.rewards, -np.inf),
        )
        weights = counts.pairs * seen
        total = weights.sum(axis=(2, 3))
        sums = (weights * mean).sum(axis=(2, 3))
        response = np.divide(sums, total, out=np.zeros_like(total), where=total > 0.0)
        return PressureData.from_readings(counts.laws @ quality[:, 0], response, total)

    def _mean_quality(self, x: ArrayLike, action: ArrayLike, reward: ArrayLike) -> tuple[Floats, Floats]:
        """Return the mean quality that rewards reveal, and where they do."""
        earned = np.asarray(reward) + self.cost * np.asarray(action)
        gross = self.profit * np.asarray(x, dtype=np.float64)
        seen = (gross > 0.0) & (earned > 0.0)
        return np.divide(gross, earned, out=np.ones_like(gross), where=seen) - 1.0, seen.astype(np.float64)

    def expected(self, game: GraphonGame, policy: ArrayLike, positions: ArrayLike) -> PressureData:
        """Return the exact pressures at the positions, weighted by the chance of quality above 0."""
        if not isinstance(game.reward, InvestmentReward):
            raise ValueError(f"game is {game.name}: qualities are read in investment; take another channel")
        points = np.asarray(positions, dtype=np.float64)
        laws, z = agent_laws(game, policy, points), felt_by(game, policy, points)
        quality = np.arange(game.states, dtype=np.float64)
        return PressureData.from_readings(laws @ quality, z @ quality, 1.0 - laws[:, :, 0])

    def game(
        self,
        graphon: Graphon,
        scale: float,
        trajectories: Trajectories | CrowdCounts,
        *,
        blocks: int,
        horizon: int,
    ) -> GraphonGame:
        """Return investment with the estimated graphon."""
        return investment(graphon=graphon, profit=self.profit, cost=self.cost, blocks=blocks, horizon=horizon)


def _flatten(feature: ArrayLike, response: ArrayLike, seen: ArrayLike) -> PressureData:
    """Return the statistics of arrays (E, N, T) where every episode has its own crowd."""
    f, y, w = (np.asarray(array, dtype=np.float64) for array in (feature, response, seen))
    flat = (np.swapaxes(array, 0, 1).reshape(array.shape[1], -1) for array in (f, y * w, w))
    return PressureData.from_readings(*flat)


def _counts(trajectories: Trajectories | CrowdCounts) -> CrowdCounts:
    """Return the counts of episodes in an endless crowd."""
    if isinstance(trajectories, CrowdCounts):
        return trajectories
    return tally(
        trajectories, max(2, int(trajectories.states.max()) + 1), max(2, int(trajectories.actions.max()) + 1)
    )

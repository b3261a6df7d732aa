r"""Nonparametric estimation: kernel and reward as unknown functions of the aggregate, one per (s, a).

For a candidate graphon the aggregates of the agents are known; next states and rewards are regressed on them
by Gaussian-kernel ridge regression, and the candidate is judged by how well that predicts other episodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.graphon_games.agents import Trajectories
from tightbound.theory.graphon_games.graphons import Graphon

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Summary:
    """Episodes in an endless crowd, reduced to means per agent, step, state and action.

    Attributes
    ----------
    crowd : ndarray, shape (N, T, S)
        Empirical state laws; T = H - 1 steps that have a successor.
    counts : ndarray, shape (N, T, S, A)
    targets : ndarray, shape (N, T, S, A, S + 1)
        Mean indicators of the next state, then the mean reward; 0 where the count is.
    """

    crowd: Floats
    counts: Floats
    targets: Floats


def summarise(trajectories: Trajectories, states: int, actions: int) -> Summary:
    """Return the summary of episodes in an endless crowd.

    Parameters
    ----------
    trajectories : Trajectories
        From ``simulate_representatives``.
    states, actions : int
        S and A.

    Returns
    -------
    Summary

    Raises
    ------
    ValueError
        For agents who play each other, whose crowd differs by episode, or a horizon below 2.

    Examples
    --------
    >>> from tightbound.simulators.graphon_games.agents import simulate_representatives
    >>> from tightbound.theory.graphon_games import sis
    >>> game = sis(blocks=4, horizon=3)
    >>> runs = simulate_representatives(game, game.uniform_policy(), [0.2, 0.8], 50, rng=0)
    >>> summarise(runs, 2, 2).counts.sum()
    np.float64(200.0)
    """
    if not trajectories.continuum:
        raise ValueError(
            "trajectories are of agents who play each other: their crowd differs by episode and cannot be "
            "averaged; use simulate_representatives"
        )
    if trajectories.states.shape[2] < 2:
        raise ValueError("trajectories has horizon 1: a transition needs a horizon of at least 2")
    now, act = trajectories.states[:, :, :-1], trajectories.actions[:, :, :-1]
    pair = np.eye(states * actions)[now * actions + act]
    following = np.eye(states)[trajectories.states[:, :, 1:]]
    value = np.concatenate([following, trajectories.rewards[:, :, :-1, None]], axis=-1)
    counts = pair.sum(axis=0)
    sums = np.einsum("enhp,enhk->nhpk", pair, value, optimize=True)
    targets = np.divide(sums, counts[..., None], out=np.zeros_like(sums), where=counts[..., None] > 0.0)
    shape = (*counts.shape[:2], states, actions)
    return Summary(
        np.eye(states)[now].mean(axis=0), counts.reshape(shape), targets.reshape(*shape, states + 1)
    )


@dataclass(frozen=True)
class KernelEmbedding:
    r"""Gaussian-kernel ridge regression of next state and reward on the aggregate, per (s, a).

    .. math:: \min_f \sum_k n_k \|y_k - f(z_k)\|^2 + n\,\kappa\, \|f\|^2, \qquad
              k(z, z') = e^{-\|z - z'\|^2 / 2 b^2}, \quad n = \sum_k n_k

    Parameters
    ----------
    bandwidth : float
        b, positive, in units of z.
    ridge : float
        :math:`\kappa`, positive.

    References
    ----------
    Zhang, Tan, Wang, Yang, JMLR 25 (2024), arXiv:2310.17531 (kernel embedding of (s, a, z)); Caponnetto and
    De Vito, Foundations of Computational Mathematics 7, 2007.

    Examples
    --------
    >>> KernelEmbedding(bandwidth=0.3, ridge=1e-4)
    KernelEmbedding(bandwidth=0.3, ridge=0.0001)
    """

    bandwidth: float
    ridge: float

    def __post_init__(self) -> None:
        for name, value in (("bandwidth", self.bandwidth), ("ridge", self.ridge)):
            if not 0.0 < value < np.inf:
                raise ValueError(f"{name} is {value!r}: give a positive number")

    def predict(self, train: Summary, z: ArrayLike, at: ArrayLike) -> Floats:
        """Return predictions at other aggregates.

        Parameters
        ----------
        train : Summary
        z : array_like, shape (N, T, S)
            Aggregates of the training data under a candidate graphon.
        at : array_like, shape (..., S)

        Returns
        -------
        ndarray, shape (..., S, A, S + 1)
            0 for pairs (s, a) that were never seen.
        """
        known, new = np.asarray(z, dtype=np.float64), np.asarray(at, dtype=np.float64)
        states, actions = train.counts.shape[2:]
        if known.shape != train.crowd.shape or new.shape[-1:] != (states,):
            raise ValueError(
                f"z, at have shapes {known.shape}, {new.shape}: give {train.crowd.shape} and (..., {states})"
            )
        flat, target = known.reshape(-1, states), new.reshape(-1, states)
        out = np.zeros((len(target), states, actions, states + 1))
        inner, cross = self._kernel(flat, flat), self._kernel(target, flat)
        for s in range(states):
            for a in range(actions):
                n = train.counts[:, :, s, a].ravel()
                seen = n > 0.0
                if not seen.any():
                    continue
                y = train.targets[:, :, s, a].reshape(-1, states + 1)[seen]
                system = inner[np.ix_(seen, seen)] + np.diag(n.sum() * self.ridge / n[seen])
                out[:, s, a] = cross[:, seen] @ np.linalg.solve(system, y)
        return out.reshape(*new.shape[:-1], states, actions, states + 1)

    def _kernel(self, left: Floats, right: Floats) -> Floats:
        """Return Gaussian kernel values, shape (len(left), len(right))."""
        square = ((left[:, None] - right[None]) ** 2).sum(axis=-1)
        return np.asarray(np.exp(-square / (2.0 * self.bandwidth**2)))


def prediction_risk(
    method: KernelEmbedding, train: Summary, test: Summary, graphon: Graphon, positions: ArrayLike
) -> float:
    r"""Return the mean squared error of predicted cell means on other episodes, under a candidate graphon.

    .. math:: \frac{\sum_k n_k \|\bar y_k - \hat f_{s_k a_k}(z_k)\|^2}{\sum_k n_k}

    Kernel and reward are profiled out, so a rate in front of W is absorbed: this ranks graphons by how well
    their aggregates predict, and identifies no factor.

    Parameters
    ----------
    method : KernelEmbedding
    train, test : Summary
        Of the same agents.
    graphon : Graphon
    positions : array_like, shape (N,)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For summaries or positions that do not fit.

    Examples
    --------
    >>> from tightbound.simulators.graphon_games.agents import simulate_representatives
    >>> from tightbound.theory.graphon_games import erdos_renyi, sis
    >>> game = sis(blocks=10, horizon=5)
    >>> train, test = (
    ...     summarise(simulate_representatives(game, game.uniform_policy(), game.positions, 500, rng=k), 2, 2)
    ...     for k in (0, 1)
    ... )
    >>> risks = [
    ...     prediction_risk(KernelEmbedding(0.3, 1e-4), train, test, graphon, game.positions)
    ...     for graphon in (game.graphon, erdos_renyi(0.5))
    ... ]
    >>> risks[0] < risks[1]
    True
    """
    if train.counts.shape != test.counts.shape:
        raise ValueError(
            f"test has counts of shape {test.counts.shape}, train {train.counts.shape}: summarise the "
            "same agents"
        )
    weights = graphon.matrix(positions)
    if len(weights) != len(train.crowd):
        raise ValueError(f"positions has {len(weights)} entries: give one per agent, {len(train.crowd)}")
    z, other = (np.einsum("ij,jts->its", weights / len(weights), part.crowd) for part in (train, test))
    error = ((method.predict(train, z, other) - test.targets) ** 2).sum(axis=-1)
    return float((test.counts * error).sum() / test.counts.sum())

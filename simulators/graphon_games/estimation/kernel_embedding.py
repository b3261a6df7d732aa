r"""Nonparametric estimation: kernel and reward as unknown functions of the aggregate, one per (s, a).

For a candidate graphon the aggregates of the agents are known; next states and rewards are regressed on them
by Gaussian-kernel ridge regression, and the candidate is judged by how well that predicts other episodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.graphon_games.crowd_counts import CrowdCounts
from tightbound.theory.graphon_games.graphons import Graphon

Floats = NDArray[np.float64]


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

    def predict(self, train: CrowdCounts, z: ArrayLike, at: ArrayLike) -> Floats:
        """Return predictions at other aggregates.

        Parameters
        ----------
        train : CrowdCounts
        z : array_like, shape (N, H - 1, S)
            Aggregates of the training data under a candidate graphon.
        at : array_like, shape (..., S)

        Returns
        -------
        ndarray, shape (..., S, A, S + 1)
            0 for pairs (s, a) that were never seen.
        """
        known, new = np.asarray(z, dtype=np.float64), np.asarray(at, dtype=np.float64)
        states, actions = train.pairs.shape[2:]
        counts, targets = _targets(train)
        expected = (*counts.shape[:2], states)
        if known.shape != expected or new.shape[-1:] != (states,):
            raise ValueError(
                f"z, at have shapes {known.shape}, {new.shape}: give {expected} and (..., {states})"
            )
        flat, target = known.reshape(-1, states), new.reshape(-1, states)
        out = np.zeros((len(target), states, actions, states + 1))
        inner, cross = self._kernel(flat, flat), self._kernel(target, flat)
        for s in range(states):
            for a in range(actions):
                n = counts[:, :, s, a].ravel()
                seen = n > 0.0
                if not seen.any():
                    continue
                y = targets[:, :, s, a].reshape(-1, states + 1)[seen]
                system = inner[np.ix_(seen, seen)] + np.diag(n.sum() * self.ridge / n[seen])
                out[:, s, a] = cross[:, seen] @ np.linalg.solve(system, y)
        return out.reshape(*new.shape[:-1], states, actions, states + 1)

    def _kernel(self, left: Floats, right: Floats) -> Floats:
        """Return Gaussian kernel values, shape (len(left), len(right))."""
        square = ((left[:, None] - right[None]) ** 2).sum(axis=-1)
        return np.asarray(np.exp(-square / (2.0 * self.bandwidth**2)))


def prediction_risk(
    method: KernelEmbedding, train: CrowdCounts, test: CrowdCounts, graphon: Graphon, positions: ArrayLike
) -> float:
    r"""Return the mean squared error of predicted cell means on other episodes, under a candidate graphon.

    .. math:: \frac{\sum_k n_k \|\bar y_k - \hat f_{s_k a_k}(z_k)\|^2}{\sum_k n_k}

    Kernel and reward are profiled out, so a rate in front of W is absorbed: this ranks graphons by how well
    their aggregates predict, and identifies no factor.

    Parameters
    ----------
    method : KernelEmbedding
    train, test : CrowdCounts
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
    >>> from tightbound.simulators.graphon_games.crowd_counts import simulate_counts
    >>> from tightbound.theory.graphon_games import erdos_renyi, sis
    >>> game = sis(blocks=10, horizon=5)
    >>> policy = game.uniform_policy()
    >>> train, test = simulate_counts(game, policy, game.positions, 500, repeats=2, rng=0)
    >>> risks = [
    ...     prediction_risk(KernelEmbedding(0.3, 1e-4), train, test, graphon, game.positions)
    ...     for graphon in (game.graphon, erdos_renyi(0.5))
    ... ]
    >>> risks[0] < risks[1]
    True
    """
    if train.pairs.shape != test.pairs.shape:
        raise ValueError(
            f"test has counts of shape {test.pairs.shape}, train {train.pairs.shape}: count the same agents"
        )
    weights = graphon.matrix(positions)
    if len(weights) != len(train.pairs):
        raise ValueError(f"positions has {len(weights)} entries: give one per agent, {len(train.pairs)}")
    z, other = (np.einsum("ij,jts->its", weights / len(weights), part.laws[:, :-1]) for part in (train, test))
    counts, targets = _targets(test)
    error = ((method.predict(train, z, other) - targets) ** 2).sum(axis=-1)
    return float((counts * error).sum() / counts.sum())


def _targets(data: CrowdCounts) -> tuple[Floats, Floats]:
    """Return counts (N, H - 1, S, A), and mean indicators of the next state followed by the mean reward."""
    counts = data.pairs[:, :-1]
    some = counts[..., None] > 0.0
    following = np.divide(data.moves, counts[..., None], out=np.zeros_like(data.moves), where=some)
    return counts, np.concatenate([following, data.rewards[:, :-1, :, :, None]], axis=-1)

"""What a simulation returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tightbound.theory.planning._validation import Array


@dataclass(frozen=True, eq=False)
class PlanningResult:
    r"""Regret and posterior over T episodes, one row per replication.

    A replication's regret is the sum of performance differences along its own path,

    .. math:: \hat R_t = \sum_{i \le t} \Big( \epsilon_i \Delta_{explore} + (1 - I_i) \sum_h \sum_g
              (\pi^* - \pi^i)(g | \tau^i_h) Q^*_h(\tau^i_h, g) \Big),

    unbiased for the regret, without the noise of rewards, and without any noise once the posterior is a
    point mass.

    Parameters
    ----------
    regret : ndarray, shape (R, T)
        Cumulative regret after each episode, in units of reward.
    doubt : ndarray, shape (R, T)
        Posterior probability of all wrong environments at the start of each episode.
    checkpoints : ndarray of int, shape (C,)
        Numbers of episodes.
    log_weights : ndarray, shape (R, C, Z)
        Logarithms of the posterior, the largest being 0, before the episode that follows that many.
    """

    regret: Array
    doubt: Array
    checkpoints: NDArray[np.int64]
    log_weights: Array

    @property
    def replications(self) -> int:
        """Number R of replications."""
        return int(self.regret.shape[0])

    @property
    def episodes(self) -> int:
        """Number T of episodes."""
        return int(self.regret.shape[1])

    @property
    def value(self) -> Array:
        """Mean cumulative regret, shape (T,)."""
        return np.asarray(self.regret.mean(axis=0))

    @property
    def standard_error(self) -> Array:
        """Standard error of ``value``, shape (T,).

        Raises
        ------
        ValueError
            For a single replication.
        """
        if self.replications < 2:
            raise ValueError(
                "replications is 1: a standard error needs at least 2; simulate with more replications"
            )
        return np.asarray(self.regret.std(axis=0, ddof=1) / np.sqrt(self.replications))

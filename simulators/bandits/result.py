"""What a simulation returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.bandits.policies.base import as_number

Array = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RegretResult:
    r"""Stopping-time regret at several token budgets, one row per replication.

    Where the mean tokens per round are stationary, a replication's regret is the unbiased

    .. math:: \hat R_B = \sum_i \frac{\mu_* - \mu_i}{\mu_*} n_i + \frac{O - E O_*}{\mu_*},

    whose spread grows like log B; the difference of stopping times has the same mean and a spread like
    sqrt(B). On tables and where the mean drifts it is :math:`ST - \min_i E\,ST_i`. The reference arm
    minimises the expected rounds at each B.

    Parameters
    ----------
    tokens : ndarray of int, shape (T,)
        Budgets B.
    pulls : ndarray of int, shape (R, T, K)
        Rounds of each arm until B tokens exist.
    stopping_time, overshoot : ndarray of int, shape (R, T)
        Rounds until B tokens exist, and tokens beyond B then.
    regret : ndarray, shape (R, T)
        Regret in rounds.
    best_stopping_time : ndarray, shape (T,)
        Expected rounds of the best fixed arm.
    time_regret : ndarray, shape (R, T), or None
        Regret in the unit of the environment's costs, against the arm that is best for them.
    """

    tokens: Counts
    pulls: Counts
    stopping_time: Counts
    overshoot: Counts
    regret: Array
    best_stopping_time: Array
    time_regret: Array | None = None

    @property
    def replications(self) -> int:
        """Number of replications R."""
        return int(self.regret.shape[0])

    @property
    def value(self) -> Array:
        """Mean regret in rounds, shape (T,)."""
        return np.asarray(self.regret.mean(axis=0))

    @property
    def standard_error(self) -> Array:
        """Standard error of ``value``, shape (T,); NaN-free only for at least two replications."""
        return _standard_error(self.regret)

    def interval(
        self, level: float = 0.99, *, method: Literal["t", "bootstrap"] = "t"
    ) -> tuple[Array, Array]:
        """Return lower and upper ends of an interval for the mean regret, each of shape (T,).

        Parameters
        ----------
        level : float
            Coverage, in (0, 1).
        method : {"t", "bootstrap"}
            ``"t"`` for policies whose replications look alike; ``"bootstrap"`` (2000 resamples, percentile)
            for mixtures, such as greedy, where a few locked replications carry the mean.

        Returns
        -------
        low, high : ndarray, shape (T,)

        Raises
        ------
        ValueError
            For a level outside (0, 1), an unknown method or fewer than two replications.
        """
        as_number("level", level, above=0.0, most=np.nextafter(1.0, 0.0))
        if method == "t":
            from scipy.special import stdtrit

            half = stdtrit(self.replications - 1, 0.5 + 0.5 * level) * self.standard_error
            return self.value - half, self.value + half
        if method != "bootstrap":
            raise ValueError(f"method is {method!r}: choose 't' or 'bootstrap'")
        _standard_error(self.regret)
        rng = np.random.default_rng(0)
        weights = rng.multinomial(
            self.replications, np.full(self.replications, 1.0 / self.replications), size=2000
        )
        means = weights @ self.regret / self.replications
        low, high = np.quantile(means, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)
        return low, high


def _standard_error(samples: Array) -> Array:
    if samples.shape[0] < 2:
        raise ValueError(
            "replications is 1: a standard error needs at least 2; simulate with more replications"
        )
    return np.asarray(samples.std(axis=0, ddof=1) / np.sqrt(samples.shape[0]))

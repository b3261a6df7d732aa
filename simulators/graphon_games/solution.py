"""What a solver returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Solution:
    """The last iterate, the average, and how the iteration went.

    Attributes
    ----------
    log_policy : ndarray, shape (M, H, S, A)
        Logarithms of the last policy.
    mean_field : ndarray, shape (M, H, S)
        The algorithm's last mean field; the policy's own flow unless it keeps an estimate.
    average_policy : ndarray, shape (M, H, S, A)
        Average of the iterates weighted by how often their states are reached; the first one excluded.
    average_mean_field : ndarray, shape (M, H, S)
        Average of the mean fields of the iterates, the first one excluded.
    value : float
        Exploitability of the last policy with the algorithm's entropy weight.
    value_unregularised : float
        The same without entropy; positive at a regularised equilibrium.
    converged : bool
        Whether the regularised exploitability fell to the tolerance.
    num_iter : int
        Iterations done.
    history : dict of ndarray, shape (num_iter + 1,)
        Of the iterates 0 (the start) to num_iter: ``exploitability``, ``exploitability_unregularised``,
        ``change`` (distance of mean fields to the iterate before) and whatever the algorithm adds. With a
        reference also ``kl``, ``policy_distance``, ``flow_distance`` and the last two of the averages.
    outcome : str
        One sentence.
    """

    log_policy: Floats
    mean_field: Floats
    average_policy: Floats
    average_mean_field: Floats
    value: float
    value_unregularised: float
    converged: bool
    num_iter: int
    history: dict[str, Floats]
    outcome: str

    @property
    def policy(self) -> Floats:
        """Probabilities of the last policy, shape (M, H, S, A)."""
        return np.asarray(np.exp(self.log_policy))


class ConvergenceError(RuntimeError):
    """The iteration ended above the tolerance, and the caller asked for an error.

    Attributes
    ----------
    solution : Solution
        Where it ended: nothing that was computed is lost.
    """

    def __init__(self, message: str, solution: Solution) -> None:
        super().__init__(message)
        self.solution = solution

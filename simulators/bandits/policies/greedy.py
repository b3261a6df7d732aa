"""Greedy: follow the leader."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import Array, IndexPolicy, KernelPolicy, kernel_policy


@dataclass(frozen=True)
class Greedy(IndexPolicy):
    r"""Play every arm once, then always the arm with the largest mean so far.

    Its regret is linear: with positive probability the best arm starts badly and is never tried again.

    Examples
    --------
    >>> policy = Greedy()
    >>> state = policy.init(arms=2, max_draft=4)
    >>> for y in (1, 2):
    ...     state = policy.update(state, policy.choose(state, float), y)
    >>> policy.choose(state, float)
    1
    """

    def index(self, counts: NDArray[np.int64], sums: NDArray[np.int64], rounds: int, max_draft: int) -> Array:
        """Return the mean tokens per round of every arm."""
        return np.asarray(sums / counts)

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.GREEDY, arms)

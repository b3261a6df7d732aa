"""Environments with dependent rounds: a law that switches with the previous round, and a mean that drifts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.environments import (
    Array,
    Counts,
    KernelEnvironment,
    LawEnvironment,
    rounds_from_overshoot,
    set_fields,
)
from tightbound.theory._validation import as_integer
from tightbound.theory.bandits._validation import as_laws
from tightbound.theory.bandits.laws import law_mean


@dataclass(frozen=True, eq=False)
class StationaryMeanMarkov(LawEnvironment):
    r"""Dependent rounds with a stationary mean: the law switches with the previous round, its mean does not.

    After a round with more than ``switch`` tokens arm i follows ``laws_b[i]``, otherwise (and in round 0)
    ``laws_a[i]``:

    .. math:: E[Y_t \mid H_{t-1}, I_t = i] = \mu_i \quad \text{although } Y_t \text{ depends on } Y_{t-1}.

    Parameters
    ----------
    laws_a, laws_b : array_like, shape (K, L+1)
        Two laws per arm with equal means (within 1e-9).
    switch : int, optional
        Threshold in tokens; half of L + 1 where left out.
    costs : array_like, shape (K,), optional
        Time per round of each arm.

    Examples
    --------
    >>> StationaryMeanMarkov([[0.0, 1.0, 0.0]], [[0.5, 0.0, 0.5]]).means
    array([2.])
    """

    laws_a: Any
    laws_b: Any
    switch: int | None = None
    costs: Any = None
    arms: int = field(init=False)
    max_draft: int = field(init=False)
    laws: Array = field(init=False, repr=False)
    means: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        laws = _pair("laws_a", self.laws_a, "laws_b", self.laws_b)
        means = np.stack([law_mean(laws[0]), law_mean(laws[1])])
        if np.any(np.abs(means[0] - means[1]) > 1e-9):
            arm = int(np.argmax(np.abs(means[0] - means[1])))
            raise ValueError(
                f"laws_a and laws_b of arm {arm} have means {means[0, arm]} and {means[1, arm]}: they must "
                "agree within 1e-9; use Drifting for a mean that changes"
            )
        depth = laws.shape[2] - 1
        switch = (depth + 1) // 2 if self.switch is None else as_integer("switch", self.switch, least=1)
        self._derive(laws)
        set_fields(self, switch=switch, max_draft=depth, means=means[0])

    def fixed_arm_stopping_time(self, tokens: Counts) -> Array:
        """Return expected rounds of each fixed arm, shape (len(tokens), K), by two-state renewal."""
        from tightbound.simulators.bandits._kernel_reference import markov_overshoot

        assert self.switch is not None
        columns = []
        for i in range(self.arms):
            curve = markov_overshoot(np.ascontiguousarray(self.laws[:, i]), self.switch, int(tokens[-1]))
            columns.append(rounds_from_overshoot(curve, self.laws[0, i], tokens))
        return np.stack(columns, axis=1)

    def kernel_environment(self) -> KernelEnvironment:
        """Return the arrays that the compiled driver reads."""
        assert self.switch is not None
        return self._kernel(codes.MARKOV, self.switch)


@dataclass(frozen=True, eq=False)
class Drifting(LawEnvironment):
    """A mean that changes: ``before`` in the first ``change`` rounds, ``after`` from then on.

    It violates the stationary-mean assumption, so the regret identity does not hold here.

    Parameters
    ----------
    before, after : array_like, shape (K, L+1)
        Laws per arm.
    change : int
        Round (from 0) from which ``after`` holds.
    costs : array_like, shape (K,), optional
        Time per round of each arm.

    Examples
    --------
    >>> Drifting([[1.0, 0.0]], [[0.0, 1.0]], change=2).fixed_arm_stopping_time(np.array([4]))
    array([[3.]])
    """

    before: Any
    after: Any
    change: int
    costs: Any = None
    arms: int = field(init=False)
    max_draft: int = field(init=False)
    laws: Array = field(init=False, repr=False)
    means: None = field(init=False, default=None)

    def __post_init__(self) -> None:
        laws = _pair("before", self.before, "after", self.after)
        self._derive(laws)
        set_fields(self, change=as_integer("change", self.change, least=0), max_draft=laws.shape[2] - 1)

    def fixed_arm_stopping_time(self, tokens: Counts) -> Array:
        """Return expected rounds of each fixed arm, shape (len(tokens), K): forward law, then renewal."""
        from tightbound.simulators.bandits._kernel_reference import drifting_rounds

        return np.stack(
            [
                drifting_rounds(np.ascontiguousarray(self.laws[:, i]), self.change, tokens)
                for i in range(self.arms)
            ],
            axis=1,
        )

    def kernel_environment(self) -> KernelEnvironment:
        """Return the arrays that the compiled driver reads."""
        return self._kernel(codes.DRIFTING, self.change)


def _pair(name_a: str, a: ArrayLike, name_b: str, b: ArrayLike) -> Array:
    first, second = as_laws(name_a, a, 2), as_laws(name_b, b, 2)
    if first.shape != second.shape:
        raise ValueError(
            f"{name_a} and {name_b} have shapes {first.shape} and {second.shape}: give equal shapes (K, L+1)"
        )
    return np.stack([first, second])

"""HeuristicSchedule: two steps up after full acceptance, one down otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.environments import as_lengths
from tightbound.simulators.bandits.policies.base import (
    Bookkeeping,
    KernelPolicy,
    State,
    Uniform,
    kernel_policy,
)
from tightbound.theory._validation import as_integer


class LengthPolicy(Bookkeeping):
    """Arms are draft lengths in increasing order: arm i drafts i + 1 tokens unless ``lengths`` differs."""

    lengths: Any

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        state = super().init(arms, max_draft)
        state.memory["lengths"] = self.lengths_of(arms)
        return state

    def lengths_of(self, arms: int) -> tuple[int, ...]:
        """Return the draft length of every arm."""
        lengths = tuple(range(1, arms + 1)) if self.lengths is None else as_lengths(self.lengths)
        if len(lengths) != arms or np.any(np.diff(lengths) <= 0):
            raise ValueError(
                f"lengths is {self.lengths!r}: give an increasing draft length for each of "
                f"the {arms} arms of the environment"
            )
        return lengths


def longest_within(lengths: tuple[int, ...], limit: float) -> int:
    """Return the arm with the longest draft of at most ``limit`` tokens, arm 0 where there is none."""
    return max(0, int(np.searchsorted(lengths, limit, side="right")) - 1)


@dataclass(frozen=True)
class HeuristicSchedule(LengthPolicy):
    """The schedule of assisted generation: +2 draft tokens after a round that accepted all, -1 otherwise.

    Parameters
    ----------
    lengths : sequence of int, shape (K,), optional
        Draft length of each arm, increasing; i + 1 for arm i where left out.
    start : int
        Length before round 0.

    References
    ----------
    The "heuristic" schedule of Hugging Face transformers; step sizes from memory.

    Examples
    --------
    >>> policy = HeuristicSchedule(start=2)
    >>> state = policy.update(policy.init(arms=4, max_draft=4), 1, 3)
    >>> policy.choose(state, float)
    3
    """

    lengths: Any = None
    start: int = 5

    def __post_init__(self) -> None:
        as_integer("start", self.start, least=0)

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        state = super().init(arms, max_draft)
        state.memory["length"] = self.start
        return state

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; no coin is used."""
        return longest_within(state.memory["lengths"], state.memory["length"])

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in that ``arm`` yielded ``y`` tokens."""
        lengths = state.memory["lengths"]
        length = state.memory["length"] + (2 if y == lengths[arm] + 1 else -1)
        state.memory["length"] = min(max(length, lengths[0]), lengths[-1])
        return super().update(state, arm, y)

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.HEURISTIC_SCHEDULE, arms, float(self.start), lengths=self.lengths_of(arms))

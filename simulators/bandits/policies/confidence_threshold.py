"""ConfidenceThreshold: draft until the drafter becomes unsure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import KernelPolicy, State, Uniform, as_number, kernel_policy
from tightbound.simulators.bandits.policies.heuristic_schedule import LengthPolicy, longest_within
from tightbound.theory._validation import as_floats


@dataclass(frozen=True)
class ConfidenceThreshold(LengthPolicy):
    """Draft tokens as long as the drafter's confidence is at least ``threshold``.

    The arm is the longest candidate length within the confident prefix. Needs an environment with a
    confidence channel, :class:`~tightbound.simulators.bandits.ConfidentSpeculation`.

    Parameters
    ----------
    threshold : float
        In [0, 1]; 0.4 is the default of assisted generation in Hugging Face transformers.
    lengths : sequence of int, shape (K,), optional
        Draft length of each arm, increasing; i + 1 for arm i where left out.

    Examples
    --------
    >>> policy = ConfidenceThreshold(lengths=(0, 1, 2))
    >>> state = policy.observe(policy.init(arms=3, max_draft=2), [0.9, 0.1])
    >>> policy.choose(state, float)
    1
    """

    threshold: float = 0.4
    lengths: Any = None

    def __post_init__(self) -> None:
        as_number("threshold", self.threshold, least=0.0, most=1.0)

    def observe(self, state: State, confidence: ArrayLike) -> State:
        """Take in the confidences of the draft tokens of the coming round, shape (L,)."""
        values = as_floats("confidence", confidence)
        if values.shape != (state.max_draft,):
            raise ValueError(
                f"confidence has shape {values.shape}: give one number for each of {state.max_draft} tokens"
            )
        unsure = np.flatnonzero(values < self.threshold)
        state.memory["drafted"] = int(unsure[0]) if unsure.size else values.size
        return state

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; no coin is used."""
        if "drafted" not in state.memory:
            raise ValueError(
                "no confidence has been observed: call observe(state, confidence) before every round"
            )
        return longest_within(state.memory["lengths"], state.memory["drafted"])

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.CONFIDENCE_THRESHOLD, arms, self.threshold, lengths=self.lengths_of(arms))

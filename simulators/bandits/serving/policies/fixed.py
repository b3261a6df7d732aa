"""One speculation length for ever."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.bandits.serving.engine import RoundView
from tightbound.simulators.bandits.serving.rules import TableRule
from tightbound.simulators.bandits.serving.server import Server


@dataclass(frozen=True)
class FixedLength:
    """Draft ``length`` tokens in every round.

    Parameters
    ----------
    length : int
        At least 0; 0 is decoding without speculation.

    Raises
    ------
    ValueError
        For a negative length.

    Examples
    --------
    >>> FixedLength(2).length
    2
    """

    length: int

    def __post_init__(self) -> None:
        if self.length < 0:
            raise ValueError(f"length is {self.length!r}: give an integer of at least 0")

    def init(self, server: Server, max_gamma: int, rng: np.random.Generator) -> None:
        """Nothing to remember."""

    def choose(self, state: None, view: RoundView) -> int:
        """Return the length."""
        return self.length

    def update(
        self, state: None, view: RoundView, lengths: int | np.ndarray, tokens: np.ndarray, seconds: float
    ) -> None:
        """Nothing to learn."""

    def kernel_rule(self, server: Server, rounds: int) -> TableRule:
        """Return the form for the compiled loop."""
        return TableRule(np.full(server.max_batch + 1, self.length, dtype=np.int64))

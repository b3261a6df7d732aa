"""Speculation length by batch size, as a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.bandits.serving.engine import RoundView
from tightbound.simulators.bandits.serving.rules import TableRule
from tightbound.simulators.bandits.serving.server import Server


@dataclass(frozen=True)
class LengthTable:
    """Look the length up by the number of requests in the batch.

    The form of vLLM's ``num_speculative_tokens_per_batch_size``. With the table of
    `tightbound.simulators.bandits.serving.best_length_table` it is the oracle that knows the mix and the
    latency, but not the single requests.

    Parameters
    ----------
    lengths : tuple of int
        Entry ``b - 1`` serves batch size ``b``; larger batches take the last entry.

    Raises
    ------
    ValueError
        For an empty table or a negative length.

    Examples
    --------
    >>> LengthTable((4, 4, 1)).lengths[0]
    4
    """

    lengths: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.lengths or min(self.lengths) < 0:
            raise ValueError(f"lengths is {self.lengths!r}: give at least one length, all at least 0")

    def init(self, server: Server, max_gamma: int, rng: np.random.Generator) -> None:
        """Nothing to remember."""

    def choose(self, state: None, view: RoundView) -> int:
        """Return the entry of the present batch size."""
        return self.lengths[min(view.requests.size, len(self.lengths)) - 1]

    def update(
        self, state: None, view: RoundView, lengths: int | np.ndarray, tokens: np.ndarray, seconds: float
    ) -> None:
        """Nothing to learn."""

    def kernel_rule(self, server: Server, rounds: int) -> TableRule:
        """Return the form for the compiled loop."""
        entry = np.clip(np.arange(-1, server.max_batch), 0, len(self.lengths) - 1)
        return TableRule(np.asarray(self.lengths, dtype=np.int64)[entry])

"""The oracle that knows the acceptance probability of every request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.bandits.serving.engine import RoundView
from tightbound.simulators.bandits.serving.server import Server
from tightbound.theory.bandits.serving import RoundLatency, optimal_ragged_lengths


@dataclass(frozen=True)
class Clairvoyant:
    """Maximise the expected tokens per second of each round, one length per request, everything known.

    It is greedy in time: it does not weigh what a round does to the rounds after it.

    Examples
    --------
    >>> Clairvoyant()
    Clairvoyant()
    """

    def init(self, server: Server, max_gamma: int, rng: np.random.Generator) -> tuple[RoundLatency, int]:
        """Remember the latency and the longest draft."""
        return server.latency, max_gamma

    def choose(self, state: tuple[RoundLatency, int], view: RoundView) -> np.ndarray:
        """Return the lengths that are best for this round."""
        latency, longest = state
        return optimal_ragged_lengths(view.acceptance, longest, view.context / view.requests.size, latency)

    def update(
        self,
        state: tuple[RoundLatency, int],
        view: RoundView,
        lengths: int | np.ndarray,
        tokens: np.ndarray,
        seconds: float,
    ) -> None:
        """Nothing to learn."""

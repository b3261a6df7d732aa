"""Thompson sampling per request, with a prior shared by the requests of a category."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tightbound.simulators.bandits.serving.engine import RoundView
from tightbound.simulators.bandits.serving.server import Server
from tightbound.theory.bandits.serving import RoundLatency, optimal_ragged_lengths


@dataclass
class _State:
    """Accepted and rejected drafts, by request and by category."""

    latency: RoundLatency
    max_gamma: int
    rng: np.random.Generator
    request: np.ndarray = field(default_factory=lambda: np.zeros((2, 64)))
    category: np.ndarray = field(default_factory=lambda: np.zeros((2, 4)))


@dataclass(frozen=True)
class RequestThompson:
    r"""Draw each request's acceptance from its Beta posterior, then take the best lengths for the draws.

    .. math:: \theta_i \sim \mathrm{Beta}(c\,m + a_i,\; c(1-m) + f_i)

    with ``a_i`` accepted and ``f_i`` rejected drafts of request ``i`` and ``m`` the acceptance rate seen so
    far in its category. The latency model is known, acceptance is learnt.

    Parameters
    ----------
    concentration : float
        Drafts that the shared prior is worth, c, above 0.

    Raises
    ------
    ValueError
        For a concentration that is not above 0.

    Examples
    --------
    >>> RequestThompson().concentration
    6.0
    """

    concentration: float = 6.0

    def __post_init__(self) -> None:
        if not 0 < self.concentration < np.inf:
            raise ValueError(f"concentration is {self.concentration!r}: give a finite number above 0")

    def init(self, server: Server, max_gamma: int, rng: np.random.Generator) -> _State:
        """Start without drafts."""
        return _State(server.latency, max_gamma, rng)

    def choose(self, state: _State, view: RoundView) -> np.ndarray:
        """Return the best lengths for one draw of every acceptance."""
        state.request = _grown(state.request, int(view.requests.max()))
        state.category = _grown(state.category, int(view.category.max()))
        accepted, rejected = state.category[:, view.category]
        prior = (accepted + 1.0) / (accepted + rejected + 2.0)
        seen = state.request[:, view.requests]
        draw = state.rng.beta(
            self.concentration * prior + seen[0], self.concentration * (1.0 - prior) + seen[1]
        )
        context = view.context / view.requests.size
        return optimal_ragged_lengths(np.minimum(draw, 1 - 1e-12), state.max_gamma, context, state.latency)

    def update(
        self, state: _State, view: RoundView, lengths: int | np.ndarray, tokens: np.ndarray, seconds: float
    ) -> None:
        """Count accepted drafts and the rejection that ended them."""
        outcome = np.stack((tokens - 1, tokens <= lengths)).astype(np.float64)
        state.request[:, view.requests] += outcome
        for row in range(2):
            np.add.at(state.category[row], view.category, outcome[row])


def _grown(table: np.ndarray, last: int) -> np.ndarray:
    """Return ``table`` with room for index ``last``."""
    if last < table.shape[1]:
        return table
    return np.pad(table, ((0, 0), (0, 2 * last + 1 - table.shape[1])))

"""Chances of exploration, episode by episode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tightbound.simulators.planning.planners._checks import as_number
from tightbound.simulators.planning.planners.base import Array


class Schedule(Protocol):
    """Gives the chance of exploration in every episode."""

    def __call__(self, episodes: int) -> Array:
        """Return the chances in episodes 1, ..., T, shape (T,)."""


@dataclass(frozen=True)
class Constant:
    """The same chance in every episode.

    Parameters
    ----------
    eps : float
        In [0, 1].

    Examples
    --------
    >>> Constant(0.25)(3).tolist()
    [0.25, 0.25, 0.25]
    """

    eps: float

    def __post_init__(self) -> None:
        as_number(
            "eps",
            self.eps,
            least=0.0,
            most=1.0,
            remedy="a tuned value above 1 means 1: clip it with min(1, eps)",
        )

    def __call__(self, episodes: int) -> Array:
        """Return the chances in episodes 1, ..., T, shape (T,)."""
        return np.full(episodes, float(self.eps))


@dataclass(frozen=True)
class Inverse:
    r"""A chance that falls like one over the number of the episode, :math:`\epsilon_t = \min(1, a / t)`.

    Parameters
    ----------
    a : float
        Above 0; exploration has to exceed one over eta for logarithmic regret.

    Examples
    --------
    >>> Inverse(2.0)(4).tolist()
    [1.0, 1.0, 0.6666666666666666, 0.5]
    """

    a: float

    def __post_init__(self) -> None:
        as_number("a", self.a, above=0.0, remedy="for no exploration use the planner by itself")

    def __call__(self, episodes: int) -> Array:
        """Return the chances in episodes 1, ..., T, shape (T,)."""
        return np.minimum(1.0, self.a / np.arange(1.0, episodes + 1.0))

"""Requests that come to a server: when, how long, and which drafted tokens are accepted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits.serving.lengths import GeometricLength, LengthLaw, LogNormalLength


@dataclass(frozen=True, eq=False)
class Workload:
    """A fixed list of requests, in order of arrival.

    Whether a drafted token is accepted is a property of its position in the text, so every policy meets the
    same requests, and with independent positions each round follows the truncated geometric law exactly.

    Parameters
    ----------
    arrival : ndarray of float
        (N,) seconds, nondecreasing.
    prompt, output : ndarray of int
        (N,) tokens, at least 1.
    category : ndarray of int
        (N,) index of the category.
    acceptance : ndarray of float
        (N,) acceptance probability behind each request; only oracles may look at it.
    ahead : ndarray of uint8
        Accepted drafts that follow each position: ``output + max_gamma`` entries per request, one request
        after another.
    max_gamma : int
        Longest draft that ``ahead`` describes.

    Raises
    ------
    ValueError
        For arrays of unequal lengths, arrivals out of order, or a length below 1.

    Examples
    --------
    >>> load = workload_from_acceptance([0.0], [5], [3], [0.0], max_gamma=2, rng=0)
    >>> load.ahead.tolist()
    [0, 0, 0, 0, 0]
    """

    arrival: np.ndarray
    prompt: np.ndarray
    output: np.ndarray
    category: np.ndarray
    acceptance: np.ndarray
    ahead: np.ndarray
    max_gamma: int

    def __post_init__(self) -> None:
        sizes = {
            name: getattr(self, name).shape
            for name in ("arrival", "prompt", "output", "category", "acceptance")
        }
        if len(set(sizes.values())) != 1 or self.arrival.ndim != 1 or self.arrival.size == 0:
            raise ValueError(f"the request arrays have shapes {sizes}: give 1-d arrays of one common length")
        if not np.all(np.isfinite(self.arrival)) or np.any(np.diff(self.arrival) < 0) or self.arrival[0] < 0:
            raise ValueError(
                "arrival is out of order, negative or not finite: sort the requests by arrival time"
            )
        if np.any(self.prompt < 1) or np.any(self.output < 1):
            raise ValueError(
                "prompt or output holds a length below 1: every request has at least one token of each"
            )
        expected = int(np.sum(self.output + self.max_gamma))
        if self.ahead.shape != (expected,):
            raise ValueError(
                f"ahead has shape {self.ahead.shape}: "
                f"give output + max_gamma entries per request, {expected} in all"
            )

    @cached_property
    def start(self) -> np.ndarray:
        """(N,) index in ``ahead`` at which each request begins."""
        return np.concatenate(([0], np.cumsum(self.output + self.max_gamma)[:-1]))

    def __len__(self) -> int:
        return int(self.arrival.size)


def workload_from_acceptance(
    arrival: ArrayLike,
    prompt: ArrayLike,
    output: ArrayLike,
    acceptance: ArrayLike,
    *,
    max_gamma: int,
    category: ArrayLike | None = None,
    rng: int | np.random.Generator | None = None,
) -> Workload:
    r"""Draw the positions at which drafts are accepted: independent, with each request's own probability.

    .. math:: P(\text{ahead}(x) \ge k) = \alpha^k, \quad k \le \gamma_{\max}

    Parameters
    ----------
    arrival, prompt, output, category
        As in `Workload`; ``category`` is 0 where left out.
    acceptance : array_like
        (N,) probabilities in [0, 1).
    max_gamma : int
        Longest draft, from 1 to 255.
    rng : None, int or Generator
        Source of the positions.

    Returns
    -------
    Workload

    Raises
    ------
    ValueError
        For a probability outside [0, 1) or a ``max_gamma`` outside 1..255.

    Examples
    --------
    >>> load = workload_from_acceptance([0.0], [1], [10_000], [0.5], max_gamma=4, rng=1)
    >>> bool(abs(load.ahead.mean() - (0.5 + 0.25 + 0.125 + 0.0625)) < 0.05)
    True
    """
    if not 1 <= max_gamma <= 255:
        raise ValueError(f"max_gamma is {max_gamma!r}: give an integer from 1 to 255")
    alpha = np.asarray(acceptance, dtype=np.float64)
    if np.any(~(alpha >= 0.0) | ~(alpha < 1.0)):
        raise ValueError(
            "acceptance has an entry outside [0, 1): give probabilities of accepting one drafted token"
        )
    lengths = np.asarray(output, dtype=np.int64)
    rng = np.random.default_rng(rng)
    owner = np.repeat(np.arange(lengths.size), lengths + max_gamma)
    rejected = rng.random(owner.size) >= alpha[owner]
    # Distance to the next rejection; runs longer than max_gamma are cut, so crossing into the next request
    # only touches the last max_gamma entries of each, which no round starts from.
    index = np.where(rejected, np.arange(owner.size), owner.size + max_gamma)
    following = np.minimum.accumulate(index[::-1])[::-1]
    ahead = np.minimum(following - np.arange(owner.size), max_gamma).astype(np.uint8)
    return Workload(
        arrival=np.asarray(arrival, dtype=np.float64),
        prompt=np.asarray(prompt, dtype=np.int64),
        output=lengths,
        category=np.zeros(lengths.size, np.int64)
        if category is None
        else np.asarray(category, dtype=np.int64),
        acceptance=alpha,
        ahead=ahead,
        max_gamma=int(max_gamma),
    )


@dataclass(frozen=True)
class PoissonTraffic:
    """Poisson arrivals of requests from several categories, with load steps and a drifting mix.

    Parameters
    ----------
    requests : int
        How many requests arrive.
    rates : tuple of float
        Arrivals per second in consecutive phases, each above 0; the last phase lasts for ever.
    phases : tuple of float
        Seconds of all phases but the last.
    prompt, output : LengthLaw
        Prompt and output tokens.
    factors : tuple of float
        Per category, the factor in (0, 1] on a request's acceptance.
    acceptance : tuple of float
        Parameters (a, b) of the Beta law of a request's acceptance before the factor.
    mixes : tuple of tuple of float
        Category probabilities in each state of the mix; more than one state makes the mix Markov-modulated.
    holding : float
        Mean seconds in one state of the mix before it moves to another one.
    max_gamma : int
        Longest draft.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> load = PoissonTraffic(requests=100, rates=(2.0,)).draw(rng=0)
    >>> len(load), load.max_gamma
    (100, 4)
    """

    requests: int
    rates: tuple[float, ...]
    phases: tuple[float, ...] = ()
    prompt: LengthLaw = field(default_factory=lambda: LogNormalLength(200.0, 0.8, 2000))
    output: LengthLaw = field(default_factory=lambda: GeometricLength(200.0))
    factors: tuple[float, ...] = (1.0, 0.75, 0.5)
    acceptance: tuple[float, float] = (6.0, 3.0)
    mixes: tuple[tuple[float, ...], ...] = ((1 / 3, 1 / 3, 1 / 3),)
    holding: float = 60.0
    max_gamma: int = 4

    def __post_init__(self) -> None:
        if self.requests < 1:
            raise ValueError(f"requests is {self.requests!r}: give an integer of at least 1")
        if not self.rates or any(not math.isfinite(rate) or rate <= 0 for rate in self.rates):
            raise ValueError(
                f"rates is {self.rates!r}: give at least one finite rate above 0, in requests per second"
            )
        if len(self.phases) != len(self.rates) - 1 or any(not length > 0 for length in self.phases):
            raise ValueError(
                f"phases is {self.phases!r} for {len(self.rates)} rates: "
                "give the seconds of all phases but the last"
            )
        if not self.factors or any(not 0 < factor <= 1 for factor in self.factors):
            raise ValueError(f"factors is {self.factors!r}: give one factor in (0, 1] per category")
        if len(self.acceptance) != 2 or any(not value > 0 for value in self.acceptance):
            raise ValueError(
                f"acceptance is {self.acceptance!r}: give the two positive parameters of a Beta law"
            )
        for mix in self.mixes:
            if len(mix) != len(self.factors) or any(not p >= 0 for p in mix) or abs(sum(mix) - 1) > 1e-9:
                raise ValueError(f"mixes holds {mix!r}: give one probability per category, with sum 1")
        if not self.mixes or not self.holding > 0:
            raise ValueError(
                f"holding is {self.holding!r}: give a mean of seconds above 0, and at least one mix"
            )

    @property
    def mean_acceptance(self) -> tuple[float, ...]:
        """Mean acceptance of each category."""
        a, b = self.acceptance
        return tuple(factor * a / (a + b) for factor in self.factors)

    def draw(self, rng: int | np.random.Generator | None = None) -> Workload:
        """Return one workload; requests, lengths and positions come from independent children of ``rng``."""
        arrivals, states, lengths, accepted, positions = np.random.default_rng(rng).spawn(5)
        arrival = self._arrivals(arrivals)
        category = self._categories(states, arrival)
        probability = accepted.beta(*self.acceptance, self.requests) * np.asarray(self.factors)[category]
        return workload_from_acceptance(
            arrival,
            self.prompt.draw(lengths, self.requests),
            self.output.draw(lengths, self.requests),
            np.minimum(probability, 1 - 1e-12),
            max_gamma=self.max_gamma,
            category=category,
            rng=positions,
        )

    def _arrivals(self, rng: np.random.Generator) -> np.ndarray:
        """Unit-rate arrivals carried through the inverse of the cumulative rate."""
        unit = np.cumsum(rng.exponential(size=self.requests))
        bends = np.concatenate(([0.0], np.cumsum(self.phases)))
        expected = np.concatenate(([0.0], np.cumsum(np.asarray(self.phases) * self.rates[:-1])))
        phase = np.searchsorted(expected, unit, side="right") - 1
        return np.asarray(bends[phase] + (unit - expected[phase]) / np.asarray(self.rates)[phase])

    def _categories(self, rng: np.random.Generator, arrival: np.ndarray) -> np.ndarray:
        """Category of each request under the mix that holds when it arrives."""
        state = np.zeros(arrival.size, dtype=np.int64)
        if len(self.mixes) > 1:
            count = int(rng.poisson(arrival[-1] / self.holding))
            jumps = np.sort(rng.random(count)) * arrival[-1]
            moves = np.concatenate(([0], np.cumsum(rng.integers(1, len(self.mixes), count)))) % len(
                self.mixes
            )
            state = moves[np.searchsorted(jumps, arrival, side="right")]
        upper = np.cumsum(np.asarray(self.mixes), axis=1)
        upper[:, -1] = 1.0
        return np.asarray(np.sum(rng.random(arrival.size)[:, None] >= upper[state], axis=1))

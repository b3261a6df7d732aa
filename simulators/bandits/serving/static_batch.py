"""Static batches: prompts that start together and stay until the batch has its tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.bandits.serving.engine import ServingTrace
from tightbound.simulators.bandits.serving.workload import Workload, workload_from_acceptance


@dataclass(frozen=True)
class StaticBatch:
    r"""A batch of prompts from several categories; nobody joins and nobody leaves.

    .. math:: b \sim U\{b_0..b_1\}, \qquad \alpha_i = f_{c_i} A_i, \quad A_i \sim \mathrm{Beta}(6, 3)

    Parameters
    ----------
    smallest, largest : int
        Range of the number of prompts, ``1 <= smallest <= largest``.
    tokens : int
        Tokens per prompt, averaged over the batch: it stops when its rounds have delivered ``tokens * b``.
    prompt : int
        Prompt tokens.
    factors : tuple of float
        Per category, the factor in (0, 1] on a prompt's acceptance; categories are equally likely.
    acceptance : tuple of float
        Parameters of the Beta law of a prompt's acceptance before the factor.
    max_gamma : int
        Longest draft.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> acceptance = StaticBatch(smallest=3, largest=3).draw_acceptance(np.random.default_rng(0))
    >>> acceptance.shape
    (3,)
    """

    smallest: int = 1
    largest: int = 50
    tokens: int = 256
    prompt: int = 64
    factors: tuple[float, ...] = (1.0, 0.75, 0.5)
    acceptance: tuple[float, float] = (6.0, 3.0)
    max_gamma: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.smallest <= self.largest:
            raise ValueError(
                f"smallest={self.smallest!r}, largest={self.largest!r}: "
                "give integers with 1 <= smallest <= largest"
            )
        if min(self.tokens, self.prompt, self.max_gamma) < 1:
            raise ValueError(
                f"tokens={self.tokens!r}, prompt={self.prompt!r}, max_gamma={self.max_gamma!r}: "
                "give integers of at least 1"
            )
        if not self.factors or any(not 0 < factor <= 1 for factor in self.factors):
            raise ValueError(f"factors is {self.factors!r}: give one factor in (0, 1] per category")
        if len(self.acceptance) != 2 or any(not value > 0 for value in self.acceptance):
            raise ValueError(
                f"acceptance is {self.acceptance!r}: give the two positive parameters of a Beta law"
            )

    def draw_acceptance(self, rng: np.random.Generator) -> np.ndarray:
        """Return the acceptance probabilities of one batch, shape (b,)."""
        size = int(rng.integers(self.smallest, self.largest + 1))
        factor = np.asarray(self.factors)[rng.integers(len(self.factors), size=size)]
        return np.asarray(np.minimum(rng.beta(*self.acceptance, size) * factor, 1 - 1e-12))

    def draw(self, acceptance: np.ndarray, rng: int | np.random.Generator | None = None) -> Workload:
        """Return the requests of a batch with given acceptance, too long for any to end first."""
        same = np.ones(acceptance.size)
        return workload_from_acceptance(
            0 * same,
            self.prompt * same,
            (self.tokens * (self.max_gamma + 1) + 1) * same,
            acceptance,
            max_gamma=self.max_gamma,
            rng=rng,
        )


def decode_throughput(trace: ServingTrace) -> float:
    """Return tokens per second over the rounds of a run, prompts not counted.

    Examples
    --------
    >>> from tightbound.simulators.bandits.serving import FixedLength, Server, serve
    >>> batch = StaticBatch(tokens=10).draw(np.array([0.5]), rng=0)
    >>> round(decode_throughput(serve(batch, FixedLength(0), Server(), limit=10)), 1)
    81.3
    """
    rounds = ~trace.prefill
    return float(trace.delivered[rounds].sum() / trace.seconds[rounds].sum())

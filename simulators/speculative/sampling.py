"""How tokens are drawn: the law that logits stand for, and addressed uniform variates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tightbound.kernels.probs_from_logits import probs_from_logits
from tightbound.theory._validation import Array, as_floats, as_integer

DRAFTS, VERIFICATION = 0, 1
MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Sampling:
    """Temperature and truncation, the same for the target and for the drafter.

    Speculative decoding follows the target's law only if the drafter's law is the one its tokens were really
    drawn from, so both go through here.

    Parameters
    ----------
    temperature : float
        0 writes the likeliest token, the first of several; 1 is the model's own law.
    top_k : int
        Number of tokens that are kept; 0 keeps all.
    top_p : float
        Share of probability that is kept, in (0, 1].

    Raises
    ------
    ValueError, TypeError
        For numbers outside these ranges.

    Examples
    --------
    >>> Sampling(temperature=1.0, top_k=1).law(np.log([[0.25, 0.75]]), backend="numpy")
    array([[0., 1.]])
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        heat, share = as_floats("temperature", self.temperature), as_floats("top_p", self.top_p)
        if heat.ndim or heat < 0.0:
            raise ValueError(
                f"temperature is {self.temperature!r}: give one number of at least 0; 0 takes the likeliest "
                "token, 1 samples from the model as it is"
            )
        as_integer("top_k", self.top_k, least=0)
        if share.ndim or not 0.0 < share <= 1.0:
            raise ValueError(
                f"top_p is {self.top_p!r}: give a share above 0 and at most 1; 1 keeps all tokens"
            )

    @property
    def greedy(self) -> bool:
        """Whether nothing is random."""
        return self.temperature == 0.0

    def law(self, logits: Any, *, backend: str = "auto") -> Any:
        """Return the law that a token is drawn from, shape (..., V); see ``probs_from_logits``."""
        return probs_from_logits(logits, self.temperature, self.top_k, self.top_p, backend=backend)


class RoundCoins:
    r"""Uniform variates of one round of one request, read from a Philox counter.

    The address is (seed; request; position of the round's first token; purpose; number), so a text depends
    neither on the requests beside it nor on threads or their order. The position is that of the *round*:
    were variates addressed by the position of the token they judge, then a round of block verification,
    which looks at coins beyond the last token it accepts, would leave used coins to the next one, and the
    text would be biased.

    Parameters
    ----------
    seed : int
        At least 0.
    request : int
        Number of the request, at least 0.
    position : int
        Tokens before the round, prompt included.

    References
    ----------
    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox).

    Examples
    --------
    >>> first = RoundCoins(1, 0, 5).drafts.random(2)
    >>> bool((RoundCoins(1, 0, 5).drafts.random(2) == first).all())
    True
    """

    def __init__(self, seed: int, request: int, position: int) -> None:
        self.seed, self.request, self.position = seed, request, position

    @cached_property
    def drafts(self) -> np.random.Generator:
        """Variates that drafted tokens are drawn with, in the order of the nodes."""
        return self._stream(DRAFTS)

    def verification(self, count: int) -> Array:
        """Return the first ``count`` variates of verification, the same at every call."""
        return self._stream(VERIFICATION).random(count)

    def _stream(self, purpose: int) -> np.random.Generator:
        key = np.array([self.seed & MASK, self.request], dtype=np.uint64)
        counter = np.array([0, self.position, purpose, 0], dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=key, counter=counter))

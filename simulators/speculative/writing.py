"""What a decoder is asked to write, checked, and the texts while they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.language_models.language_model import ContextOverflowError, LanguageModel
from tightbound.simulators.speculative.decoding import Completion, Outcome, RoundLog
from tightbound.simulators.speculative.drafter import Job
from tightbound.simulators.speculative.sampling import Sampling
from tightbound.simulators.speculative.text_drafter import Tokens
from tightbound.theory._validation import Integers, as_indices, as_integer


@dataclass(frozen=True, eq=False)
class Orders:
    """Checked arguments of one call.

    Parameters
    ----------
    job : Job
        What drafters need to know.
    limits : ndarray of int, shape (B,)
        Most tokens of each output.
    ends : frozenset of int
        Tokens that end a text.
    stops : tuple of tuple of int
        Sequences that end a text.
    """

    job: Job
    limits: Integers
    ends: frozenset[int]
    stops: tuple[tuple[int, ...], ...]

    @classmethod
    def of(
        cls,
        target: LanguageModel,
        prompts: Sequence[ArrayLike],
        max_new_tokens: int | Sequence[int],
        sampling: Sampling | None,
        eos: int | Sequence[int] | None,
        stop: Sequence[Sequence[int]],
        seed: int,
        requests: Sequence[int] | None,
        backend: str,
    ) -> Orders:
        """Check the arguments of ``SpeculativeDecoder.generate``, whose errors these are."""
        size = target.vocabulary
        texts = [as_indices(f"prompts[{b}]", np.ravel(prompt), size) for b, prompt in enumerate(prompts)]
        if not texts:
            raise ValueError("prompts is empty: give at least one prompt")
        for b, text in enumerate(texts):
            if text.size == 0:
                raise ValueError(
                    f"prompts[{b}] is empty: give at least one token, e.g. one that begins a text"
                )
        one_for_all = np.ndim(max_new_tokens) == 0
        wanted: Any = [max_new_tokens] * len(texts) if one_for_all else max_new_tokens
        limits = np.array([as_integer("max_new_tokens", count, least=1) for count in wanted])
        numbers = range(len(texts)) if requests is None else requests
        numbers = [as_integer("requests", number, least=0) for number in numbers]
        for name, given in (("max_new_tokens", len(limits)), ("requests", len(numbers))):
            if given != len(texts):
                raise ValueError(f"{name} has {given} entries for {len(texts)} prompts: give one for each")
        if len(set(numbers)) < len(numbers):
            raise ValueError("requests holds a number twice: two texts would share their random numbers")
        rows = np.array([text.size for text in texts]) + limits - 1
        if rows.max() > target.context:
            b = int(rows.argmax())
            raise ContextOverflowError(
                f"prompts[{b}] has {texts[b].size} tokens and max_new_tokens is {limits[b]}: together at "
                f"most {target.context + 1} fit the context of {target.context}; shorten one of them"
            )
        ends = () if eos is None else [eos] if isinstance(eos, (int, np.integer)) else eos
        job = Job(
            target,
            texts,
            numbers,
            Sampling() if sampling is None else sampling,
            int(rows.max()),
            as_integer("seed", seed, least=0),
            backend,
        )
        stops = tuple(tuple(as_indices("stop", one, size).tolist()) for one in stop)
        if any(not one for one in stops):
            raise ValueError("stop holds an empty sequence, which every text ends with: leave it out")
        return cls(job, limits, frozenset(as_indices("eos", ends, size).tolist()), stops)


class Writing:
    """One text while it is written."""

    def __init__(self, orders: Orders, b: int) -> None:
        prompt = orders.job.prompts[b]
        self.orders, self.number, self.request = orders, b, orders.job.requests[b]
        self.prompt, self.limit = prompt, int(orders.limits[b])
        self.buffer = np.concatenate([prompt, np.zeros(self.limit, dtype=np.int64)])
        self.written = 0
        self.outcome: Outcome | None = None
        self.log: list[tuple[Any, ...]] = []

    @property
    def text(self) -> Tokens:
        """Prompt and output so far."""
        return self.buffer[: self.prompt.size + self.written]

    @property
    def output(self) -> Tokens:
        """Output so far."""
        return self.buffer[self.prompt.size : self.prompt.size + self.written]

    @property
    def room(self) -> int:
        """Most tokens that are worth drafting: the token after them is written too."""
        return self.limit - self.written - 1

    def take(self, tokens: Integers) -> Tokens:
        """Write tokens up to the first end; return those that were written."""
        start = self.written
        for token in tokens.tolist():
            self.buffer[self.prompt.size + self.written] = token
            self.written += 1
            self.outcome = self._ending(token)
            if self.outcome is not None:
                break
        return self.output[start:].copy()

    def _ending(self, token: int) -> Outcome | None:
        if token in self.orders.ends:
            return "eos"
        for sequence in self.orders.stops:
            if self.written >= len(sequence) and tuple(self.output[-len(sequence) :].tolist()) == sequence:
                return "stop"
        return "length" if self.written == self.limit else None

    def completion(self) -> Completion:
        """Return the finished text."""
        assert self.outcome is not None
        columns: list[Any] = [np.array(column) for column in zip(*self.log, strict=True)]
        return Completion(self.prompt, self.output.copy(), self.outcome, RoundLog(*columns))

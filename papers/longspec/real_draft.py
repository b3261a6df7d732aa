"""The shipped draft of SmolLM2-135M-Instruct at work: held-out prompts, and a target that reads each once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.papers.longspec.pace import Pace
from tightbound.papers.longspec.texts import SPACE, texts
from tightbound.simulators.language_models import smollm2
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.speculative.decoder import SpeculativeDecoder
from tightbound.simulators.speculative.decoding import Decoding
from tightbound.simulators.speculative.drafter import Drafter, NoDraft
from tightbound.simulators.speculative.generate import NEAR_TIE, parting
from tightbound.simulators.speculative.growth import Beam
from tightbound.simulators.speculative.long_spec import LongSpecDraft
from tightbound.simulators.speculative.long_spec_block import LongSpecBlock
from tightbound.simulators.speculative.named_drafters import LONG_SPEC
from tightbound.simulators.speculative.text_drafter import Tokens

APART = 9001
"""Tokens between the beginnings of two prompts: no two of one length overlap up to a whole context."""


@dataclass(frozen=True, eq=False)
class Rereading(Llama):
    """A target that reads the beginning of a text once; later caches get the rows that it found then.

    Passes that ask for no logits read a prompt. One text at a time.
    """

    known: dict[int, tuple[NDArray[Any], ...]] = field(default_factory=dict)

    def forward(self, cache: Any, tokens: ArrayLike, **how: Any) -> NDArray[np.float32]:
        """Return logits, and append rows; those of a prompt come from the first reading."""
        read, start = how.get("read"), int(cache.lengths[0])
        if read is None or np.size(read):
            return super().forward(cache, tokens, **how)
        given = np.asarray(tokens)
        last = slice(start, start + given.shape[1])
        if start not in self.known or not np.array_equal(self.known[start][0], given):
            super().forward(cache, tokens, **how)
            rows = cache.keys[:, :, :, last].copy(), cache.values[:, :, :, last].copy()
            self.known[start] = (given.copy(), *rows)
        else:
            cache.grow(given.shape[1])
            cache.keys[:, :, :, last], cache.values[:, :, :, last] = self.known[start][1:]
            cache.written(given.shape[1])
        return np.empty((len(given), 0, self.vocabulary), dtype=np.float32)


@cache
def shipped() -> LongSpecBlock:
    """Return the draft that ships."""
    return LongSpecBlock.load(LONG_SPEC)


@cache
def held_out() -> Tokens:
    """Return all texts of files that training did not see, one after another.

    Some files repeat others: 8 % of all runs of 24 tokens stand in texts of the training too, and 90 % of
    those of the first thousand tokens.
    """
    tokenizer = smollm2.load().tokenizer
    return np.concatenate([tokenizer.encode(text + SPACE) for text in texts().held_out])


def prompt(length: int, number: int) -> Tokens:
    """Return so many held-out tokens, others for each number."""
    whole = held_out()
    first = number * APART
    if first + length > whole.size:
        raise ValueError(
            f"number is {number} and length {length}: the held-out texts have {whole.size} tokens; give a "
            "smaller number"
        )
    return whole[first : first + length]


SHAPES: Mapping[str, tuple[int, ...]] = {
    "chain of 1": (1,),
    "chain of 5": (1, 1, 1, 1, 1),
    "tree 2, 3, 3": (2, 3, 3),
    "tree 4, 16, 16, 16, 16": (4, 16, 16, 16, 16),
}
"""Nodes per layer: chains, a small tree, the tree of the paper."""


@dataclass(frozen=True, eq=False)
class Written:
    """A text, and what it took to write it.

    Parameters
    ----------
    decoding : Decoding
        Tokens and rounds.
    seconds_per_token : float
        Processor time, from the end of the first round to that of the last.
    """

    decoding: Decoding
    seconds_per_token: float

    @property
    def tokens(self) -> Tokens:
        """What was written."""
        return self.decoding.completions[0].tokens


def write(target: Llama, draft: Drafter, given: Tokens, count: int) -> Written:
    """Continue a prompt at temperature 0.

    Parameters
    ----------
    target : Llama
        Often a `Rereading`.
    draft : Drafter
        ``NoDraft()`` for plain decoding.
    given : ndarray of int
        The prompt.
    count : int
        Tokens to write, more than a round can yield.
    """
    pace = Pace(1, clock=time.process_time)
    found = SpeculativeDecoder(target, draft).generate([given], count, on_tokens=pace)
    return Written(found, pace.seconds_per_token)


def accepted_by_place(found: Decoding, depth: int) -> NDArray[np.float64]:
    """Return how often the d-th drafted token was accepted where those before it were, d = 1, ..., depth."""
    log = found.completions[0].log
    reached = [(log.accepted >= d) & (log.drafted > d) for d in range(depth)]
    taken = [(log.accepted > d) & (log.drafted > d) for d in range(depth)]
    tries = np.array([one.sum() for one in reached])
    shares: NDArray[np.float64] = np.array([one.sum() for one in taken]) / np.maximum(tries, 1)
    return shares


def compared(
    target: Llama, block: LongSpecBlock, given: Tokens, count: int, shapes: Sequence[str] = tuple(SHAPES)
) -> dict[str, Written]:
    """Return the text without drafts, and with drafts of several shapes.

    Parameters
    ----------
    target : Llama
        A `Rereading` where the prompt is long.
    block : LongSpecBlock
        Weights of the draft.
    given : ndarray of int
        The prompt.
    count : int
        Tokens to write.
    shapes : sequence of str
        Names among `SHAPES`.

    Raises
    ------
    ArithmeticError
        Where a text leaves that of plain decoding and not at a near-tie.
    """
    runs = {"plain decoding": write(target, NoDraft(), given, count)}
    plain = runs["plain decoding"].tokens
    for name in shapes:
        runs[name] = write(target, LongSpecDraft(block, Beam(SHAPES[name])), given, count)
        place, margin = parting(target, given, plain, runs[name].tokens)
        if place is not None and (margin is None or margin >= NEAR_TIE):
            raise ArithmeticError(f"with a {name} the text parts at token {place}, by {margin}: it must not")
    return runs

"""Sessions of drafters that run a language model: one of its own, or the target with less to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.language_models.language_model import LanguageModel, Observer
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.drafter import BaseSession, Job, Turn
from tightbound.simulators.speculative.growth import Shape, grow
from tightbound.theory._validation import Integers

CHUNK = 256


class SelfSession(BaseSession):
    """The target drafts for itself, by passes that are cheaper than its own.

    What these passes write stays pending and is dropped: keys and values of accepted tokens are those of the
    full pass that verifies them.

    Parameters
    ----------
    job : Job
        The batch.
    shape : Branching or Beam
        Shape of the drafts.
    """

    def __init__(self, job: Job, shape: Shape) -> None:
        self.job, self.shape = job, shape

    def cheaper(self) -> dict[str, Any]:
        """Return the arguments that make a pass of the target cheaper."""
        raise NotImplementedError(f"{type(self).__name__} must say how it is cheaper: define cheaper()")

    def draft(self, turn: Turn) -> list[Draft]:
        """Return one draft per sequence."""
        target, cache, cheaper = self.job.target, turn.cache, self.cheaper()

        def forward(tokens: Integers, **rows: Any) -> NDArray[Any]:
            return target.forward(cache, tokens, **rows, **cheaper)

        try:
            drafts, _ = grow(
                forward,
                [text[-1:] for text in turn.texts],
                cache.lengths,
                turn.limits,
                self.shape,
                self.job.sampling,
                turn.coins,
                backend=self.job.backend,
            )
        finally:
            cache.discard()
        return drafts


class ModelSession(BaseSession):
    """Another model drafts, with a cache of its own that may lag behind the text.

    After a round in which every draft was accepted it lacks the last of them, after rounds in which another
    drafter was at work all that they wrote: what is missing is read first.

    Parameters
    ----------
    job : Job
        The batch.
    model : LanguageModel
        The drafter's model.
    shape : Branching or Beam
        Shape of the drafts.
    """

    def __init__(self, job: Job, model: LanguageModel, shape: Shape) -> None:
        self.job, self.model, self.shape = job, model, shape
        self.cache = model.start(len(job.prompts), job.capacity)
        self.rows: list[list[Integers]] = []

    def begin(self, cache: Any) -> None:
        """Read the prompts but for their last tokens."""
        self._read([prompt[:-1] for prompt in self.job.prompts])

    def draft(self, turn: Turn) -> list[Draft]:
        """Return one draft per sequence."""
        done = self.cache.lengths
        behind = [
            text[n:] if go else text[:0] for text, n, go in zip(turn.texts, done, turn.limits, strict=True)
        ]
        far = [tokens[: max(tokens.size - CHUNK, 0)] for tokens in behind]
        self._read(far)

        def forward(tokens: Integers, **rows: Any) -> NDArray[Any]:
            return self.model.forward(self.cache, tokens, **rows)

        try:
            drafts, self.rows = grow(
                forward,
                [tokens[old.size :] for tokens, old in zip(behind, far, strict=True)],
                self.cache.lengths,
                turn.limits,
                self.shape,
                self.job.sampling,
                turn.coins,
                backend=self.job.backend,
            )
        except BaseException:
            self.cache.discard()
            raise
        # a sequence that drafts nothing still has the last token of its text as the root
        return [
            draft if draft.nodes > 1 else Draft.chain(int(text[-1]), ())
            for draft, text in zip(drafts, turn.texts, strict=True)
        ]

    def verified(self, turn: Turn, paths: Sequence[Integers | None]) -> None:
        """Keep what was read of accepted nodes."""
        kept: list[Integers] = []
        for rows, path in zip(self.rows, paths, strict=True):
            if path is None or not rows:
                kept.append(np.zeros(0, dtype=np.int64))
            else:
                read = [node for node in (0, *path.tolist()) if node < len(rows)]
                kept.append(rows[read[-1]])
        if self.cache.pending:
            widest = max(one.size for one in kept)
            padded = np.zeros((len(kept), widest), dtype=np.int64)
            for row, one in zip(padded, kept, strict=True):
                row[: one.size] = one
            self.cache.commit(padded, np.array([one.size for one in kept]))
        self.rows = []

    def select(self, kept: Integers) -> None:
        """Go on with these sequences."""
        self.cache.select(kept)

    def _read(self, texts: Sequence[Integers]) -> None:
        read_into(self.model, self.cache, texts)


def read_into(
    model: Any, cache: Any, texts: Sequence[Integers], *, observe: Observer | None = None, chunk: int = CHUNK
) -> None:
    """Commit further tokens of each sequence, possibly none, chunk by chunk; no logits are computed.

    Parameters
    ----------
    model : LanguageModel
    cache : Cache
        Of that model, without pending rows; its sequences may have different lengths.
    texts : sequence of ndarray of int
        Tokens of each sequence.
    observe : callable, optional
        Sees every pass, rows beyond the end of a text among them; only models with attention can be seen.
    chunk : int
        Rows per pass.
    """
    counts = np.array([text.size for text in texts])
    nothing = np.zeros((counts.size, 0), dtype=np.int64)
    how: dict[str, Any] = {} if observe is None else {"observe": observe}
    for first in range(0, int(counts.max(initial=0)), chunk):
        width = min(chunk, int(counts.max()) - first)
        tokens = np.zeros((counts.size, width), dtype=np.int64)
        for filled, text in zip(tokens, texts, strict=True):
            part = text[first : first + width]
            filled[: part.size] = part
        keep = np.clip(counts - first, 0, width)
        if np.any(cache.lengths + width > model.context):
            # rows beyond the end of a text must not stand beyond that of the context
            there = np.arange(width) < keep[:, np.newaxis]
            mask = np.tri(width, dtype=np.bool_) & there[:, :, np.newaxis] | np.eye(width, dtype=np.bool_)
            positions = cache.lengths[:, np.newaxis] + np.where(there, np.arange(width), 0)
            model.forward(cache, tokens, read=nothing, mask=mask, positions=positions, **how)
        else:
            model.forward(cache, tokens, read=nothing, **how)
        cache.commit(np.broadcast_to(np.arange(width), tokens.shape), keep)

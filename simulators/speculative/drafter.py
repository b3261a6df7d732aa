"""What a drafter is to the decoder: it opens a session per batch, and a session drafts round after round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tightbound.simulators.language_models.language_model import LanguageModel, Observer
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.ngram import NGram
from tightbound.simulators.speculative.sampling import RoundCoins, Sampling
from tightbound.simulators.speculative.suffix import SuffixDatastore
from tightbound.simulators.speculative.text_drafter import PAD, TextDrafter, Tokens, checked_tokens
from tightbound.theory._validation import Integers


@dataclass(frozen=True, eq=False)
class Job:
    """What does not change while a batch is decoded.

    Parameters
    ----------
    target : LanguageModel
        The model whose law the texts follow.
    prompts : sequence of ndarray of int
        One per sequence, at least one token each.
    requests : sequence of int
        Number of each sequence, part of the address of its variates.
    sampling : Sampling
        How tokens are drawn, from the drafter as from the target.
    capacity : int
        Most tokens of one text that are read; the last one that is written is not.
    seed : int
        Root of all variates.
    backend : str
        See :mod:`tightbound.kernels.backends`.
    """

    target: LanguageModel
    prompts: Sequence[Tokens]
    requests: Sequence[int]
    sampling: Sampling
    capacity: int
    seed: int = 0
    backend: str = "auto"


@dataclass(frozen=True, eq=False)
class Turn:
    """One round of a batch, as a session sees it.

    Parameters
    ----------
    texts : sequence of ndarray of int
        Prompt and output of each sequence that is not finished.
    limits : ndarray of int, shape (B,)
        Most drafted tokens on a path; 0 for sequences that this session drafts nothing for.
    coins : sequence of RoundCoins
        Variates of each sequence in this round.
    cache : Cache
        The target's, which holds all of each text but its last token, and nothing pending. A session may add
        pending rows and must discard them.
    """

    texts: Sequence[Tokens]
    limits: Integers
    coins: Sequence[RoundCoins]
    cache: Any


class Session(Protocol):
    """State of a drafter while it drafts for one batch."""

    def observer(self, cache: Any) -> Observer | None:
        """Return what wants to see the pass that reads the prompts into the target's cache, or None."""
        ...

    def begin(self, cache: Any) -> None:
        """Take note that the prompts, each without its last token, are in the target's cache."""
        ...

    def draft(self, turn: Turn) -> list[Draft]:
        """Return one draft per sequence, rooted at the last token of its text."""
        ...

    def verified(self, turn: Turn, paths: Sequence[Integers | None]) -> None:
        """Learn which nodes of each draft were accepted, the root not among them; None where not drafted."""
        ...

    def select(self, kept: Integers) -> None:
        """Go on with these sequences of the batch only, ascending."""
        ...


@runtime_checkable
class Drafter(Protocol):
    """Proposes tokens that the target may accept; it decides how fast a text is written, never which text."""

    @property
    def max_draft(self) -> int:
        """Longest path that it drafts, in tokens."""
        ...

    def open(self, job: Job) -> Session:
        """Return a session for a batch; raises where target and drafter do not fit."""
        ...


class BaseSession:
    """A session without state."""

    def observer(self, cache: Any) -> Observer | None:
        """Nothing wants to see the prompts."""
        return None

    def begin(self, cache: Any) -> None:
        """Do nothing."""

    def verified(self, turn: Turn, paths: Sequence[Integers | None]) -> None:
        """Do nothing."""

    def select(self, kept: Integers) -> None:
        """Do nothing."""


class TextSession(BaseSession):
    """Drafts of a drafter that reads the text only.

    Parameters
    ----------
    drafter : TextDrafter
        Gives tokens, not laws: its drafts are chosen.
    vocabulary : int
        Tokens of the target; a draft ends before one that the target does not know.
    """

    def __init__(self, drafter: TextDrafter, vocabulary: int) -> None:
        self.drafter, self.vocabulary = drafter, vocabulary

    def draft(self, turn: Turn) -> list[Draft]:
        """Return one chain per sequence."""
        return [
            Draft.chain(int(text[-1]), self._tokens(text, int(limit)))
            for text, limit in zip(turn.texts, turn.limits, strict=True)
        ]

    def _tokens(self, text: Tokens, limit: int) -> Tokens:
        if limit == 0:
            return text[:0]
        drafted = checked_tokens("draft", self._draft(text))[:limit]
        unknown = np.flatnonzero(drafted >= self.vocabulary)
        return drafted[: unknown[0]] if unknown.size else drafted

    def _draft(self, text: Tokens) -> Tokens:
        if isinstance(self.drafter, (NGram, SuffixDatastore)):  # their definitions go through all their data
            found: Tokens = self.drafter.drafts(np.append(text, 0), text.size)[0]
            drafted: Tokens = found[found != PAD]
            return drafted
        return self.drafter.draft(text)


@dataclass(frozen=True)
class NoDraft:
    """Drafts nothing, so that decoding is plain: one pass of the target for each token.

    Examples
    --------
    >>> from tightbound.simulators.language_models.table_model import TableModel
    >>> from tightbound.simulators.speculative.decoder import SpeculativeDecoder
    >>> model = TableModel([[0.1, 0.9], [0.9, 0.1], [0.5, 0.5]])
    >>> SpeculativeDecoder(model, NoDraft(), backend="numpy").generate([[0]], 3).tokens
    [[1, 0, 1]]
    """

    @property
    def max_draft(self) -> int:
        """No token is drafted."""
        return 0

    def open(self, job: Job) -> Session:
        """Return a session that never drafts."""
        return _NoSession()


class _NoSession(BaseSession):
    def draft(self, turn: Turn) -> list[Draft]:
        return [Draft.chain(int(text[-1]), ()) for text in turn.texts]


def open_session(drafter: Drafter | TextDrafter, job: Job) -> Session:
    """Return a session of either kind of drafter."""
    if isinstance(drafter, Drafter):
        return drafter.open(job)
    return TextSession(drafter, job.target.vocabulary)


def checked_drafter(name: str, drafter: Any) -> int:
    """Return the longest draft of something that can draft."""
    if not isinstance(drafter, Drafter) and not callable(getattr(drafter, "draft", None)):
        raise TypeError(
            f"{name} is {drafter!r} ({type(drafter).__name__}): give a drafter, e.g. PromptLookup(), or "
            "NoDraft() for plain decoding"
        )
    return int(drafter.max_draft)

"""Suffix matching: copy what followed the longest suffix of the context, in the context or in a datastore."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.speculative.text_drafter import (
    Tokens,
    checked_count,
    checked_text,
    checked_tokens,
    gather,
    longest_suffix,
)


@dataclass(frozen=True)
class SuffixAutomaton:
    """Drafts the tokens that followed the first occurrence of the context's longest repeated suffix.

    The suffix automaton of prompt and output grows by one token per position in amortised constant time; the
    suffix link of its last state is the longest suffix that has an earlier end.

    Parameters
    ----------
    max_draft : int
        Longest draft, in tokens.

    References
    ----------
    Blumer et al., Theoretical Computer Science 40, 1985 (the automaton).
    Hu et al., "SAM Decoding: Speculative Decoding via Suffix Automaton", ACL 2025 (its use as a drafter).

    Examples
    --------
    >>> SuffixAutomaton(max_draft=2).draft([1, 2, 9, 5, 1, 2, 8, 5, 1, 2])
    array([8, 5])
    >>> SuffixAutomaton(max_draft=2).drafts([1, 2, 3, 1, 2], start=3)
    array([[-1, -1],
           [ 2,  3]])
    """

    max_draft: int = 10

    def __post_init__(self) -> None:
        checked_count("max_draft", self.max_draft)

    def draft(self, context: ArrayLike) -> Tokens:
        """Return the draft after ``context``.

        Parameters
        ----------
        context : array_like of int, shape (tokens,)
            Prompt and what has been written so far.

        Returns
        -------
        ndarray of int64, shape (at most max_draft,)
        """
        tokens = checked_tokens("context", context)
        end = longest_suffix(tokens, tokens[:-1])
        return tokens[end : end + self.max_draft] if end else tokens[:0]

    def drafts(self, text: ArrayLike, start: int) -> Tokens:
        """Return the draft at every position of the output in one pass.

        Parameters
        ----------
        text : array_like of int, shape (start + positions,)
            Prompt and output.
        start : int
            Length of the prompt in tokens.

        Returns
        -------
        ndarray of int64, shape (positions, max_draft)
            Row x is ``draft(text[: start + x])``, padded with -1.
        """
        from tightbound.simulators.speculative._kernel_suffix import build

        tokens, start = checked_text(text, start)
        ranks = np.unique(tokens, return_inverse=True)[1].reshape(-1)
        repeated = build(ranks)[-1]
        return gather(tokens, repeated[start : tokens.size], np.arange(start, tokens.size), self.max_draft)


@dataclass(frozen=True, eq=False)
class SuffixDatastore:
    """Drafts the tokens that followed the context's longest suffix where it first stands in a datastore.

    Parameters
    ----------
    data : array_like of int, shape (tokens,)
        The datastore, e.g. a training split.
    max_draft : int
        Longest draft, in tokens.

    References
    ----------
    He et al., "REST: Retrieval-Based Speculative Decoding", NAACL 2024; here with one draft, no tree.

    Examples
    --------
    >>> SuffixDatastore(data=[1, 2, 3, 4, 9, 2, 3, 5], max_draft=2).draft([7, 9, 2, 3])
    array([5])
    """

    data: Tokens = field(repr=False)
    max_draft: int = 10

    def __post_init__(self) -> None:
        checked_count("max_draft", self.max_draft)
        data = checked_tokens("data", self.data)
        if data.size < 2:
            raise ValueError(f"data holds {data.size} tokens: give at least 2, a match and what follows it")
        object.__setattr__(self, "data", data)

    @cached_property
    def _automaton(self) -> tuple[Tokens, tuple[Any, ...]]:
        from tightbound.simulators.speculative._kernel_suffix import build

        # without the last token: every match then has something after it
        known, ranks = np.unique(self.data[:-1], return_inverse=True)
        return known, build(ranks.reshape(-1))[:-1]

    def draft(self, context: ArrayLike) -> Tokens:
        """Return the draft after ``context``.

        Parameters
        ----------
        context : array_like of int, shape (tokens,)
            Prompt and what has been written so far.

        Returns
        -------
        ndarray of int64, shape (at most max_draft,)
        """
        end = longest_suffix(checked_tokens("context", context), self.data[:-1])
        return self.data[end : end + self.max_draft] if end else self.data[:0]

    def drafts(self, text: ArrayLike, start: int) -> Tokens:
        """Return the draft at every position of the output in one pass.

        Parameters
        ----------
        text : array_like of int, shape (start + positions,)
            Prompt and output.
        start : int
            Length of the prompt in tokens.

        Returns
        -------
        ndarray of int64, shape (positions, max_draft)
            Row x is ``draft(text[: start + x])``, padded with -1.
        """
        from tightbound.simulators.speculative._kernel_suffix import match

        tokens, start = checked_text(text, start)
        known, automaton = self._automaton
        ranks = np.minimum(np.searchsorted(known, tokens), known.size - 1)
        ranks = np.where(known[ranks] == tokens, ranks, -1)
        ends = match(ranks, *automaton)[start : tokens.size]
        return gather(self.data, ends, np.full(ends.size, self.data.size), self.max_draft)

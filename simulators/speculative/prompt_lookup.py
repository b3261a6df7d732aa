"""Prompt lookup decoding: copy what followed the last n-gram where it first stood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.speculative.text_drafter import (
    Tokens,
    checked_count,
    checked_text,
    checked_tokens,
    gather,
)


@dataclass(frozen=True)
class PromptLookup:
    """Drafts the tokens that followed the first occurrence of the context's last n-gram.

    The longest n <= ``max_ngram`` with an earlier occurrence decides:
    ``draft = context[e : e + max_draft]`` with e the first position at which ``context[-n:]`` ends.

    Parameters
    ----------
    max_ngram : int
        Longest n-gram that is looked up, in tokens.
    max_draft : int
        Longest draft, in tokens.

    References
    ----------
    Saxena, "Prompt Lookup Decoding", 2023.

    Examples
    --------
    >>> PromptLookup(max_ngram=2, max_draft=3).draft([7, 1, 2, 3, 4, 1, 2])
    array([3, 4, 1])
    """

    max_ngram: int = 3
    max_draft: int = 10

    def __post_init__(self) -> None:
        checked_count("max_ngram", self.max_ngram)
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
        for n in range(min(self.max_ngram, tokens.size - 1), 0, -1):
            grams = np.lib.stride_tricks.sliding_window_view(tokens[:-1], n)
            hits = np.flatnonzero((grams == tokens[-n:]).all(axis=1))
            if hits.size:
                end = hits[0] + n
                return tokens[end : end + self.max_draft]
        return tokens[:0]

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
        tokens, start = checked_text(text, start)
        now = np.arange(start, tokens.size)
        ends = np.zeros(now.size, dtype=np.int64)
        rank = np.zeros(tokens.size, dtype=np.int64)
        for n in range(1, min(self.max_ngram, tokens.size) + 1):
            # rank[e - 1] numbers the n-gram that ends at e; its first occurrence is first[rank[e - 1]] + n
            grams = np.stack([rank[n - 2 : -1] if n > 1 else rank, tokens[n - 1 :]], axis=1)
            _, first, inverse = np.unique(grams, axis=0, return_index=True, return_inverse=True)
            rank[n - 1 :] = inverse.reshape(-1)
            known = now >= n
            end = first[rank[now[known] - 1]] + n
            ends[known] = np.where(end < now[known], end, ends[known])
        return gather(tokens, ends, now, self.max_draft)

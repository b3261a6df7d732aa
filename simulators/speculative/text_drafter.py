"""Drafters that read nothing but the text, and how many tokens of their drafts a given text accepts."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Tokens = NDArray[np.int64]
PAD = -1
"""Fills a draft that is shorter than ``max_draft``; no token id is negative."""


class TextDrafter(Protocol):
    """Proposes up to ``max_draft`` tokens to follow a context: a drafter without model and without chance.

    ``draft`` is the definition, ``drafts`` the same at every position of a text in one pass. Such a drafter
    serves :class:`~tightbound.simulators.speculative.decoder.SpeculativeDecoder` like any other.
    """

    @property
    def max_draft(self) -> int:
        """Length of the longest draft, in tokens."""
        ...

    def draft(self, context: ArrayLike) -> Tokens:
        """Return the proposed continuation of ``context``, possibly empty."""
        ...

    def drafts(self, text: ArrayLike, start: int) -> Tokens:
        """Return row x = ``draft(text[: start + x])``, padded with -1, for every position x of the output."""
        ...


def accepted_lengths(drafts: ArrayLike, text: ArrayLike, start: int) -> NDArray[np.int64]:
    """Return y(x) = 1 + length of the common prefix of the draft at x and the text that follows x.

    This is the number of tokens that one round of greedy speculative decoding yields when the target model
    writes ``text``: the accepted draft tokens and one token of the target's own.

    Parameters
    ----------
    drafts : array_like of int, shape (positions, max_draft)
        Row x is the draft after ``text[: start + x]``, padded with -1.
    text : array_like of int, shape (start + positions,)
        Prompt and output.
    start : int
        Length of the prompt.

    Returns
    -------
    ndarray of int64, shape (positions,)
        Values in 1..max_draft + 1. The common prefix ends with the text: y(x) <= positions - x + 1.

    Raises
    ------
    ValueError
        If shapes do not fit each other.

    Examples
    --------
    >>> accepted_lengths([[5, 6], [6, 9], [7, -1]], [1, 5, 6, 7], start=1)
    array([3, 2, 2])
    """
    text, start = checked_text(text, start)
    rows = np.asarray(drafts, dtype=np.int64)
    positions = text.size - start
    if rows.ndim != 2 or rows.shape[0] != positions:
        raise ValueError(
            f"drafts has shape {rows.shape}: give one row per output position, ({positions}, max_draft) "
            f"for a text of {text.size} tokens with start={start}"
        )
    ahead = np.concatenate([text[start:], np.full(rows.shape[1], PAD - 1)])
    actual = np.lib.stride_tricks.sliding_window_view(ahead, rows.shape[1])[:positions]
    return np.asarray(1 + np.cumprod(rows == actual, axis=1).sum(axis=1), dtype=np.int64)


def checked_tokens(name: str, tokens: ArrayLike) -> Tokens:
    """Return a token array as int64 after checking that it is one-dimensional and non-negative."""
    array: NDArray[Any] = np.asarray(tokens)
    if array.size == 0 and array.ndim == 1:
        return np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise TypeError(
            f"{name} has dtype {array.dtype} and shape {array.shape}: give a one-dimensional array of "
            "integer token ids, e.g. from Vocabulary.encode"
        )
    if array.min() < 0:
        raise ValueError(f"{name} holds {array.min()}: token ids are 0 or larger; cut padding off first")
    return np.ascontiguousarray(array, dtype=np.int64)


def checked_text(text: ArrayLike, start: int) -> tuple[Tokens, int]:
    """Check a text and the length of its prompt."""
    tokens = checked_tokens("text", text)
    if isinstance(start, bool) or not isinstance(start, (int, np.integer)) or not 0 <= start <= tokens.size:
        raise ValueError(
            f"start is {start!r}: give the prompt's length, an integer in 0..{tokens.size} for this text"
        )
    return tokens, int(start)


def checked_count(name: str, value: int) -> None:
    """Check a hyper-parameter that must be an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is {value!r}: give an integer of at least 1")
    if value < 1:
        raise ValueError(f"{name} is {value}: give an integer of at least 1")


def longest_suffix(context: Tokens, data: Tokens) -> int:
    """Return where in ``data`` the longest suffix of ``context`` first ends; 0 if there is none."""
    ends = np.arange(1, data.size + 1) if context.size else np.zeros(0, dtype=np.int64)
    found = 0
    for back in range(1, context.size + 1):
        ends = ends[ends >= back]
        ends = ends[data[ends - back] == context[-back]]
        if ends.size == 0:
            break
        found = int(ends[0])
    return found


def gather(data: Tokens, ends: Tokens, limits: Tokens, max_draft: int) -> Tokens:
    """Return rows ``data[ends[x] : limits[x]]`` cut or padded to ``max_draft``; ``ends`` 0 is no match."""
    index = ends[:, None] + np.arange(max_draft)
    inside = (ends[:, None] > 0) & (index < limits[:, None])
    return np.where(inside, data[np.where(inside, index, 0)], PAD) if data.size else np.full(index.shape, PAD)

"""A greedy back-off n-gram model: the smallest trained drafter."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.speculative.text_drafter import Tokens, checked_count, checked_text, checked_tokens


@dataclass(frozen=True, eq=False)
class NGram:
    """Drafts the most frequent next token of the longest known context, again and again.

    ``next = argmax_v count(c_n v)`` for the longest suffix ``c_n`` of the context, n < ``order``, that occurs
    in the training data with something after it; ties go to the smallest id. ``max_draft`` steps a draft.

    Parameters
    ----------
    data : array_like of int, shape (tokens,)
        Training tokens.
    order : int
        Longest n-gram counted: a prediction looks at up to ``order - 1`` tokens.
    max_draft : int
        Length of a draft, in tokens.

    References
    ----------
    Katz, IEEE Trans. ASSP 35(3), 1987 (backing off; here greedy and without discounting).

    Examples
    --------
    >>> NGram(data=[1, 2, 3, 1, 2, 3, 4], order=3, max_draft=3).draft([9, 1])
    array([2, 3, 1])
    """

    data: Tokens = field(repr=False)
    order: int = 4
    max_draft: int = 10

    def __post_init__(self) -> None:
        checked_count("order", self.order)
        checked_count("max_draft", self.max_draft)
        data = checked_tokens("data", self.data)
        if data.size < self.order:
            raise ValueError(f"data holds {data.size} tokens: give at least order={self.order}")
        object.__setattr__(self, "data", data)

    @cached_property
    def _tables(self) -> tuple[int, Tokens, Tokens, Tokens]:
        """Per context length: sorted keys (rank of all but the last token, last token), and the best next."""
        data = self.data
        vocabulary = int(data.max()) + 1
        starts, keys, best = [0], [], []
        rank = np.zeros(data.size, dtype=np.int64)
        for n in range(self.order):
            # rank[i] numbers data[i : i + n], for every i at which a token follows
            contexts = rank[: data.size - n]
            pairs, counts = np.unique(contexts * vocabulary + data[n:], return_counts=True)
            order = np.lexsort((pairs, -counts, pairs // vocabulary))
            first = np.unique(pairs[order] // vocabulary, return_index=True)[1]
            best.append(pairs[order][first] % vocabulary)
            if n + 1 < self.order:
                known, rank = np.unique((contexts * vocabulary + data[n:])[:-1], return_inverse=True)
                keys.append(known)
                starts.append(starts[-1] + known.size)
        return (
            vocabulary,
            np.array(starts),
            np.concatenate([*keys, np.zeros(0, np.int64)]),
            np.concatenate(best),
        )

    def draft(self, context: ArrayLike) -> Tokens:
        """Return the draft after ``context``.

        Parameters
        ----------
        context : array_like of int, shape (tokens,)
            Prompt and what has been written so far.

        Returns
        -------
        ndarray of int64, shape (max_draft,)
        """
        tokens = checked_tokens("context", context)
        for _ in range(self.max_draft):
            tokens = np.append(tokens, self._next(tokens))
        return tokens[tokens.size - self.max_draft :]

    def _next(self, context: Tokens) -> int:
        """Return one greedy prediction, straight from the definition."""
        for n in range(min(self.order - 1, context.size), -1, -1):
            grams = np.lib.stride_tricks.sliding_window_view(self.data, n + 1)
            hits = (grams[:, :n] == context[context.size - n :]).all(axis=1)
            if hits.any():
                return int(np.bincount(grams[hits, n]).argmax())
        raise AssertionError("the empty context has a continuation in every training text")

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
            Row x is ``draft(text[: start + x])``.
        """
        from tightbound.simulators.speculative._kernel_ngram import greedy_drafts

        tokens, start = checked_text(text, start)
        drafted: Tokens = greedy_drafts(tokens, start, self.order, self.max_draft, *self._tables)
        return drafted

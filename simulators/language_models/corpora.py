"""Where the batches of a training come from: fixed sequences in a new order every epoch, or a sampler."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_indices

Tokens = NDArray[np.int32]
Sampler = Callable[[np.random.Generator, int], ArrayLike]
"""``(rng, count)`` to sequences of shape (count, T)."""
Data = ArrayLike | Sampler


def as_sequences(name: str, tokens: ArrayLike, vocabulary: int, context: int) -> Tokens:
    """Return sequences (N, T) with N, T at least 1 and T at most ``context``."""
    array = np.asarray(tokens)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}: give at least one sequence, one per row, (N, T)")
    if array.shape[1] > context:
        raise ValueError(
            f"{name} has sequences of {array.shape[1]} tokens and context is {context}: shorten them, or "
            "build the model with a larger context"
        )
    return as_indices(name, array, vocabulary).astype(np.int32).reshape(array.shape)


class Corpus:
    """An endless list of sequences that depends on the data and a key alone.

    Parameters
    ----------
    data : array_like of int, shape (N, T), or callable ``(rng, count) -> (count, T)``
        Fixed sequences, each once per epoch; or a sampler.
    key : int
        Seed of the order, or of the sampler.
    vocabulary, length : int
        What tokens and T must be.

    Attributes
    ----------
    sample : ndarray of int32
        All sequences, or the first few of a sampler: what tells this corpus from another.
    """

    def __init__(self, data: Data, key: int, vocabulary: int, length: int) -> None:
        self._key, self._vocabulary, self._length = key, vocabulary, length
        self._sampler = data if callable(data) else None
        self.sample = self._drawn(0, 4) if callable(data) else self._checked(data)
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def take(self, first: int, count: int) -> Tokens:
        """Return the sequences number first, ..., first + count - 1."""
        if self._sampler is not None:
            return self._drawn(first, count)
        size, found = len(self.sample), []
        while count:
            epoch, start = divmod(first, size)
            if epoch != self._epoch:
                self._epoch = epoch
                self._order = np.random.default_rng([self._key, 0, epoch]).permutation(size)
            part = self._order[start : start + count]
            found.append(self.sample[part])
            first, count = first + part.size, count - part.size
        return np.concatenate(found)

    def _drawn(self, first: int, count: int) -> Tokens:
        assert self._sampler is not None
        drawn = self._checked(self._sampler(np.random.default_rng([self._key, 1, first]), count))
        if len(drawn) != count:
            raise ValueError(
                f"data returned {len(drawn)} sequences instead of {count}: return as many as asked"
            )
        return drawn

    def _checked(self, tokens: ArrayLike) -> Tokens:
        array = as_sequences("data", tokens, self._vocabulary, self._length)
        if array.shape[1] != self._length:
            raise ValueError(
                f"data has sequences of {array.shape[1]} tokens, validation of {self._length}: give both "
                "one length"
            )
        return array

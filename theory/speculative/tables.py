r"""Laws of the next token for every prefix of a short text, and the law of the text they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_floats, as_indices, as_integer, as_laws

MOST_ENTRIES = 5_000_000


@dataclass(frozen=True, eq=False)
class PrefixTables:
    r"""A language model over V tokens, as one table per prefix length: ``rows[i][x_1, ..., x_i]`` is a law.

    .. math:: P(x_1, \dots, x_n) = \prod_{i=0}^{n-1} \mathrm{rows}_i[x_1, \dots, x_i](x_{i+1})

    Parameters
    ----------
    rows : sequence of array_like
        ``rows[i]`` has shape ``(V,) * (i + 1)``; its last axis is the law of token i + 1.

    Raises
    ------
    ValueError
        For no table, a table of the wrong shape, a row that is no law, or more than five million entries.

    Examples
    --------
    >>> model = PrefixTables([[0.5, 0.5], [[1.0, 0.0], [0.25, 0.75]]])
    >>> model.joint(2)
    array([[0.5  , 0.   ],
           [0.125, 0.375]])
    """

    rows: tuple[Array, ...]

    def __init__(self, rows: Sequence[ArrayLike]) -> None:
        if len(rows) == 0:
            raise ValueError("rows is empty: give at least the law of the first token, rows=[[0.5, 0.5]]")
        tables = [as_laws(f"rows[{i}]", table) for i, table in enumerate(rows)]
        size = tables[0].shape[-1]
        for i, table in enumerate(tables):
            if table.shape != (size,) * (i + 1):
                raise ValueError(
                    f"rows[{i}] has shape {table.shape}: it must be {(size,) * (i + 1)}, one law over "
                    f"{size} tokens for each prefix of length {i}"
                )
        _guard(size, len(tables))
        owned = tuple(np.array(table) for table in tables)
        for table in owned:
            table.setflags(write=False)
        object.__setattr__(self, "rows", owned)

    @classmethod
    def independent(cls, law: ArrayLike, length: int) -> PrefixTables:
        """Return the model that draws each of ``length`` tokens from one law of shape (V,).

        Examples
        --------
        >>> PrefixTables.independent([0.5, 0.5], 2).rows[1].tolist()
        [[0.5, 0.5], [0.5, 0.5]]
        """
        one = as_laws("law", law)
        if one.ndim != 1:
            raise ValueError(f"law has shape {one.shape}: give one law over the tokens, shape (V,)")
        count = as_integer("length", length, least=1)
        _guard(one.size, count)
        return cls([np.broadcast_to(one, (one.size,) * (i + 1)) for i in range(count)])

    @property
    def vocabulary(self) -> int:
        """Number of tokens V."""
        return self.rows[0].size

    @property
    def length(self) -> int:
        """Number of tokens whose law is known."""
        return len(self.rows)

    def joint(self, tokens: int) -> Array:
        """Return the law of the first ``tokens`` tokens, shape ``(V,) * tokens``; for 0 the number 1.

        Raises
        ------
        ValueError
            For more tokens than there are tables.
        """
        count = self._at_most(as_integer("tokens", tokens, least=0))
        law = np.ones(())
        for table in self.rows[:count]:
            law = law[..., np.newaxis] * table
        return law

    def along(self, texts: ArrayLike, tokens: int) -> Array:
        """Return the laws that are met along texts.

        Parameters
        ----------
        texts : array_like of int, shape (..., n)
            Tokens; the first ``tokens - 1`` are read.
        tokens : int
            Number of laws to return, at most ``n + 1``.

        Returns
        -------
        ndarray, shape (..., tokens, V)
            Row i is the law of token i + 1 after the first i tokens of the text.
        """
        count = self._at_most(as_integer("tokens", tokens, least=0))
        paths = as_indices("texts", texts, self.vocabulary)
        if paths.ndim == 0 or paths.shape[-1] < count - 1:
            raise ValueError(f"texts has shape {paths.shape}: {count} laws need {count - 1} tokens per text")
        met = [self.rows[i][tuple(np.moveaxis(paths[..., :i], -1, 0))] for i in range(count)]
        shape = (*paths.shape[:-1], self.vocabulary)
        if not met:
            return np.zeros((*paths.shape[:-1], 0, self.vocabulary))
        return np.stack([np.broadcast_to(row, shape) for row in met], axis=-2)

    def after(self, text: Sequence[int]) -> Array:
        """Return the law of the token after ``text``, shape (V,)."""
        self._at_most(len(text) + 1)
        return np.asarray(self.rows[len(text)][tuple(text)])

    def greedy(self) -> PrefixTables:
        """Return the model that always writes the likeliest token, the first of several: temperature 0.

        Examples
        --------
        >>> PrefixTables([[0.4, 0.2, 0.4]]).greedy().rows[0].tolist()
        [1.0, 0.0, 0.0]
        """
        best = [table.argmax(axis=-1) for table in self.rows]
        return PrefixTables([np.eye(self.vocabulary)[index] for index in best])

    def tempered(self, temperature: float) -> PrefixTables:
        r"""Return the model with every law raised to the power 1/temperature and normalised.

        Raises
        ------
        ValueError
            For a temperature that is not positive; temperature 0 is :meth:`greedy`.
        """
        t = as_floats("temperature", temperature)
        if t.ndim != 0 or t <= 0.0:
            raise ValueError(f"temperature is {temperature!r}: give one positive number; for 0 use greedy()")
        powers = [(table / table.max(axis=-1, keepdims=True)) ** (1.0 / float(t)) for table in self.rows]
        return PrefixTables([power / power.sum(axis=-1, keepdims=True) for power in powers])

    def _at_most(self, count: int) -> int:
        if count > self.length:
            raise ValueError(f"{count} tokens are asked for, tables give {self.length}: give more tables")
        return count


def all_texts(vocabulary: int, tokens: int) -> Integers:
    """Return every text of ``tokens`` tokens, shape (V^tokens, tokens), the last token running fastest.

    Examples
    --------
    >>> all_texts(2, 2).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    _guard(vocabulary, tokens)
    index = np.indices((vocabulary,) * tokens).reshape(tokens, vocabulary**tokens)
    return index.T.astype(np.int64)


def total_variation(first: ArrayLike, second: ArrayLike) -> float:
    r"""Total-variation distance :math:`\tfrac12 \sum |P - Q|` of two laws of one shape.

    Examples
    --------
    >>> total_variation([0.5, 0.5], [0.75, 0.25])
    0.25
    """
    a, b = as_floats("first", first), as_floats("second", second)
    if a.shape != b.shape:
        raise ValueError(f"first has shape {a.shape}, second {b.shape}: give two laws of one shape")
    return float(0.5 * np.abs(a - b).sum())


def _guard(vocabulary: int, tokens: int) -> None:
    if vocabulary**tokens > MOST_ENTRIES:
        raise ValueError(
            f"{vocabulary} tokens of vocabulary and texts of length {tokens} make {vocabulary**tokens} "
            f"entries, at most {MOST_ENTRIES} are enumerated: use a smaller vocabulary or a shorter draft"
        )

r"""An exact language model: a table of laws of the next token given the last few tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.language_models._rows import checked_commit, checked_rows, checked_sequences
from tightbound.theory._validation import Array, Integers, as_integer, as_laws


@dataclass(frozen=True, eq=False)
class TableModel:
    r"""The law of the next token given the last k tokens.

    .. math:: p(x_{t+1} \mid x_1, \dots, x_t) = \mathrm{laws}[x_{t-k+1}, \dots, x_t],

    where places before the first token hold the index V. It implements
    `tightbound.simulators.language_models.language_model.LanguageModel` in float64, so that whatever decodes
    from it can be compared with exact laws. Since a row knows how many tokens it follows, positions that
    contradict the mask raise an error.

    Parameters
    ----------
    laws : array_like, shape (V + 1, ..., V + 1, V)
        Probabilities of the next token (last axis); one axis of length V + 1 for each of the k last tokens,
        the latest last, index V standing for none. k may be 0.
    context : int, default 64
        Largest number of tokens before and including a row.

    Raises
    ------
    ValueError
        If rows are no laws or the axes do not have these lengths.

    Examples
    --------
    A tree below one committed token: a root with two children, of which the second is kept.

    >>> model = TableModel([[0.5, 0.5], [0.25, 0.75], [0.5, 0.5]], context=8)
    >>> cache = model.start(1)
    >>> _ = model.forward(cache, [[0]])
    >>> cache.commit([[0]], [1])
    >>> mask = [[[1, 0, 0], [1, 1, 0], [1, 0, 1]]]
    >>> logits = model.forward(cache, [[1, 0, 1]], mask=mask, positions=[[1, 2, 2]])
    >>> np.exp(logits[0])
    array([[0.25, 0.75],
           [0.5 , 0.5 ],
           [0.25, 0.75]])
    >>> cache.commit([[0, 2]], [2])
    >>> cache.tokens(0)
    array([0, 1, 1])
    """

    laws: Array
    context: int = 64

    def __post_init__(self) -> None:
        laws = as_laws("laws", self.laws)
        if any(size != laws.shape[-1] + 1 for size in laws.shape[:-1]):
            raise ValueError(
                f"laws has shape {laws.shape}: with V = {laws.shape[-1]} tokens every other axis must have "
                f"length V + 1 = {laws.shape[-1] + 1}"
            )
        object.__setattr__(self, "laws", laws)
        object.__setattr__(self, "context", as_integer("context", self.context, least=1))

    @classmethod
    def random(
        cls,
        vocabulary: int,
        order: int,
        *,
        concentration: float = 1.0,
        context: int = 64,
        rng: int | np.random.Generator | None = None,
    ) -> TableModel:
        """Return a model whose laws are drawn from a symmetric Dirichlet law.

        Parameters
        ----------
        vocabulary : int
            Tokens, at least 1.
        order : int
            Tokens that the law depends on, at least 0.
        concentration : float
            Parameter of the Dirichlet law; small ones give peaked laws.
        context : int
            See the class.
        rng : None, int or numpy.random.Generator
            Source of randomness.

        Examples
        --------
        >>> TableModel.random(3, 2, rng=0).laws.shape
        (4, 4, 3)
        """
        size = as_integer("vocabulary", vocabulary, least=1)
        shape = (size + 1,) * as_integer("order", order, least=0)
        draws = np.random.default_rng(rng).dirichlet(np.full(size, concentration), shape)
        return cls(draws / draws.sum(axis=-1, keepdims=True), context)

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        return int(self.laws.shape[-1])

    @property
    def order(self) -> int:
        """Number of last tokens that the law depends on."""
        return self.laws.ndim - 1

    def law(self, text: ArrayLike) -> Array:
        """Return the law of the token after ``text`` (T,), which may be empty."""
        tokens = np.concatenate([np.full(self.order, self.vocabulary), np.asarray(text, dtype=np.int64)])
        return np.asarray(self.laws[tuple(tokens[tokens.size - self.order :])])

    def start(self, batch: int, capacity: int | None = None) -> TableCache:
        """Return an empty cache; see `LanguageModel.start`."""
        room = self.context if capacity is None else as_integer("capacity", capacity, least=1)
        return TableCache(as_integer("batch", batch, least=1), room)

    def forward(
        self,
        cache: TableCache,
        tokens: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        positions: ArrayLike | None = None,
        read: ArrayLike | None = None,
    ) -> Array:
        """Append rows and return log-probabilities (B, R, V); see `LanguageModel.forward`."""
        rows = checked_rows(
            tokens,
            mask,
            positions,
            read,
            lengths=cache.lengths,
            pending=cache.pending,
            vocabulary=self.vocabulary,
            context=self.context,
        )
        expected = cache.lengths[:, np.newaxis] + rows.mask.sum(axis=2) - 1
        if not np.array_equal(rows.positions, expected):
            b, i = (int(n) for n in np.argwhere(rows.positions != expected)[0])
            raise ValueError(
                f"positions[{b}, {i}] is {rows.positions[b, i]} but the row sees {expected[b, i]} others: "
                "give the length of its path, or a mask that shows the whole path"
            )
        waiting = np.concatenate([cache.waiting, rows.tokens], axis=1)
        laws = np.array(
            [
                [self.law(np.concatenate([cache.tokens(b), waiting[b, rows.mask[b, i]]])) for i in chosen]
                for b, chosen in enumerate(rows.read)
            ]
        ).reshape(*rows.read.shape, self.vocabulary)
        cache.waiting = waiting
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(laws))


class TableCache:
    """Tokens of a batch of sequences; see `tightbound.simulators.language_models.language_model.Cache`.

    Parameters
    ----------
    batch : int
        Sequences.
    capacity : int
        Most committed tokens of a sequence.
    """

    def __init__(self, batch: int, capacity: int) -> None:
        self._committed: list[Integers] = [np.zeros(0, dtype=np.int64)] * batch
        self.waiting: Integers = np.zeros((batch, 0), dtype=np.int64)
        self._capacity = capacity

    @property
    def lengths(self) -> Integers:
        """Committed tokens of each sequence, shape (B,)."""
        return np.array([text.size for text in self._committed], dtype=np.int64)

    @property
    def pending(self) -> int:
        """Pending rows of every sequence."""
        return int(self.waiting.shape[1])

    @property
    def capacity(self) -> int:
        """Most committed tokens that a sequence can have."""
        return self._capacity

    def tokens(self, sequence: int) -> Integers:
        """Return the committed tokens of one sequence."""
        return self._committed[sequence]

    def commit(self, rows: ArrayLike, counts: ArrayLike) -> None:
        """Keep pending rows; see `Cache.commit`."""
        paths, kept = checked_commit(
            rows, counts, lengths=self.lengths, pending=self.pending, capacity=self._capacity
        )
        self._committed = [
            np.concatenate([text, waiting[path[:count]]])
            for text, waiting, path, count in zip(self._committed, self.waiting, paths, kept, strict=True)
        ]
        self.discard()

    def discard(self) -> None:
        """Drop all pending rows."""
        self.waiting = self.waiting[:, :0]

    def select(self, sequences: ArrayLike) -> None:
        """Keep only these sequences; see `Cache.select`."""
        kept = checked_sequences(sequences, len(self._committed))
        self._committed = [self._committed[b] for b in kept]
        self.waiting = self.waiting[kept]

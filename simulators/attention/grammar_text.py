r"""Text of sentences that a probabilistic grammar derives, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import Array, as_floats, as_integer, as_laws, as_positive


@dataclass(frozen=True, eq=False)
class GrammarText:
    r"""A probabilistic context-free grammar in Chomsky's normal form, after a token that is always the same.

    .. math:: N_a \to N_b N_c \text{ with probability } R_{abc}, \qquad
              N_a \to w \text{ with probability } E_{aw}

    Sentences start from :math:`N_0` and follow each other without a gap; the last one is cut. Called as
    ``text(rng, count)`` it draws sequences of shape (count, T).

    Parameters
    ----------
    binary : array_like, shape (N, N, N)
        R.
    lexical : array_like, shape (N, V)
        E; the rules of each symbol have total probability one.
    length : int
        Tokens of a sequence T, the fixed one included, at least 2.

    Raises
    ------
    TypeError, ValueError
        For rules that are no laws, shapes that do not fit together, or a grammar whose sentences have no
        finite mean length.

    Examples
    --------
    >>> text = GrammarText(np.full((1, 1, 1), 0.25), [[0.5, 0.25]], length=6)
    >>> text(np.random.default_rng(0), 3).shape
    (3, 6)
    """

    binary: Array
    lexical: Array
    length: int

    def __init__(self, binary: ArrayLike, lexical: ArrayLike, length: int) -> None:
        pairs, words = as_floats("binary", binary), as_floats("lexical", lexical)
        if words.ndim != 2 or pairs.shape != (len(words),) * 3:
            raise ValueError(
                f"binary and lexical have shapes {pairs.shape} and {words.shape}: give (N, N, N) and (N, V)"
            )
        as_laws("the rules of a symbol", np.concatenate([pairs.reshape(len(words), -1), words], axis=1))
        children = pairs.sum(axis=1) + pairs.sum(axis=2)  # mean number of each symbol among the children
        growth = float(np.abs(np.linalg.eigvals(children)).max())
        if growth >= 1.0:
            raise ValueError(
                f"binary makes sentences that grow without end (spectral radius {growth:.3g}): lower its "
                "probabilities until the radius of the mean numbers of children is below 1"
            )
        for name, value in (("binary", pairs), ("lexical", words)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        object.__setattr__(self, "length", as_integer("length", length, least=2))

    @property
    def tokens(self) -> int:
        """Number of different tokens, V + 1."""
        return int(self.lexical.shape[1]) + 1

    def __call__(self, rng: np.random.Generator, count: int) -> NDArray[np.int32]:
        """Return ``count`` independent sequences."""
        symbols = len(self.lexical)
        rules = np.concatenate([self.binary.reshape(symbols, -1), self.lexical], axis=1).cumsum(axis=1)
        found = np.full((count, self.length), self.tokens - 1, np.int32)
        # symbols still to be expanded, the next one last; what is beyond T of them is cut anyway
        stack = np.zeros((count, 2 * self.length + 2), np.int64)
        depth, written = np.ones(count, np.int64), np.ones(count, np.int64)
        while np.any(open_ := np.flatnonzero(written < self.length)):
            top = stack[open_, depth[open_] - 1]
            law = rules[top]
            rule = (law <= rng.random(open_.size)[:, None] * law[:, -1:]).sum(axis=1)
            split = rule < symbols**2
            rows, pair = open_[split], rule[split]
            stack[rows, depth[rows] - 1] = pair % symbols
            stack[rows, depth[rows]] = pair // symbols
            depth[rows] += 1
            full = depth > self.length + 1
            stack[full, :-1] = stack[full, 1:]
            depth[full] -= 1
            rows = open_[~split]
            found[rows, written[rows]] = rule[~split] - symbols**2
            written[rows] += 1
            depth[rows] -= 1
            ended = rows[depth[rows] == 0]
            stack[ended, 0], depth[ended] = 0, 1
        return found


def random_grammar_text(
    vocabulary: int = 32,
    length: int = 32,
    *,
    symbols: int = 8,
    branching: float = 0.4,
    concentration: float = 0.1,
    rng: np.random.Generator | int | None = None,
) -> GrammarText:
    """Return a grammar whose pairs and words have Dirichlet laws, one of each for every symbol.

    Parameters
    ----------
    vocabulary, length : int
        V and T.
    symbols : int
        Number of symbols N.
    branching : float
        Probability that a symbol becomes two, inside (0, 1/2), so that sentences have 1 / (1 - 2 branching)
        symbols on average.
    concentration : float
        Of the symmetric Dirichlet laws, positive.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    GrammarText
    """
    size, count = as_integer("vocabulary", vocabulary, least=1), as_integer("symbols", symbols, least=1)
    if not 0.0 < branching < 0.5:
        raise ValueError(f"branching is {branching!r}: give a probability inside (0, 0.5)")
    weight, drawing = as_positive("concentration", concentration), np.random.default_rng(rng)
    pairs = drawing.dirichlet(np.full(count**2, weight), count).reshape(count, count, count)
    words = drawing.dirichlet(np.full(size, weight), count)
    return GrammarText(branching * pairs, (1.0 - branching) * words, length)

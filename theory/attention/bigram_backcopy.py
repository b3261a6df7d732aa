r"""Bigram-Backcopy: text in which a head has something to do after a few tokens, and nothing after the rest.

With a bigram table P, a set of triggers and a fixed token at position p,

.. math:: x_p = \mathrm{fixed}, \qquad x_t = x_{t-2} \text{ if } x_{t-1} \text{ is a trigger}, \qquad
          x_t \sim P(\cdot \mid x_{t-1}) \text{ otherwise},

while the first token, and the one after the fixed token, are uniform over what is no trigger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_indices, as_integer, as_laws


@dataclass(frozen=True, eq=False)
class BigramBackcopy:
    r"""A Bigram-Backcopy problem.

    Parameters
    ----------
    transition : array_like, shape (V, V)
        Row a is the law of the token after a.
    triggers : array_like of int
        Tokens after which the last but one is copied, fewer than V.
    length : int
        Tokens of a sequence T, at least 3.
    fixed_position : int or None, default 1
        Position p of the fixed token, from 1 to T, which has the number V; None for no such token.

    Raises
    ------
    TypeError, ValueError, IndexError
        For a table that is no square of laws, triggers out of range or given twice, or a position outside
        the sequence.

    Notes
    -----
    Two triggers never follow each other: a sequence starts with no trigger, and after the first trigger
    what comes is a copy of the token before it. So neither a copied token nor the one copied is a trigger
    or the fixed token.

    References
    ----------
    Guo et al., "Active-dormant attention heads", arXiv:2410.13835: the task.

    Examples
    --------
    >>> chain = BigramBackcopy(np.full((4, 4), 0.25), triggers=[0], length=8)
    >>> chain.tokens, round(chain.bayes_floor(), 6)
    (5, 1.139225)
    """

    transition: Array
    triggers: Integers
    length: int
    fixed_position: int | None = 1

    def __init__(
        self,
        transition: ArrayLike,
        triggers: ArrayLike,
        length: int,
        fixed_position: int | None = 1,
    ) -> None:
        laws = as_laws("transition", transition)
        if laws.ndim != 2 or laws.shape[0] != laws.shape[1]:
            raise ValueError(
                f"transition has shape {laws.shape}: give one law of the next token per token, (V, V)"
            )
        chosen = np.unique(as_indices("triggers", np.atleast_1d(np.asarray(triggers)), len(laws)))
        if chosen.size != np.size(triggers):
            raise ValueError(f"triggers is {triggers!r}: it names a token twice; give each once")
        if chosen.size >= len(laws):
            raise ValueError(
                f"triggers names all {len(laws)} tokens: a sequence starts with one that is no trigger"
            )
        steps = as_integer("length", length, least=3)
        place = fixed_position
        if place is not None:
            place = as_integer("fixed_position", place, least=1)
            if place > steps:
                raise ValueError(
                    f"fixed_position is {place} and length {steps}: give a position of the sequence or None"
                )
        for name, value in (
            ("transition", laws),
            ("triggers", chosen),
            ("length", steps),
            ("fixed_position", place),
        ):
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    @property
    def tokens(self) -> int:
        """Number of different tokens, V + 1: the fixed one is counted whether or not it occurs."""
        return len(self.transition) + 1

    @property
    def fixed_token(self) -> int:
        """The number of the fixed token, V."""
        return len(self.transition)

    def start_law(self) -> Array:
        """Return the law of the first token, shape (V + 1,): uniform over what is no trigger."""
        law = np.ones(self.tokens)
        law[self.triggers] = law[self.fixed_token] = 0.0
        return np.asarray(law / law.sum())

    def pair_law(self, position: int) -> Array:
        r"""Return the exact law of two tokens in a row.

        Parameters
        ----------
        position : int
            t of the later one, from 2 to T.

        Returns
        -------
        ndarray, shape (V+1, V+1)
            Entry (a, b) is the probability that :math:`x_{t-1} = a, x_t = b`.
        """
        t = as_integer("position", position, least=2)
        if t > self.length:
            raise ValueError(f"position is {t}: give one from 2 to length = {self.length}")
        return self._pair_laws()[t - 2]

    def entropies(self) -> Array:
        """Return the entropy of each token given all those before it, in nats, shape (T - 1,).

        Entry t - 2 is that of position t. No predictor has a smaller expected loss there.
        """
        own = np.append(_entropy(self.transition), _entropy(self.start_law()))
        own[self.triggers] = 0.0
        first = np.zeros(self.tokens)
        first[...] = self._first_law()
        last = [first, *(pair.sum(axis=0) for pair in self._pair_laws()[:-1])]  # laws of x_{t-1}
        found = np.array([float(law @ own) for law in last])
        if self.fixed_position is not None and self.fixed_position > 1:
            found[self.fixed_position - 2] = 0.0
        return found

    def bayes_floor(self) -> float:
        """Return the least possible loss, in nats per token, over positions 2 to T."""
        return float(self.entropies().mean())

    def predictive(self, tokens: ArrayLike) -> Array:
        """Return the law of every token given those before it.

        Parameters
        ----------
        tokens : array_like of int, shape (B, T)
            Sequences.

        Returns
        -------
        ndarray, shape (B, T, V+1)
            Entry t is the law of token t (from 0).
        """
        drawn = np.asarray(tokens)
        if drawn.ndim != 2 or drawn.shape[1] != self.length:
            raise ValueError(
                f"tokens has shape {drawn.shape}: give one sequence per row, (B, T) with T = {self.length}"
            )
        drawn = as_indices("tokens", drawn, self.tokens).reshape(drawn.shape)
        kernel = self._kernel()
        laws = np.empty((*drawn.shape, self.tokens))
        laws[:, 0] = self._first_law()
        laws[:, 1] = kernel[drawn[:, 0]]
        laws[:, 2:] = kernel[drawn[:, 1:-1]]
        copied = np.isin(drawn[:, 1:-1], self.triggers)
        laws[:, 2:][copied] = np.eye(self.tokens)[drawn[:, :-2][copied]]
        if self.fixed_position is not None:
            laws[:, self.fixed_position - 1] = np.eye(self.tokens)[self.fixed_token]
        return laws

    def _first_law(self) -> Array:
        return np.eye(self.tokens)[self.fixed_token] if self.fixed_position == 1 else self.start_law()

    def _kernel(self) -> Array:
        """Law of the token after each token, wherever nothing is copied."""
        kernel = np.zeros((self.tokens, self.tokens))
        kernel[:-1, :-1] = self.transition
        kernel[-1] = self.start_law()
        return kernel

    def _pair_laws(self) -> list[Array]:
        """Laws of (x_{t-1}, x_t) for t = 2, ..., T."""
        kernel, copies = self._kernel(), np.zeros(self.tokens, bool)
        copies[self.triggers] = True
        fixed = np.eye(self.tokens)[self.fixed_token]
        pairs: list[Array] = []
        for t in range(2, self.length + 1):
            last = pairs[-1].sum(axis=0) if pairs else self._first_law()
            if t == self.fixed_position:
                pairs.append(np.outer(last, fixed))
                continue
            pair = last[:, None] * kernel
            if pairs:  # a trigger is followed by the token before it
                pair[copies] = pairs[-1].T[copies]
            pairs.append(pair)
        return pairs


def _entropy(laws: Array) -> Any:
    from scipy.special import entr

    return entr(laws).sum(axis=-1)

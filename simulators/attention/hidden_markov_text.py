r"""Text whose law changes with a hidden state: every earlier token tells something about the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import Array, as_indices, as_integer, as_laws, as_positive


@dataclass(frozen=True, eq=False)
class HiddenMarkovText:
    r"""A hidden Markov model of text, after a first token that is always the same.

    .. math:: x_1 = V, \qquad h_2 \sim \mu, \quad h_{t+1} \sim A(h_t, \cdot), \quad x_t \sim E(h_t, \cdot)

    Called as ``text(rng, count)`` it draws sequences of shape (count, T).

    Parameters
    ----------
    initial : array_like, shape (S,)
        Law of the first hidden state.
    transition : array_like, shape (S, S)
        Row a is the law of the state after a.
    emission : array_like, shape (S, V)
        Row a is the law of the token in state a.
    length : int
        Tokens of a sequence T, the fixed one included, at least 2.

    Raises
    ------
    TypeError, ValueError
        For rows that are no laws, or shapes that do not fit together.

    Examples
    --------
    >>> text = HiddenMarkovText([0.5, 0.5], np.eye(2), [[0.9, 0.1], [0.1, 0.9]], length=3)
    >>> text(np.random.default_rng(0), 2).shape
    (2, 3)
    >>> text.predictive([[2, 0, 0]])[0, 2].round(3).tolist()  # state 1 is now likely, and stays
    [0.82, 0.18, 0.0]
    """

    initial: Array
    transition: Array
    emission: Array
    length: int

    def __init__(self, initial: ArrayLike, transition: ArrayLike, emission: ArrayLike, length: int) -> None:
        start, step, emit = (
            as_laws(name, given)
            for name, given in (("initial", initial), ("transition", transition), ("emission", emission))
        )
        if start.ndim != 1 or step.shape != (start.size,) * 2 or emit.shape[:-1] != start.shape:
            raise ValueError(
                f"initial, transition and emission have shapes {start.shape}, {step.shape} and {emit.shape}: "
                "give (S,), (S, S) and (S, V)"
            )
        for name, value in (("initial", start), ("transition", step), ("emission", emit)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        object.__setattr__(self, "length", as_integer("length", length, least=2))

    @property
    def tokens(self) -> int:
        """Number of different tokens, V + 1."""
        return int(self.emission.shape[1]) + 1

    def __call__(self, rng: np.random.Generator, count: int) -> NDArray[np.int32]:
        """Return ``count`` independent sequences."""
        found = np.full((count, self.length), self.tokens - 1, np.int32)
        uniform = rng.random((2, self.length - 1, count))
        law = np.broadcast_to(self.initial, (count, self.initial.size))
        for t in range(self.length - 1):
            state = _chosen(law, uniform[0, t])
            found[:, t + 1] = _chosen(self.emission[state], uniform[1, t])
            law = self.transition[state]
        return found

    def predictive(self, tokens: ArrayLike) -> Array:
        """Return the law of every token given those before it, by the forward recursion.

        Parameters
        ----------
        tokens : array_like of int, shape (B, T)
            Sequences of this model, the fixed token first.

        Returns
        -------
        ndarray, shape (B, T, V + 1)
            Entry t is the law of token t (from 0).

        Raises
        ------
        TypeError, ValueError, IndexError
            For another length, tokens out of range, or a sequence that the model cannot produce.
        """
        drawn = np.asarray(tokens)
        if drawn.ndim != 2 or drawn.shape[1] != self.length:
            raise ValueError(f"tokens has shape {drawn.shape}: give (B, T) with T = {self.length}")
        drawn = as_indices("tokens", drawn, self.tokens).reshape(drawn.shape)
        fixed = drawn == self.tokens - 1
        if not fixed[:, 0].all() or fixed[:, 1:].any():
            raise ValueError(
                f"tokens has {self.tokens - 1} elsewhere than first in each row: that is the fixed token"
            )
        laws = np.zeros((*drawn.shape, self.tokens))
        laws[:, 0, -1] = 1.0
        belief = np.broadcast_to(self.initial, (len(drawn), self.initial.size))
        for t in range(1, self.length):
            laws[:, t, :-1] = belief @ self.emission
            belief = belief * self.emission[:, drawn[:, t]].T
            total = belief.sum(axis=1, keepdims=True)
            if np.any(total <= 0.0):
                raise ValueError(
                    f"tokens has a sequence that is impossible at position {t + 1}: draw it from this model"
                )
            belief = (belief / total) @ self.transition
        return laws


def random_hidden_markov_text(
    vocabulary: int = 32,
    length: int = 32,
    *,
    states: int = 4,
    stay: float = 0.9,
    concentration: float = 0.1,
    rng: np.random.Generator | int | None = None,
) -> HiddenMarkovText:
    """Return a model whose states last, and whose tokens have Dirichlet laws, one for each state.

    Parameters
    ----------
    vocabulary, length : int
        V and T.
    states : int
        Hidden states S, at least 2.
    stay : float
        Probability that a state is followed by itself, in (0, 1); the others are equally likely.
    concentration : float
        Of the symmetric Dirichlet laws of tokens, positive.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    HiddenMarkovText
    """
    size, count = as_integer("vocabulary", vocabulary, least=2), as_integer("states", states, least=2)
    if not 0.0 < stay < 1.0:
        raise ValueError(f"stay is {stay!r}: give a probability inside (0, 1)")
    weight = np.full(size, as_positive("concentration", concentration))
    step = np.full((count, count), (1.0 - stay) / (count - 1))
    np.fill_diagonal(step, stay)
    emission = np.random.default_rng(rng).dirichlet(weight, count)
    return HiddenMarkovText(np.full(count, 1.0 / count), step, emission, length)


def _chosen(laws: Array, uniform: Array) -> NDArray[np.int64]:
    """Return one index per row by inversion."""
    cumulative = laws.cumsum(axis=1)
    return np.asarray((cumulative <= uniform[:, None] * cumulative[:, -1:]).sum(axis=1), np.int64)

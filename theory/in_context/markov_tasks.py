r"""In-context bigram tasks: the concept of a sequence is one of finitely many Markov chains.

A concept z is drawn once per sequence, then

.. math:: z \sim \pi, \qquad x_1 \sim \mu_z, \qquad x_{t+1} \sim P_z(x_t, \cdot).

The chains are known and z is not: whoever predicts the next token has to infer z from the tokens before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from tightbound.theory._validation import Array, Integers, as_indices, as_integer, as_laws
from tightbound.theory.in_context._tasks import as_prior, readonly
from tightbound.theory.in_context.errors import InconsistentEvidenceError


@dataclass(frozen=True, eq=False)
class MarkovTasks:
    r"""Bigram tasks with a prior, and the Bayesian model average over them.

    .. math:: P(x_{t+1} | x_1, \dots, x_t) = \sum_z P(z | x_1, \dots, x_t) P_z(x_t, x_{t+1})

    Parameters
    ----------
    prior : array_like, shape (M,)
        Law of the concept. A concept of probability zero keeps its place and never gets weight.
    initial : array_like, shape (m,) or (M, m)
        Law of the first token, one for all concepts or one for each. Stored as the latter.
    transition : array_like, shape (M, m, m)
        ``transition[z, x, y]`` is the probability that y follows x. Zeros are allowed.

    Raises
    ------
    ValueError
        For rows that do not sum to one within 1e-10, negative or undefined entries, or shapes that do not fit
        together.

    Warns
    -----
    UnsupportedTaskWarning
        For a concept of prior probability zero.

    References
    ----------
    Zhang, Zhang, Yang, Wang, "What and How does In-Context Learning Learn?", AISTATS 2025, arXiv:2305.19420,
    Proposition 4.1: the average; their concepts need not be chains.

    Examples
    --------
    >>> tasks = MarkovTasks([0.5, 0.5], [0.5, 0.5], [[[0.9, 0.1], [0.9, 0.1]], [[0.1, 0.9], [0.1, 0.9]]])
    >>> tasks.predictive([[0, 0, 0]]).round(3).tolist()
    [[[0.5, 0.5], [0.5, 0.5], [0.82, 0.18]]]
    """

    prior: Array
    initial: Array
    transition: Array

    def __init__(self, prior: ArrayLike, initial: ArrayLike, transition: ArrayLike) -> None:
        believed = as_prior(prior)
        kernel = as_laws("transition", transition)
        first = as_laws("initial", initial)
        if kernel.ndim != 3 or kernel.shape[0] != believed.size or kernel.shape[1] != kernel.shape[2]:
            raise ValueError(
                f"transition has shape {kernel.shape}: give one square table per concept, "
                f"({believed.size}, m, m)"
            )
        tokens = kernel.shape[1]
        if first.shape not in ((tokens,), (believed.size, tokens)):
            raise ValueError(
                f"initial has shape {first.shape}: give ({tokens},) for all concepts or "
                f"({believed.size}, {tokens}) for each"
            )
        for name, array in (
            ("prior", believed),
            ("initial", np.broadcast_to(first, (believed.size, tokens))),
            ("transition", kernel),
        ):
            object.__setattr__(self, name, readonly(array))

    @property
    def tasks(self) -> int:
        """M, number of concepts."""
        return int(self.prior.size)

    @property
    def tokens(self) -> int:
        """Number m of different tokens."""
        return int(self.initial.shape[1])

    def log_weights(self, tokens: ArrayLike) -> Array:
        """Return the logarithm of the posterior of the concept after each prefix.

        Parameters
        ----------
        tokens : array_like of int, shape (B, T)
            Sequences; T may be 0.

        Returns
        -------
        ndarray, shape (B, T+1, M)
            Entry t has seen t tokens; entry 0 is the prior. Weights of a prefix sum to one.

        Raises
        ------
        InconsistentEvidenceError
            For a sequence that no concept of positive prior probability can produce.
        """
        seen = self._sequences(tokens)
        count, length = seen.shape
        with np.errstate(divide="ignore"):
            weight = np.broadcast_to(np.log(self.prior), (count, self.tasks))
            first, step = np.log(self.initial.T), np.log(np.moveaxis(self.transition, 0, -1))
        found = np.empty((count, length + 1, self.tasks))
        found[:, 0] = weight
        for t in range(length):
            weight = weight + (first[seen[:, 0]] if t == 0 else step[seen[:, t - 1], seen[:, t]])
            evidence = logsumexp(weight, axis=-1, keepdims=True)
            if not np.all(evidence > -np.inf):
                row = int(np.argmin(evidence))
                raise InconsistentEvidenceError(
                    f"token {int(seen[row, t])} at position {t} of sequence {row} has probability 0 under "
                    "every concept that explains the tokens before it: check the sequence, or give the "
                    "chains positive entries"
                )
            weight = weight - evidence
            found[:, t + 1] = weight
        return found

    def log_predictive(self, tokens: ArrayLike) -> Array:
        """Return the logarithm of ``predictive``, shape (B, T, m); -inf where a token is impossible."""
        seen = self._sequences(tokens)
        if seen.shape[1] == 0:
            return np.empty((seen.shape[0], 0, self.tokens))
        weight = self.log_weights(seen[:, :-1])
        with np.errstate(divide="ignore"):
            first, step = np.log(self.initial), np.log(np.moveaxis(self.transition, 0, 1))
        found = np.empty((*seen.shape, self.tokens))
        found[:, 0] = logsumexp(weight[:, 0, :, None] + first, axis=1)
        for t in range(1, seen.shape[1]):
            found[:, t] = logsumexp(weight[:, t, :, None] + step[seen[:, t - 1]], axis=1)
        return found

    def predictive(self, tokens: ArrayLike) -> Array:
        """Return the Bayesian model average of each token given those before it.

        Parameters
        ----------
        tokens : array_like of int, shape (B, T)
            Sequences.

        Returns
        -------
        ndarray, shape (B, T, m)
            Entry t is the law of token t (from 0) given tokens 0, ..., t-1.

        Raises
        ------
        InconsistentEvidenceError
            As `log_weights`, for the tokens before the last.
        """
        return np.exp(self.log_predictive(tokens))

    def pooled_bigrams(self, length: int) -> Array:
        r"""Return the law of each token given its position and the one token before it.

        .. math:: P(x_{t+1} | x_t) = \sum_z P(z | x_t) P_z(x_t, x_{t+1})

        The best that can be done without inferring the concept from the whole prefix: of all predictors that
        read the position and the last token it has the least log loss.

        Parameters
        ----------
        length : int
            T, at least 0.

        Returns
        -------
        ndarray, shape (T, m, m)
            Entry [t, x] is the law of token t (from 0) where token t-1 is x; at t = 0, where there is none,
            all rows are the law of the first token. Rows of an x that is impossible there are zero.
        """
        count = as_integer("length", length, least=0)
        found = np.zeros((count, self.tokens, self.tokens))
        joint = self.prior[:, None] * self.initial  # of the concept and the token at position t
        if count:
            found[0] = joint.sum(axis=0)
        for t in range(1, count):
            mass = joint.sum(axis=0)
            pairs = joint[:, :, None] * self.transition
            found[t] = pairs.sum(axis=0) / np.where(mass > 0.0, mass, 1.0)[:, None]
            joint = pairs.sum(axis=1)
        return found

    def pooled_predictive(self, tokens: ArrayLike) -> Array:
        """Return `pooled_bigrams` at given sequences.

        Parameters
        ----------
        tokens : array_like of int, shape (B, T)
            Sequences.

        Returns
        -------
        ndarray, shape (B, T, m)
            Entry t is the law of token t (from 0) given token t-1. Entries 0 and 1 are those of `predictive`.

        Raises
        ------
        InconsistentEvidenceError
            For a token, before the last, that has probability zero at its position.
        """
        seen = self._sequences(tokens)
        before = np.concatenate([np.zeros_like(seen[:, :1]), seen[:, :-1]], axis=1)
        found = self.pooled_bigrams(seen.shape[1])[np.arange(seen.shape[1]), before]
        impossible = np.argwhere(found.sum(axis=-1) == 0.0)
        if impossible.size:
            row, t = impossible[0]
            raise InconsistentEvidenceError(
                f"token {int(before[row, t])} at position {t - 1} of sequence {row} has probability 0 there: "
                "check the sequence, or give the chains positive entries"
            )
        return np.asarray(found)

    def _sequences(self, tokens: ArrayLike) -> Integers:
        array = np.asarray(tokens)
        if array.ndim != 2:
            raise ValueError(f"tokens has shape {array.shape}: give one sequence per row, (B, T)")
        return as_indices("tokens", array, self.tokens).reshape(array.shape)

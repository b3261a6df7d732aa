r"""A transformer of two attention blocks that is Bayes' rule for finitely many tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_indices, as_laws
from tightbound.theory.in_context.networks._validation import frozen
from tightbound.theory.in_context.networks.posterior_head import Counting, PosteriorHead, posterior_head


@dataclass(frozen=True, eq=False)
class FinitePosteriorNetwork:
    r"""Embedding, two attention blocks, read-out: the exact posterior and the exact predictive.

    .. math:: P(\theta|s_1, \dots, s_n) \propto \pi_\theta \prod_i P(s_i|\theta), \qquad
        P(r|c, s_1, \dots, s_n) = \sum_\theta P(\theta|s_1, \dots, s_n)\, P(r|c, \theta)

    The embedding of demonstration a is column a of the table of log-likelihoods, shifted to have maximum 0: a
    shift common to all tasks cancels in the softmax, and sums of small numbers are rounded less. What follows
    is :class:`PosteriorHead`. For the predictive the second block has a second head with the same scores and
    the values :math:`W_V e_\theta = P(\cdot|\cdot, \theta)`, of which the read-out picks the row of the
    query. Width M + 2 and two blocks, whatever n is.

    Parameters
    ----------
    embedding : ndarray, shape (A, M)
        One row per demonstration of the alphabet.
    head : PosteriorHead
        The attention blocks.
    answers : ndarray, shape (M, Q, R), or None
        Values of the second head.

    Notes
    -----
    This covers demonstrations that are independent given the task. With a hidden state inside a task the
    log-likelihood of a demonstration depends on those before it, and a filter takes a pass of its own.

    See Also
    --------
    finite_posterior_network : writes the weights.
    """

    embedding: Array
    head: PosteriorHead
    answers: Array | None

    @property
    def tasks(self) -> int:
        """M, number of tasks."""
        return int(self.embedding.shape[1])

    @property
    def alphabet(self) -> int:
        """A, number of different demonstrations."""
        return int(self.embedding.shape[0])

    def logits(self, demonstrations: ArrayLike) -> Array:
        """Return the log posterior up to a constant, shape (..., M), from indices of shape (..., n)."""
        return self.head.logits(self._embedded(demonstrations))

    def __call__(self, demonstrations: ArrayLike) -> Array:
        """Return the posterior over tasks.

        Parameters
        ----------
        demonstrations : array_like of int, shape (..., n)
            Indices into the alphabet; n may be 0.

        Returns
        -------
        ndarray, shape (..., M)

        Raises
        ------
        TypeError, IndexError, ValueError
            For what is no array of indices into the alphabet.
        """
        return self.head(self._embedded(demonstrations))

    def predictive(self, demonstrations: ArrayLike, query: int) -> Array:
        """Return the law of the response to ``query``, shape (..., R).

        Parameters
        ----------
        demonstrations : array_like of int, shape (..., n)
            As for calling the network.
        query : int
            Index of the query, 0 to Q - 1.

        Raises
        ------
        TypeError, IndexError, ValueError
            As for calling the network, or where the network was written without answers.
        """
        if self.answers is None:
            raise ValueError("the network has no answers: give finite_posterior_network the table `answers`")
        row = int(as_indices("query", query, self.answers.shape[1]))
        return np.asarray(self(demonstrations) @ self.answers[:, row])

    def _embedded(self, demonstrations: ArrayLike) -> Array:
        array = np.asarray(demonstrations)
        if array.ndim == 0:
            raise ValueError(
                f"demonstrations is {demonstrations!r}: give a sequence of indices, shape (..., n)"
            )
        return np.asarray(self.embedding[as_indices("demonstrations", array, self.alphabet)])


def finite_posterior_network(
    log_likelihood: ArrayLike,
    prior: ArrayLike,
    answers: ArrayLike | None = None,
    *,
    counting: Counting = "position",
    scale: int | None = None,
) -> FinitePosteriorNetwork:
    r"""Write the weights of a transformer that computes the posterior over finitely many tasks.

    Parameters
    ----------
    log_likelihood : array_like, shape (M, A)
        ``log_likelihood[z, a]`` is :math:`\log P(s = a|z)` in nats: the embedding, so finite.
    prior : array_like, shape (M,)
        Law of the task, every entry positive.
    answers : array_like, shape (M, Q, R), optional
        ``answers[z, c, r]`` is the probability of response r to query c under task z.
    counting : {"position", "begin", "linear"}
        How a sum is formed, see :class:`PosteriorHead`.
    scale : int, optional
        Freeze the count at this number: the posterior is then tempered by scale/n.

    Returns
    -------
    FinitePosteriorNetwork

    Raises
    ------
    TypeError, ValueError
        For shapes that do not fit, entries that are not finite, rows of ``answers`` or a prior that are no
        laws, or a task of prior probability 0.

    References
    ----------
    Zhang, Zhang, Yang, Wang, "What and How does In-Context Learning Learn?", AISTATS 2025, arXiv:2305.19420,
    Proposition 4.1 and section 5: the model average, and the transformers that should approximate it. The
    weights are ours.

    Examples
    --------
    >>> table = np.log([[0.8, 0.2], [0.3, 0.7]])
    >>> network = finite_posterior_network(table, [0.5, 0.5], answers=[[[0.8, 0.2]], [[0.3, 0.7]]])
    >>> network([0, 0, 1]).round(4).tolist()
    [0.6702, 0.3298]
    >>> network.predictive([0, 0, 1], 0).round(4).tolist()
    [0.6351, 0.3649]
    >>> network([]).tolist()
    [0.5, 0.5]
    """
    table = np.asarray(log_likelihood, dtype=np.float64)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"log_likelihood has shape {table.shape}: give one row per task, (M, A)")
    if not np.all(np.isfinite(table)):
        raise ValueError(
            "log_likelihood has entries that are NaN or infinite, and an embedding is finite: give every "
            "demonstration a positive probability under every task"
        )
    head = posterior_head(prior, counting=counting, scale=scale)
    if head.tasks != table.shape[0]:
        raise ValueError(
            f"log_likelihood has {table.shape[0]} rows and prior {head.tasks} entries: give one per task"
        )
    values = None if answers is None else as_laws("answers", answers)
    if values is not None and (values.ndim != 3 or values.shape[0] != head.tasks):
        raise ValueError(f"answers has shape {values.shape}: give ({head.tasks}, Q, R), a law of R per query")
    embedding = frozen((table - table.max(axis=0)).T)
    return FinitePosteriorNetwork(embedding, head, None if values is None else frozen(values))

"""Maximum likelihood for one Markov chain: a table of transition frequencies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.in_context.pretraining.sequence_data import sample_sequences
from tightbound.theory._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.in_context.markov_tasks import MarkovTasks
from tightbound.theory.in_context.pretraining import stationary_law


def sample_documents(
    transition: ArrayLike,
    documents: int,
    length: int,
    replications: int,
    *,
    rng: int | np.random.Generator | None = None,
) -> Integers:
    """Draw documents of a chain started in its stationary law.

    Parameters
    ----------
    transition : array_like, shape (m, m)
        The chain; every token must be reachable from every other.
    documents, length, replications : int
        N documents of T transitions (T + 1 tokens), in each of R independent sets; at least 1.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (R, N, T + 1)
        Tokens.

    Raises
    ------
    TypeError, ValueError
        For a size below 1, or a chain without a stationary law.

    Examples
    --------
    >>> sample_documents([[0.5, 0.5], [0.5, 0.5]], 3, 4, 2, rng=0).shape
    (2, 3, 5)
    """
    sizes = {"documents": documents, "length": length, "replications": replications}
    n, t, runs = (as_integer(name, size, least=1) for name, size in sizes.items())
    chain = MarkovTasks([1.0], stationary_law(transition), np.asarray(transition, dtype=np.float64)[None])
    return sample_sequences(chain, runs * n, t + 1, rng=rng)[0].reshape(runs, n, t + 1)


def prefix_counts(
    tokens: ArrayLike, states: int, documents: Sequence[int], lengths: Sequence[int]
) -> Integers:
    """Count transitions within the first documents, and within their first tokens.

    Parameters
    ----------
    tokens : array_like of int, shape (R, N, T + 1)
        Documents.
    states : int
        m, number of different tokens.
    documents, lengths : sequences of int
        Increasing numbers of documents, at most N, and of transitions, at most T.

    Returns
    -------
    ndarray of int, shape (R, len(documents), len(lengths), m, m)
        How often y followed x.

    Raises
    ------
    IndexError, TypeError, ValueError
        For tokens out of range, or sizes that do not increase or exceed what there is.

    Examples
    --------
    >>> prefix_counts([[[0, 0, 1], [1, 1, 0]]], 2, (1, 2), (1, 2))[0].tolist()
    [[[[1, 0], [0, 0]], [[1, 1], [0, 0]]], [[[1, 0], [0, 1]], [[1, 1], [1, 1]]]]
    """
    m = as_integer("states", states, least=1)
    seen = as_indices("tokens", tokens, m)
    if seen.ndim != 3:
        raise ValueError(f"tokens has shape {seen.shape}: give sets of documents, (R, N, T + 1)")
    runs, n, size = seen.shape
    row = _blocks("documents", documents, n)
    column = _blocks("lengths", lengths, size - 1)
    seen = seen[:, : row.size, : column.size + 1]
    block = row[:, None] * len(lengths) + column
    cells = len(documents) * len(lengths)
    code = (np.arange(runs)[:, None, None] * cells + block) * m * m + seen[..., :-1] * m + seen[..., 1:]
    counts = np.bincount(code.reshape(-1), minlength=runs * cells * m * m)
    shape = (runs, len(documents), len(lengths), m, m)
    return np.asarray(counts.reshape(shape).cumsum(axis=1).cumsum(axis=2), dtype=np.int64)


def chain_mle(counts: ArrayLike) -> Array:
    """Return transition frequencies, and the uniform law for tokens that were never left.

    Parameters
    ----------
    counts : array_like, shape (..., m, m)
        How often y followed x.

    Returns
    -------
    ndarray, shape (..., m, m)
        Rows sum to one.

    Examples
    --------
    >>> chain_mle([[3, 1], [0, 0]]).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    table = np.asarray(counts, dtype=np.float64)
    total = table.sum(axis=-1, keepdims=True)
    uniform = np.full(table.shape, 1.0 / table.shape[-1])
    return np.asarray(np.divide(table, total, out=uniform, where=total > 0.0))


def chain_error(counts: ArrayLike, transition: ArrayLike) -> Array:
    r"""Return the total variation of the next token under the fitted table, mean over a fresh document.

    .. math:: \sum_x \varpi_x \tfrac12 \sum_y |\hat P_{xy} - P_{xy}|

    Parameters
    ----------
    counts : array_like, shape (..., m, m)
        What the table is fitted to.
    transition : array_like, shape (m, m)
        The chain.

    Returns
    -------
    ndarray, shape (...)
        In [0, 1].

    Raises
    ------
    ValueError
        For a chain without a stationary law.

    Examples
    --------
    >>> round(float(chain_error([[3, 1], [0, 0]], [[0.5, 0.5], [0.5, 0.5]])), 9)
    0.125
    """
    law, chain = stationary_law(transition), np.asarray(transition, dtype=np.float64)
    return np.asarray(0.5 * np.abs(chain_mle(counts) - chain).sum(axis=-1) @ law)


def _blocks(name: str, ends: Sequence[int], most: int) -> Integers:
    """Return, for each place before the last end, in which block between two ends it lies."""
    sizes = [as_integer(name, end, least=1) for end in ends]
    if not sizes or sizes[-1] > most or np.any(np.diff(sizes) <= 0):
        raise ValueError(f"{name} is {tuple(ends)!r}: give increasing numbers of at most {most}")
    return np.repeat(np.arange(len(sizes)), np.diff([0, *sizes]))

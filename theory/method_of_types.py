"""The method of types: independent draws up to order, that is, how often each letter occurs among n."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaln

from tightbound.theory._validation import Array, Integers, as_integer

LARGEST_ENUMERATION = 5_000_000
LARGEST_BYTES = 2**30


def number_of_types(n: int, atoms: int) -> int:
    """Return how many count vectors there are: C(n + A - 1, A - 1).

    Parameters
    ----------
    n, atoms : int
        Number of draws, n >= 0, and size of the alphabet, A >= 1.

    Returns
    -------
    int
        The number, exactly.

    Raises
    ------
    TypeError, ValueError
        For arguments out of range.

    Examples
    --------
    >>> number_of_types(6, 8)
    1716
    """
    count, width = as_integer("n", n, least=0), as_integer("atoms", atoms, least=1)
    return math.comb(count + width - 1, width - 1)


def count_vectors(n: int, atoms: int) -> Integers:
    """Return every vector of A counts of at least 0 that sum to n, in lexicographic order.

    Parameters
    ----------
    n, atoms : int
        Number of draws, n >= 0, and size of the alphabet, A >= 1.

    Returns
    -------
    ndarray of int16, int32 or int64, shape (number_of_types(n, A), A)
        One count vector per row.

    Raises
    ------
    TypeError, ValueError
        For arguments out of range, and where there are more than 5e6 count vectors or they fill more than a
        gigabyte.

    Examples
    --------
    >>> count_vectors(2, 2).tolist()
    [[0, 2], [1, 1], [2, 0]]
    """
    total = number_of_types(n, atoms)
    kind = np.min_scalar_type(-max(n, 1))
    kind = np.dtype(np.int16) if kind.itemsize < 2 else kind
    if total > LARGEST_ENUMERATION or total * atoms * kind.itemsize > LARGEST_BYTES:
        raise ValueError(
            f"there are {total} count vectors of {atoms} letters among n = {n} draws, more than "
            f"{LARGEST_ENUMERATION} or than a gigabyte holds: take fewer draws or a smaller alphabet, or "
            "estimate by importance sampling"
        )
    left = np.array([n], dtype=kind)
    levels = []
    for _ in range(atoms - 1):
        children = left.astype(np.int64) + 1
        parent = np.repeat(np.arange(left.size), children)
        value = (np.arange(parent.size) - np.repeat(np.cumsum(children) - children, children)).astype(kind)
        left = left[parent] - value
        levels.append((parent, value))
    found = np.empty((total, atoms), dtype=kind)
    found[:, -1] = left
    place = np.arange(total)
    for column in range(atoms - 2, -1, -1):
        parent, value = levels.pop()
        found[:, column] = value[place]
        place = parent[place]
    return found


def log_multinomial(counts: Integers) -> Array:
    """Return the logarithm of n! / prod_a c_a! of every row of counts.

    Parameters
    ----------
    counts : ndarray of int, shape (K, A)
        Rows with one and the same sum n.

    Returns
    -------
    ndarray, shape (K,)
        How many orders of the n draws have these counts, as a logarithm.

    Examples
    --------
    >>> np.exp(log_multinomial(count_vectors(2, 2))).round(12).tolist()
    [1.0, 2.0, 1.0]
    """
    n = int(counts[0].sum())
    factorial = gammaln(np.arange(n + 1) + 1.0)
    found = np.full(counts.shape[0], factorial[n])
    for column in counts.T:
        found -= factorial[column]
    return found


def log_likelihood(counts: Integers, log_laws: Array) -> Array:
    """Return the log-likelihood of every row of counts under every law, with 0 log 0 = 0.

    Parameters
    ----------
    counts : ndarray of int, shape (K, A)
        How often each letter occurs.
    log_laws : ndarray, shape (M, A)
        Logarithm of its probability; -inf allowed.

    Returns
    -------
    ndarray, shape (K, M)
        Log-likelihood of any one order of the draws.

    Examples
    --------
    >>> log_likelihood(np.array([[2, 0], [1, 1]]), np.array([[0.0, -np.inf]])).tolist()
    [[0.0], [-inf]]
    """
    impossible = np.isneginf(log_laws)
    number = counts.astype(np.float64)
    found = number @ np.where(impossible, 0.0, log_laws).T
    if impossible.any():
        found[number @ impossible.T.astype(np.float64) > 0.0] = -np.inf
    return np.asarray(found)

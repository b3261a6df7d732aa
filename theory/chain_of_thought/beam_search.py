"""Breadth-first search over chains of thought, exactly: the law of the path that it ends in."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_integer, as_laws
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.stepwise_law import path_law, step_laws

DIGITS = 12
LARGEST_ALPHABET = 12
LARGEST_SEARCH = 2_000_000


def beam_search_law(
    chain: DiscreteChain, log_weights: ArrayLike, query: int, beam: int, proposals: int
) -> Array:
    r"""Return the law of the path that the search ends in, exactly, for a beam of any width.

    The set of paths kept is a Markov chain; each kept path's set of different proposals has a law that is
    worked out by adding one proposal at a time.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks; their prior is not read.
    log_weights : array_like, shape (M,)
        Logarithm of the posterior given the prompt and the query.
    query : int
        z_0.
    beam, proposals : int
        B and k, each at least 1.

    Returns
    -------
    ndarray, shape (m,) * H
        Probability of ending in each path.

    Raises
    ------
    TypeError, ValueError, IndexError
        For arguments out of range, and where there are more than 2e6 sets of candidates: simulate then.

    Examples
    --------
    >>> from tightbound.theory.chain_of_thought.tree_of_thought import garden_path
    >>> [round(float(beam_search_law(garden_path(), [0.0], 0, b, 8)[1, 1]), 4) for b in (1, 2)]
    [0.0017, 0.9916]
    """
    width, count = as_integer("beam", beam, least=1), as_integer("proposals", proposals, least=1)
    laws = step_laws(chain, log_weights, query)
    m = chain.states
    subsets = (
        [np.flatnonzero(subset_members(m)[code]) for code in range(2**m)] if m <= LARGEST_ALPHABET else []
    )
    kept: dict[tuple[int, ...], float] = {(0,): 1.0}
    for h, law in enumerate(laws):
        order = ranking(path_law(laws[: h + 1]).ravel())
        if not subsets or sum((2.0**m) ** len(paths) for paths in kept) > LARGEST_SEARCH:
            raise ValueError(
                f"step {h + 1} has more than {LARGEST_SEARCH} sets of candidates: take fewer states or "
                "steps or a narrower beam, or simulate"
            )
        chances = proposal_sets(law.reshape(-1, m), count)
        after: dict[tuple[int, ...], float] = {}
        for paths, chance in kept.items():
            likely = [np.flatnonzero(chances[path]) for path in paths]
            for codes in product(*likely):
                joint = chance * float(
                    np.prod([chances[path, c] for path, c in zip(paths, codes, strict=True)])
                )
                found = [p * m + int(z) for p, c in zip(paths, codes, strict=True) for z in subsets[c]]
                best = tuple(sorted(found, key=order.__getitem__)[:width])
                after[best] = after.get(best, 0.0) + joint
        kept = after
    result = np.zeros(m**chain.steps)
    for paths, chance in kept.items():
        result[paths[0]] += chance
    return result.reshape((m,) * chain.steps)


def proposal_sets(laws: ArrayLike, proposals: int) -> Array:
    """Return the law of the set of different values among k independent draws.

    Parameters
    ----------
    laws : array_like, shape (..., m)
        Law of one draw, m at most 12.
    proposals : int
        k, at least 0.

    Returns
    -------
    ndarray, shape (..., 2^m)
        Entry s belongs to the set of all z with bit z of s set.

    Raises
    ------
    TypeError, ValueError
        For laws that are none, more than 12 values, or a negative number of draws.

    Examples
    --------
    >>> proposal_sets([0.5, 0.5], 2).tolist()
    [0.0, 0.25, 0.25, 0.5]
    """
    law, count = as_laws("laws", laws), as_integer("proposals", proposals, least=0)
    m = law.shape[-1]
    if m > LARGEST_ALPHABET:
        raise ValueError(
            f"laws has {m} values, more than {LARGEST_ALPHABET}: too many sets to list; take fewer states"
        )
    members = subset_members(m)
    codes = np.arange(2**m)
    known = law @ members.T.astype(np.float64)
    found = np.zeros((*law.shape[:-1], 2**m))
    found[..., 0] = 1.0
    for _ in range(count):
        # a draw is known already, or adds one value
        after = found * known
        for z in range(m):
            with_z = codes[members[:, z]]
            after[..., with_z] += found[..., with_z ^ (1 << z)] * law[..., [z]]
        found = after
    return found


def subset_members(m: int) -> np.ndarray:
    """Return which values belong to which set, shape (2^m, m)."""
    return np.asarray((np.arange(2**m)[:, None] >> np.arange(m)) % 2 == 1)


def rounded_scores(law: Array) -> Array:
    """Return log-probabilities to 12 decimals, so that what is equal but for rounding is a tie."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(law).round(DIGITS))


def ranking(law: Array) -> Integers:
    """Return the rank of every path, 0 the best; ties in lexicographic order."""
    ranks = np.empty(law.size, dtype=np.int64)
    ranks[np.argsort(-rounded_scores(law), kind="stable")] = np.arange(law.size)
    return ranks

"""Tree of thought, simulated: breadth-first search with a beam, many searches at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from tightbound.simulators.chain_of_thought.sampling import draw
from tightbound.simulators.chain_of_thought.self_consistency import mean_and_error
from tightbound.theory._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.chain_of_thought.answer_law import normalised
from tightbound.theory.chain_of_thought.beam_search import DIGITS
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain

LARGEST_BEAM_INDEX = 2**62


@dataclass(frozen=True, eq=False)
class TreeOfThought:
    """Where searches ended, and how often not in the target.

    Parameters
    ----------
    paths : ndarray of int, shape (B, H)
        Best path of every search; its last state is the answer.
    log_probabilities : ndarray, shape (B,)
        Averaged log-probability of that path given prompt and query.
    error, standard_error : float
        Share of searches that ended elsewhere than in the target, and its standard error.
    """

    paths: Integers
    log_probabilities: Array
    error: float
    standard_error: float


def tree_of_thought(
    chain: DiscreteChain,
    log_weights: ArrayLike,
    query: ArrayLike,
    *,
    beam: int,
    proposals: int,
    target: ArrayLike,
    votes: int | None = None,
    replications: int = 1,
    rng: int | np.random.Generator | None = None,
) -> TreeOfThought:
    r"""Search for the best chain of thought with a beam of width B and k proposals per path kept.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks; their prior is not read.
    log_weights : array_like, shape (M,) or (P, M)
        Logarithm of the posterior given the prompt and the query.
    query : array_like of int, shape () or (P,)
        z_0.
    beam, proposals : int
        B and k, each at least 1. Equal proposals merge, so B at least m^{H-1} keeps every path proposed.
    target : array_like of int, shape (H,) or (P, H)
        The path that a search should end in.
    votes : int, optional
        V at least 1: candidates are ranked by V votes, each naming one with a probability in proportion to
        that of its path, ties at random. Left out: by log-probability, ties in lexicographic order.
    replications : int
        Searches per prompt; results are ordered prompt by prompt.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    TreeOfThought
        One search per prompt and replication.

    Raises
    ------
    TypeError, ValueError, IndexError
        For sizes below 1, what is no state, or shapes that do not fit.

    References
    ----------
    Yao et al., "Tree of thoughts: deliberate problem solving with large language models", NeurIPS 2023,
    Algorithm 1.

    Examples
    --------
    >>> from tightbound.theory.chain_of_thought.tree_of_thought import garden_path
    >>> task, logs = garden_path(), [0.0]
    >>> for beam in (1, 2):
    ...     found = tree_of_thought(
    ...         task, logs, 0, beam=beam, proposals=8, target=[1, 1], replications=1000, rng=0
    ...     )
    ...     print(round(found.error, 2))
    1.0
    0.01
    """
    width, count = as_integer("beam", beam, least=1), as_integer("proposals", proposals, least=1)
    voters = None if votes is None else as_integer("votes", votes, least=1)
    repeats = as_integer("replications", replications, least=1)
    asked, right = as_indices("query", query, chain.states), as_indices("target", target, chain.states)
    weights = np.asarray(log_weights, dtype=np.float64)
    if (
        weights.ndim not in (1, 2)
        or weights.shape[-1] != chain.tasks
        or asked.ndim > 1
        or right.ndim not in (1, 2)
        or right.shape[-1] != chain.steps
    ):
        raise ValueError(
            f"log_weights has shape {weights.shape}, query {asked.shape} and target {right.shape}: give "
            f"({chain.tasks},) or (P, {chain.tasks}), () or (P,), and ({chain.steps},) or (P, {chain.steps})"
        )
    (prompts,) = np.broadcast_shapes(weights.shape[:-1], asked.shape, right.shape[:-1], (1,))
    source = np.random.default_rng(rng)
    runs = prompts * repeats
    beliefs = normalised(np.broadcast_to(weights, (prompts, chain.tasks)))
    # one path, the query alone; further places in the beam are empty (score -inf)
    found = _Beam(
        states=np.repeat(np.broadcast_to(asked, prompts), repeats)[:, None],
        weights=np.repeat(beliefs, repeats, axis=0)[:, None],
        scores=np.zeros((runs, 1)),
        paths=np.zeros((runs, 1, 0), dtype=np.int64),
    )
    for h in range(chain.steps):
        found = _step(chain, h, found, width, count, voters, source)
    paths = found.paths[:, 0]
    wrong = np.any(
        paths != np.repeat(np.broadcast_to(right, (prompts, chain.steps)), repeats, axis=0), axis=1
    )
    return TreeOfThought(paths, found.scores[:, 0], *mean_and_error(wrong))


@dataclass(frozen=True, eq=False)
class _Beam:
    """Paths kept by R searches, best first: states (R, b), weights (R, b, M), scores (R, b), paths (R, b, h).

    Empty places have the score -inf.
    """

    states: Integers
    weights: Array
    scores: Array
    paths: Integers


def _step(
    chain: DiscreteChain,
    h: int,
    kept: _Beam,
    width: int,
    count: int,
    voters: int | None,
    rng: np.random.Generator,
) -> _Beam:
    runs, places = kept.states.shape
    laws = np.einsum("rbk,krby->rby", np.exp(kept.weights), chain.kernels[:, h][:, kept.states])
    drawn = draw(np.cumsum(laws, axis=-1)[:, :, None, :].repeat(count, axis=2), rng)
    proposed = np.zeros((runs, places, chain.states), dtype=bool)
    np.put_along_axis(proposed, drawn, True, axis=2)
    proposed &= np.isfinite(kept.scores)[..., None]
    with np.errstate(divide="ignore"):
        scores = np.where(proposed, kept.scores[..., None] + np.log(laws), -np.inf)
    flat = scores.reshape(runs, -1)
    # candidates in lexicographic order of their paths, for ties
    first = _lexicographic(kept.paths, chain.states)
    order = first[..., None] * chain.states + np.arange(chain.states)
    merit = flat.round(DIGITS) if voters is None else _ballots(flat, voters, rng)
    ranked = np.lexsort((order.reshape(runs, -1), -merit), axis=-1)[:, : min(width, flat.shape[1])]
    row = np.arange(runs)[:, None]
    place, state = ranked // chain.states, ranked % chain.states
    score = flat[row, ranked]
    gained = np.moveaxis(chain.log_kernels[:, h][:, kept.states[row, place], state], 0, -1)
    weights = kept.weights[row, place] + gained
    # empty places keep any law
    weights = np.where(np.isfinite(score)[..., None], weights, kept.weights[row, place])
    return _Beam(
        state,
        weights - logsumexp(weights, axis=-1, keepdims=True),
        score,
        np.concatenate([kept.paths[row, place], state[..., None]], axis=-1),
    )


def _ballots(scores: Array, voters: int, rng: np.random.Generator) -> Array:
    """Return the votes for every candidate, with a random fraction for ties; -inf for empty places."""
    shares = np.exp(scores - logsumexp(scores, axis=1, keepdims=True))
    votes = rng.multinomial(voters, shares / shares.sum(axis=1, keepdims=True))
    return np.asarray(np.where(np.isfinite(scores), votes + rng.random(scores.shape), -np.inf))


def _lexicographic(paths: Integers, states: int) -> Integers:
    """Return the place of every path among all paths of its length, in lexicographic order."""
    if states ** paths.shape[-1] > LARGEST_BEAM_INDEX:
        raise ValueError(
            f"there are {states}^{paths.shape[-1]} paths, more than an index holds: take fewer steps"
        )
    place = np.zeros(paths.shape[:-1], dtype=np.int64)
    for step in np.moveaxis(paths, -1, 0):
        place = place * states + step
    return place

r"""Tree of thought: propose k next steps from every path kept, score all, keep the best B.

A proposal is drawn from the averaged law of the next step given the prompt and the path; equal proposals
merge. A path is scored by its log-probability under the average, or by votes. Scores that agree to 12
decimals are tied, and the path that comes first in lexicographic order wins. The answer is the last state of
the best path at the end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from tightbound.theory._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.chain_of_thought.beam_search import (
    proposal_sets,
    ranking,
    rounded_scores,
    subset_members,
)
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.self_consistency import vote
from tightbound.theory.chain_of_thought.stepwise_law import path_law, step_laws


def garden_path(likely: float = 0.55, sure: float = 0.95) -> DiscreteChain:
    """Return a task whose likeliest first step does not begin its likeliest path.

    Step 1 leads to state 0 with probability ``likely``, else to 1. From 0, step 2 is a coin; from 1 it leads
    to 1 with probability ``sure``. The likeliest path is (1, 1), the greedy one begins with 0.

    Parameters
    ----------
    likely, sure : float
        Probabilities with 1/2 < likely < 1 and (1 - likely) sure > likely / 2.

    Returns
    -------
    DiscreteChain
        One task of two steps on two states.

    Raises
    ------
    ValueError
        For probabilities that make no garden path.

    Examples
    --------
    >>> garden_path().trajectory_law()[0, :4].round(5).tolist()
    [0.1375, 0.1375, 0.01125, 0.21375]
    """
    if not (0.5 < likely < 1.0 and 0.0 <= sure <= 1.0 and (1.0 - likely) * sure > 0.5 * likely):
        raise ValueError(
            f"likely is {likely!r} and sure {sure!r}: give 1/2 < likely < 1 and "
            "(1 - likely) sure > likely / 2"
        )
    first = [[likely, 1.0 - likely]] * 2
    return DiscreteChain([1.0], [[first, [[0.5, 0.5], [1.0 - sure, sure]]]])


def greedy_path(chain: DiscreteChain, task: int, query: int) -> Integers:
    """Return the path that takes the task's likeliest step each time, the first of several.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks.
    task, query : int
        Which task, and z_0.

    Returns
    -------
    ndarray of int, shape (H,)
        z_1, ..., z_H.

    Examples
    --------
    >>> greedy_path(garden_path(), 0, 0).tolist()
    [0, 0]
    """
    state = int(as_indices("query", query, chain.states))
    known = int(as_indices("task", task, chain.tasks))
    found = []
    for h in range(chain.steps):
        state = int(chain.kernels[known, h, state].argmax())
        found.append(state)
    return np.array(found, dtype=np.int64)


def steps_along(chain: DiscreteChain, log_weights: ArrayLike, query: int, path: ArrayLike) -> Array:
    r"""Return the averaged law of every step of one path, given the prompt and the path before it.

    .. math:: P(z_h | S, z_0, z_1, \dots, z_{h-1}), \qquad h = 1, \dots, H

    Parameters
    ----------
    chain : DiscreteChain
        The tasks; their prior is not read.
    log_weights : array_like, shape (K, M)
        Logarithm of the posteriors of K prompts, given the query.
    query : int
        z_0.
    path : array_like of int, shape (H,)
        z_1, ..., z_H.

    Returns
    -------
    ndarray, shape (K, H, m)
        After a step of probability zero nothing follows: laws are then those before it.

    Raises
    ------
    TypeError, ValueError, IndexError
        For shapes that do not fit, weights that do not sum to one, or what is no state.

    Examples
    --------
    >>> steps_along(garden_path(), [[0.0]], 0, [1, 1])[0].round(2).tolist()
    [[0.55, 0.45], [0.05, 0.95]]
    """
    weights = np.asarray(log_weights, dtype=np.float64)
    if weights.ndim != 2 or weights.shape[1] != chain.tasks:
        raise ValueError(
            f"log_weights has shape {weights.shape}: give (K, {chain.tasks}), one row per prompt"
        )
    if not np.all(np.abs(logsumexp(weights, axis=1)) <= 1e-9):
        raise ValueError(
            "log_weights holds a row that does not sum to one (or holds NaN): give what log_posterior returns"
        )
    state = int(as_indices("query", query, chain.states))
    wanted = _path(chain, path)
    found = np.empty((weights.shape[0], chain.steps, chain.states))
    for h, step in enumerate(wanted):
        found[:, h] = np.exp(weights) @ chain.kernels[:, h, state]
        moved = weights + chain.log_kernels[:, h, state, step]
        total = logsumexp(moved, axis=1, keepdims=True)
        possible = total > -np.inf
        weights = np.where(possible, moved - np.where(possible, total, 0.0), weights)
        state = int(step)
    return found


def tree_of_thought_failure(
    chain: DiscreteChain,
    log_weights: ArrayLike,
    query: int,
    target: ArrayLike,
    proposals: int,
    *,
    votes: int | None = None,
) -> Array:
    r"""Return the probability that a search with a beam of one does not end in a given path, exactly.

    .. math:: 1 - \prod_{h=1}^H \Big[ \Big(\sum_{z \not\succ z^*_h} \hat p_h(z)\Big)^k - \Big(\sum_{z \prec
        z^*_h} \hat p_h(z)\Big)^k \Big]

    for scores by log-probability: step h is right if it is proposed and nothing ranked higher is.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks; their prior is not read.
    log_weights : array_like, shape (K, M)
        Logarithm of the posteriors of K prompts, given the query.
    query : int
        z_0.
    target : array_like of int, shape (H,)
        The path z_1, ..., z_H that is wanted, e.g. ``greedy_path(chain, truth, query)``.
    proposals : int
        k, at least 1.
    votes : int, optional
        V at least 1: instead of the highest score, the candidate that most of V votes name is kept, ties
        evenly; each vote names a candidate with a probability in proportion to that of its step.

    Returns
    -------
    ndarray, shape (K,)
        Chance of failure, a sum of positive terms.

    Raises
    ------
    TypeError, ValueError, IndexError
        For arguments out of range; with votes, more than 12 states.

    References
    ----------
    Yao et al., "Tree of thoughts: deliberate problem solving with large language models", NeurIPS 2023,
    Algorithm 1 (breadth-first search), value and vote prompts.

    Examples
    --------
    >>> [round(float(tree_of_thought_failure(garden_path(), [[0.0]], 0, [1, 1], k)[0]), 4) for k in (1, 2, 8)]
    [0.5725, 0.798, 0.9983]
    """
    count = as_integer("proposals", proposals, least=1)
    voters = None if votes is None else as_integer("votes", votes, least=1)
    laws, wanted = steps_along(chain, log_weights, query, target), _path(chain, target)
    survived = np.ones(laws.shape[0])
    total = np.zeros(laws.shape[0])
    for h, step in enumerate(wanted):
        if voters is None:
            success, failure = _best_of(laws[:, h], int(step), count)
        else:
            success, failure = _elected(laws[:, h], int(step), count, voters)
        total += survived * failure
        survived = survived * success
    return total


def tree_of_thought_bound(
    chain: DiscreteChain,
    log_weights: ArrayLike,
    query: int,
    target: ArrayLike,
    proposals: int,
    *,
    beam: int = 1,
    votes: int | None = None,
) -> Array:
    r"""Return a bound on the probability that the search does not end in a given path.

    .. math:: P(\text{fail}) \le \sum_{h=1}^H \Big[ (1 - \hat p_h)^k + 1\{z^*_{\le h} \text{ is outranked}\}
        \Big]

    with p_h the averaged probability of the right step after the right steps. Outranked means, for B = 1,
    that another step ranks above it; for B > 1 and h < H, that B or more of all m^h paths rank
    above; for h = H, that one does. With votes (B = 1) the indicator is replaced by

    .. math:: \sum_{z \ne z^*_h} \big(1 - (1 - \hat p_h(z))^k\big) \big(1 - (\sqrt{\hat p_h} - \sqrt{\hat
        p_h(z)})_+^2\big)^V .

    Parameters
    ----------
    chain, log_weights, query, target, proposals, votes
        As in ``tree_of_thought_failure``.
    beam : int
        B, at least 1; more than one needs all m^H paths, at most 1e5, and scores by log-probability.

    Returns
    -------
    ndarray, shape (K,)
        The bound, prompt by prompt; it may exceed the trivial one, 1.

    Raises
    ------
    TypeError, ValueError, IndexError
        For arguments out of range.

    Notes
    -----
    Proof. Call step h right if z*_{<=h} is kept. If step h is the first that is not, z*_{<h} was kept, and
    either its k proposals miss z*_h, which has probability (1 - p_h)^k given everything before, or z*_{<=h}
    is a candidate that is not kept. The latter takes B candidates that rank above it. For B = 1 all
    candidates extend z*_{<h}, so one of their steps ranks above z*_h; for any B they are among all paths of
    length h. At the end the path must be the best kept. Sum over h.

    With votes, another step wins only if it is proposed, which has probability at most 1 - (1 - p(z))^k, and
    gets at least as many votes as z*_h. With v = p / (sum over candidates) the shares of both in a vote, the
    argument of ``self_consistency_bound`` gives (1 - (sqrt v* - sqrt v(z))^2)^V, whatever the other
    candidates are; the sum over candidates being at most 1, v may be replaced by p.

    The probabilities must be those of the average. The truth's, without the indicator, give no bound for few
    demonstrations: the average may rank another step first.

    Examples
    --------
    >>> found = [tree_of_thought_bound(garden_path(), [[0.0]], 0, [1, 1], 8, beam=b)[0] for b in (1, 2)]
    >>> [round(float(one), 4) for one in found]
    [1.0084, 0.0084]
    """
    count, width = as_integer("proposals", proposals, least=1), as_integer("beam", beam, least=1)
    voters = None if votes is None else as_integer("votes", votes, least=1)
    if voters is not None and width > 1:
        raise ValueError(f"beam is {width} with votes: the bound is for a beam of 1; leave votes out")
    laws, wanted = steps_along(chain, log_weights, query, target), _path(chain, target)
    own = laws[:, np.arange(chain.steps), wanted]
    missed = ((1.0 - own) ** count).sum(axis=1)
    if voters is not None:
        others = np.arange(chain.states) != wanted[:, None]
        proposed = 1.0 - (1.0 - laws) ** count
        base = 1.0 - np.maximum(np.sqrt(own)[..., None] - np.sqrt(laws), 0.0) ** 2
        return np.asarray(missed + (others * proposed * base**voters).sum(axis=(1, 2)))
    if width == 1:
        above = np.stack([_above(laws[:, h], int(z)).any(axis=1) for h, z in enumerate(wanted)], axis=1)
        return np.asarray(missed + above.sum(axis=1))
    weights = np.asarray(log_weights, dtype=np.float64)
    return np.asarray(missed + [_outranked(chain, row, query, wanted, width) for row in weights])


def _path(chain: DiscreteChain, path: ArrayLike) -> Integers:
    steps = as_indices("path", path, chain.states)
    if steps.shape != (chain.steps,):
        raise ValueError(f"path has shape {steps.shape}: give the {chain.steps} states z_1, ..., z_H")
    return steps


def _above(laws: Array, step: int) -> np.ndarray:
    """Return which values rank above ``step`` in every row: a higher score, or an equal one and first."""
    scores = rounded_scores(laws)
    mine = scores[:, [step]]
    return np.asarray((scores > mine) | ((scores == mine) & (np.arange(laws.shape[1]) < step)))


def _best_of(laws: Array, step: int, count: int) -> tuple[Array, Array]:
    """Chance that ``step`` is the best of k proposals, and that it is not."""
    above = _above(laws, step)
    higher, own = np.where(above, laws, 0.0).sum(axis=1), laws[:, step]
    above[:, step] = True
    lower = np.where(above, 0.0, laws).sum(axis=1)
    # none ranked higher but not all ranked lower; 1 - (1 - higher)^k without cancellation
    with np.errstate(divide="ignore"):
        outranked = -np.expm1(count * np.log1p(-np.minimum(higher, 1.0)))
        ratio = np.divide(own, own + lower, out=np.zeros_like(own), where=own > 0.0)
        success = (own + lower) ** count * -np.expm1(count * np.log1p(-ratio))
    return success, outranked + lower**count


def _elected(laws: Array, step: int, count: int, votes: int) -> tuple[Array, Array]:
    """Chance that ``step`` is proposed and elected among the proposals, and that it is not."""
    chances, members = proposal_sets(laws, count), subset_members(laws.shape[1])
    success = np.zeros(laws.shape[0])
    failure = (1.0 - laws[:, step]) ** count
    for code in np.flatnonzero(members[:, step]):
        possible = chances[:, code] > 0.0
        among = np.where(members[code], laws[possible], 0.0)
        if not among.size:
            continue
        found = vote(among / among.sum(axis=1, keepdims=True), votes, answer=step)
        success[possible] += chances[possible, code] * found.success
        failure[possible] += chances[possible, code] * found.error
    return success, failure


def _outranked(chain: DiscreteChain, row: Array, query: int, wanted: Integers, beam: int) -> float:
    """Count the steps at which too many of all paths rank above the right one."""
    laws = step_laws(chain, row, query)
    total, place = 0, 0
    for h, step in enumerate(wanted):
        place = place * chain.states + int(step)
        allowed = 1 if h == chain.steps - 1 else beam
        total += int(ranking(path_law(laws[: h + 1]).ravel())[place] >= allowed)
    return float(total)

r"""What self-consistency and tree of thought lose to the prompt, with every constant explicit.

Both start from one fact: the averaged law of a step, or of the answer, is the truth's with weight
pi_n(theta*) and something else otherwise, so their total variation is at most 1 - pi_n(theta*), whose mean
over prompts falls exponentially in n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_indices, as_integer
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.equivalence import as_truth
from tightbound.theory.chain_of_thought.prompting_bounds import doubt_bound, surprise_bound
from tightbound.theory.chain_of_thought.self_consistency import gap_bound

SHARES = np.linspace(0.0, 1.0, 66)[1:-1]


def told_chain(chain: DiscreteChain, path: ArrayLike) -> DiscreteChain:
    r"""Return the tasks after a query and some steps, which count as evidence, are put into the prior.

    .. math:: \pi'(\theta) \propto \pi(\theta) f_\theta(z_0) \prod_{i \le h} K_{\theta, i}(z_{i-1}, z_i)

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior.
    path : array_like of int, shape (h+1,)
        z_0, ..., z_h with 0 <= h <= H.

    Returns
    -------
    DiscreteChain
        The posterior of this chain given demonstrations is that of ``chain`` given demonstrations and path.

    Raises
    ------
    TypeError, ValueError, IndexError
        For what is no path, or one that no task of positive prior probability allows.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> told_chain(chain, [0, 1]).prior.round(4).tolist()
    [0.1667, 0.8333]
    """
    seen = as_indices("path", path, chain.states)
    if seen.ndim != 1 or not 1 <= seen.size <= chain.steps + 1:
        raise ValueError(f"path has shape {seen.shape}: give z_0, ..., z_h with h from 0 to {chain.steps}")
    weight = chain.prior * chain.query[:, seen[0]]
    for h in range(seen.size - 1):
        weight = weight * chain.kernels[:, h, seen[h], seen[h + 1]]
    if not weight.sum() > 0.0:
        raise ValueError(f"path {seen.tolist()} has probability 0 under every task: give one that can occur")
    return DiscreteChain(weight / weight.sum(), chain.kernels, chain.query)


def prompted_self_consistency_bound(
    chain: DiscreteChain, truth: int, n: int, samples: ArrayLike, query: int
) -> Array:
    r"""Return a bound on the chance that K sampled chains of thought elect a wrong answer.

    .. math:: P(\hat y \ne y^*) \le \min_{0 < \tau < \epsilon^*/2} \Big[ \frac{1}{\tau}
        E_S[1 - \pi_n(\Theta_{eq})] + (|Y| - 1)\, e^{-K (\epsilon^* - 2\tau)^2 / 2} \Big]

    over prompts and samples; y* is the truth's likeliest answer to the query and epsilon* its gap. The mean
    is replaced by the lesser of ``doubt_bound`` and ``surprise_bound``, so the first term falls exponentially
    in n and the second in K.

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior.
    truth : int
        The task that is demonstrated and asked.
    n : int
        Number of demonstrations, at least 0.
    samples : array_like of int
        Numbers K of sampled chains, each at least 1.
    query : int
        z_0, possible under the truth.

    Returns
    -------
    ndarray, shape of ``samples``
        The bound; it may exceed the trivial one, 1.

    Raises
    ------
    TypeError, ValueError, IndexError
        For arguments out of range, and where the truth has no single likeliest answer.

    Notes
    -----
    Proof. Given the prompt and the query, p_hat = pi_n(class) p* + (1 - pi_n(class)) r, so T = TV(p_hat, p*)
    <= 1 - pi_n(class). For any y, (p_hat_{y*} - p_hat_y) - (p*_{y*} - p*_y) is at least -sum |p_hat - p*| =
    -2T, so where T <= tau the vote's mode is y* with a gap of at least epsilon* - 2 tau and ``gap_bound``
    applies; and T > tau has probability at most E[1 - pi_n(class)] / tau by Markov. For the mean, the query
    is evidence known beforehand and goes into the prior (``told_chain``). With more demonstrations the
    posterior of the class settles; with more samples only the second term falls, and what is left is the
    chance of a prompt whose answer law has another mode.

    References
    ----------
    Wang et al., ICLR 2023: the method. Hu, Zhang, Chen, Yang, arXiv:2408.14511, abstract: the framework
    covers self-consistency.

    Examples
    --------
    >>> stay, swap = [[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]
    >>> chain = DiscreteChain([0.5, 0.5], [[stay, stay], [stay, swap]])
    >>> [prompted_self_consistency_bound(chain, 0, n, [5, 50], 0).round(4).tolist() for n in (10, 20)]
    [[0.5302, 0.0381], [0.3743, 0.0008]]
    """
    true, count = as_truth(chain, truth), as_integer("n", n, least=0)
    asked = int(as_indices("query", query, chain.states))
    _possible(chain, true, asked)
    law = chain.answer_table()[true, asked]
    ranked = np.sort(law)[::-1]
    gap = float(ranked[0] - ranked[1]) if ranked.size > 1 else 1.0
    if gap <= 0.0:
        raise ValueError(
            f"task {true} has no single likeliest answer to query {asked}: no answer is right; ask another"
        )
    told = told_chain(chain, [asked])
    doubt = min(float(doubt_bound(told, true, count)), float(surprise_bound(told, true, count)))
    tau = SHARES * gap / 2.0
    wanted = np.asarray(samples)
    found = [(doubt / tau + gap_bound(gap - 2.0 * tau, chain.states, k)).min() for k in wanted.ravel()]
    return np.asarray(found, dtype=np.float64).reshape(wanted.shape)


def prompted_tree_of_thought_bound(
    chain: DiscreteChain, truth: int, n: int, proposals: int, query: int
) -> float:
    r"""Return a bound on the chance that a search with a beam of one leaves the truth's greedy path.

    .. math:: P(\text{fail}) \le \sum_{h=1}^H \min_{0 < \tau < \delta_h / 2} \Big[ (1 - p^*_h + \tau)^k +
        \frac{1}{\tau} E_S[1 - \pi_n(\theta^* | z^*_{<h})] \Big]

    over prompts and proposals. The greedy path z* takes the truth's likeliest step each time, of probability
    p*_h and with a gap of delta_h to the next; the mean is bounded by ``doubt_bound``, so each term falls
    exponentially in n or in k.

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior.
    truth : int
        The task that is demonstrated and asked.
    n, proposals : int
        Demonstrations, n >= 0, and proposals per step, k >= 1.
    query : int
        z_0, possible under the truth.

    Returns
    -------
    float
        The bound; it may exceed the trivial one, 1.

    Raises
    ------
    TypeError, ValueError, IndexError
        For arguments out of range, and where a step of the truth has no single likeliest state.

    Notes
    -----
    Proof. By ``tree_of_thought_bound`` step h fails, given the right prefix, with probability at most (1 -
    p_h)^k + 1{another step has p >= p_h}, p being the averaged step law after the prefix. Its total variation
    from the truth's is at most 1 - pi_n(theta* | prefix). Where that is at most tau < delta_h / 2, p_h
    >= p*_h - tau and no step overtakes the greedy one: the first term. Elsewhere the step fails with
    probability at most 1: the second, by Markov. The prefix is fixed and goes into the prior
    (``told_chain``).

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]] * 2, [[[0.5, 0.5], [0.5, 0.5]]] * 2])
    >>> [round(prompted_tree_of_thought_bound(chain, 0, n, 4, 0), 4) for n in (10, 20, 40)]
    [0.3426, 0.0643, 0.0031]
    """
    true, count = as_truth(chain, truth), as_integer("proposals", proposals, least=1)
    shown = as_integer("n", n, least=0)
    state = int(as_indices("query", query, chain.states))
    _possible(chain, true, state)
    path, total = [state], 0.0
    for h in range(chain.steps):
        law = chain.kernels[true, h, path[-1]]
        order = np.argsort(-law, kind="stable")
        gap = float(law[order[0]] - law[order[1]]) if law.size > 1 else 1.0
        if gap <= 0.0:
            raise ValueError(
                f"task {true} has no single likeliest step {h + 1} after {path}: its greedy path is not "
                "defined; give a task without ties"
            )
        doubt = float(doubt_bound(told_chain(chain, path), true, shown))
        tau = SHARES * gap / 2.0
        terms = (1.0 - law[order[0]] + tau) ** count + doubt / tau
        total += float(terms.min())
        path.append(int(order[0]))
    return total


def _possible(chain: DiscreteChain, true: int, query: int) -> None:
    if chain.query[true, query] == 0.0:
        raise ValueError(f"query is {query}, which task {true} never asks: give one that it does")

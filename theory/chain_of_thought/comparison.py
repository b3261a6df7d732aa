"""Prompts that show the steps, against prompts that show only question and answer."""

from __future__ import annotations

import numpy as np

from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.prompting_error import exact_prompting_error


def answer_only(chain: DiscreteChain) -> DiscreteChain:
    r"""Return the tasks as vanilla in-context learning sees them: one step from question to answer.

    .. math:: P_\theta(y | z_0) = (K_{\theta, 1} \cdots K_{\theta, H})[z_0, y]

    A demonstration is the pair (z_0, y). Everything that holds for chains holds for these, so vanilla
    prompting needs no theory of its own; a chain of one step is left as it is.

    Parameters
    ----------
    chain : DiscreteChain
        Tasks of H steps.

    Returns
    -------
    DiscreteChain
        The same prior and queries, one step.

    Notes
    -----
    For every pair of tasks and every tilt s in [0, 1], the affinity of the pairs (z_0, y) is at least that of
    the trajectories: sum over the steps in between of p^{1-s} q^s is at most (sum p)^{1-s} (sum q)^s by
    Hölder's inequality. So the Bhattacharyya, Chernoff and (by Jensen) Kullback-Leibler exponents of vanilla
    prompting are at most those of chain-of-thought prompting, pair by pair.

    Examples
    --------
    >>> stay, swap = [[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]
    >>> answer_only(DiscreteChain([1.0], [[stay, swap]])).kernels.round(2).tolist()
    [[[[0.18, 0.82], [0.82, 0.18]]]]
    """
    if chain.steps == 1:
        return chain
    return DiscreteChain(chain.prior, chain.answer_table()[:, None], chain.query)


def average_prompting_error(chain: DiscreteChain, n: int) -> float:
    r"""Return the prompting error averaged over tasks drawn from the prior, exactly.

    .. math:: \sum_\theta \pi(\theta) E_{S, z_0 | \theta}\, KL(P_\theta(y | z_0) \| P_{BMA}(y | S, z_0))
        = I(y; \theta | S, z_0)

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior; ``answer_only(chain)`` for vanilla prompts.
    n : int
        Number of demonstrations, at least 0.

    Returns
    -------
    float
        In nats; it does not increase with n.

    Raises
    ------
    TypeError, ValueError
        For n out of range, and where there are too many count vectors.

    Notes
    -----
    With T the steps that vanilla prompts leave out, I(y; theta | S, T, z_0) <= I(y; theta | S, z_0) if y is
    independent of T given (theta, S, z_0), which it is: y is a fresh answer of the task. (H(y | theta, ...)
    is the same for both, and H(y | S, T, z_0) <= H(y | S, z_0).) So chain-of-thought prompts are never worse
    in this average, at every n. For one fixed task they can be: what helps on average may mislead about that
    task.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> [round(average_prompting_error(chain, n), 4) for n in (0, 1, 8)]
    [0.1017, 0.0842, 0.0274]
    """
    found = [
        chain.prior[task] * np.exp(exact_prompting_error(chain, int(task), n).log_answer_kl)
        for task in np.flatnonzero(chain.prior)
    ]
    return float(np.sum(found))

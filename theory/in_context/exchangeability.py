r"""What the order of the tokens in a prompt tells, which no permutation-invariant predictor can use."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_integer, as_laws

LIMIT = 5_000_000


def independent_law(prior: ArrayLike, tokens: ArrayLike, length: int) -> Array:
    r"""Return the law of sequences whose tokens are independent given the task.

    .. math:: P(x_1, \dots, x_T) = \sum_z \pi_z \prod_t P_z(x_t)

    Parameters
    ----------
    prior : array_like, shape (M,)
        Law of the task.
    tokens : array_like, shape (M, A)
        Law of a token under each task.
    length : int
        T, at least 1.

    Returns
    -------
    ndarray, shape (A,) * T

    Raises
    ------
    TypeError, ValueError
        For rows that are no laws, shapes that do not fit, or more than 5 million sequences.

    Examples
    --------
    >>> independent_law([0.5, 0.5], [[0.75, 0.25], [0.25, 0.75]], 2).tolist()
    [[0.3125, 0.1875], [0.1875, 0.3125]]
    """
    law, rows = _tasks(prior, "tokens", tokens, 2)
    steps = _length(length, rows.shape[1])
    found = law.reshape(-1, 1)
    for _ in range(steps):
        found = (found[:, :, None] * rows[:, None, :]).reshape(law.size, -1)
    return np.asarray(found.sum(axis=0).reshape((rows.shape[1],) * steps))


def bigram_law(prior: ArrayLike, initial: ArrayLike, transition: ArrayLike, length: int) -> Array:
    r"""Return the law of sequences that are a Markov chain given the task.

    .. math:: P(x_1, \dots, x_T) = \sum_z \pi_z \mu_z(x_1) \prod_{t > 1} P_z(x_{t-1}, x_t)

    Parameters
    ----------
    prior : array_like, shape (M,)
        Law of the task.
    initial : array_like, shape (M, A)
        Law of the first token.
    transition : array_like, shape (M, A, A)
        ``transition[z, x, y]`` is the probability that y follows x.
    length : int
        T, at least 1.

    Returns
    -------
    ndarray, shape (A,) * T

    Raises
    ------
    TypeError, ValueError
        As `independent_law`.

    Examples
    --------
    >>> bigram_law([1.0], [[0.5, 0.5]], [[[0.75, 0.25], [0.25, 0.75]]], 2).tolist()
    [[0.375, 0.125], [0.125, 0.375]]
    """
    law, rows = _tasks(prior, "transition", transition, 3)
    _, first = _tasks(prior, "initial", initial, 2)
    tokens = rows.shape[1]
    if rows.shape[2] != tokens or first.shape[1] != tokens:
        raise ValueError(
            f"initial has shape {first.shape} and transition {rows.shape}: give laws over the same tokens, "
            f"({law.size}, A) and ({law.size}, A, A)"
        )
    steps = _length(length, tokens)
    found = law[:, None, None] * first[:, None, :]
    for _ in range(steps - 1):
        found = (found[..., None] * rows[:, None]).reshape(law.size, -1, tokens)
    return np.asarray(found.sum(axis=0).reshape((tokens,) * steps))


def order_information(law: ArrayLike) -> float:
    r"""Return the least average divergence of a predictor that ignores the order of the prompt.

    .. math:: \min_{q \text{ permutation-invariant}} E\, KL\big(P(\cdot|S_t) \,\|\, q(\cdot|S_t)\big)
        = I(x_{t+1}; S_t \mid \mathrm{multiset}(S_t))

    *Proof.* Such a q is a function of the multiset m. For fixed m the mean of
    :math:`KL(P(\cdot|S) \| q)` over :math:`S|m` is :math:`E[KL(P(\cdot|S) \| P(\cdot|m)) | m] +
    KL(P(\cdot|m) \| q)`, as :math:`E[P(\cdot|S) | m] = P(\cdot|m)`. The second term is 0 for
    :math:`q = P(\cdot|m)`, and the first, averaged over m, is the conditional mutual information.

    It is 0 where tokens are independent given the task: then :math:`P(x, S) = \sum_z \pi_z P_z(x) P_z(S)`
    depends on S through its multiset. It is positive where the last token matters. Networks that pool over
    the prompt without positions, the form in which the approximation result is stated, keep this error at
    every depth.

    Parameters
    ----------
    law : array_like, shape (A,) * (t+1)
        Joint law of the prompt :math:`S_t` and, on the last axis, of the next token.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        For an array whose axes are not all of one size, that is no law, or that has over 5 million entries.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Assumption F.3, limits the target to this form.

    Examples
    --------
    >>> chain = bigram_law([1.0], [[0.5, 0.5]], [[[0.9, 0.1], [0.1, 0.9]]], 3)
    >>> round(order_information(chain), 4)
    0.0368
    >>> order_information(independent_law([0.5, 0.5], [[0.75, 0.25], [0.25, 0.75]], 3)) < 1e-15
    True
    """
    joint = np.asarray(law)
    if joint.ndim < 1 or len(set(joint.shape)) != 1:
        raise ValueError(f"law has shape {joint.shape}: give one axis per token, all of one size")
    tokens = joint.shape[-1]
    _length(joint.ndim, tokens)
    table = as_laws("law", joint.reshape(1, -1)).reshape(-1, tokens)
    kinds = _multisets(tokens, joint.ndim - 1)
    merged = np.zeros((kinds.max() + 1, tokens))
    np.add.at(merged, kinds, table)
    own = table / np.where(table.sum(axis=1, keepdims=True) > 0.0, table.sum(axis=1, keepdims=True), 1.0)
    pooled = merged / np.where(
        merged.sum(axis=1, keepdims=True) > 0.0, merged.sum(axis=1, keepdims=True), 1.0
    )
    some = table > 0.0
    return float((table[some] * np.log(own[some] / pooled[kinds][some])).sum())


def _multisets(tokens: int, length: int) -> Integers:
    """Return for every prompt, in the order of a flattened array, the number of its multiset."""
    counts = np.zeros((tokens**length, tokens), dtype=np.int64)
    number = np.arange(tokens**length)
    for position in range(length):
        counts[number, number // tokens**position % tokens] += 1
    return np.asarray(np.unique(counts, axis=0, return_inverse=True)[1]).reshape(-1)


def _tasks(prior: ArrayLike, name: str, rows: ArrayLike, ndim: int) -> tuple[Array, Array]:
    law, table = as_laws("prior", prior), as_laws(name, rows)
    if law.ndim != 1 or table.ndim != ndim or table.shape[0] != law.size:
        raise ValueError(
            f"prior has shape {law.shape} and {name} {table.shape}: give (M,) and {ndim} axes, first M"
        )
    return law, table


def _length(length: int, tokens: int) -> int:
    steps = as_integer("length", length, least=1)
    if steps * np.log(tokens) > np.log(LIMIT):
        raise ValueError(
            f"length is {steps} over {tokens} tokens: more than {LIMIT} sequences; give fewer of either"
        )
    return steps

r"""Self-consistency: sample K chains of thought, and answer what most of them answer.

.. math:: y_1, \dots, y_K \sim \hat p \text{ i.i.d.}, \qquad \hat y = \arg\max_y N_y, \qquad
    N_y = \#\{k : y_k = y\}, \text{ ties broken evenly}

The law of the vote is computed exactly, as a sum of terms that are all positive, so that a probability of
error of 1e-100 keeps its digits.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, gammaln, xlogy

from tightbound.theory._validation import Array, Integers, as_floats, as_indices, as_integer, as_laws

LARGEST_BLOCK = 2**20


class Vote(NamedTuple):
    """How a vote ends; the two sum to one, and neither is one minus the other.

    Attributes
    ----------
    success, error : ndarray, shape (...)
        Probability that the vote elects the answer, and that it does not.
    """

    success: Array
    error: Array


def vote(answer_probabilities: ArrayLike, samples: int, *, answer: ArrayLike | None = None) -> Vote:
    r"""Return the probability that K independent samples elect a given answer, and that they do not.

    .. math:: P(\hat y = a) = \sum_c P(N_a = c) \sum_{t \ge 0} \frac{1}{1+t}
        P(\text{t others have c, the rest fewer} \mid N_a = c)

    Parameters
    ----------
    answer_probabilities : array_like, shape (..., Y)
        Law of one sampled answer.
    samples : int
        K, at least 1; even numbers are allowed.
    answer : array_like of int, shape (...), optional
        The answer a that counts as right; the likeliest one (the first of several) if left out.

    Returns
    -------
    Vote
        Probabilities of success and of error, shape (...).

    Raises
    ------
    TypeError, ValueError, IndexError
        For laws that are none, fewer than one sample, or what is no answer.

    Notes
    -----
    Counts of K samples are independent Poisson counts of means K p_y, conditioned on their sum. For each
    largest count c the counts of the other answers are added one answer at a time, keeping their sum and how
    many of them equal c: of order Y^2 K^3 operations at most, no subtraction. Two answers need an incomplete
    beta function only, three a double sum. Terms below 1e-300 are lost.

    Examples
    --------
    >>> found = vote([0.5, 0.3, 0.2], 3)
    >>> round(float(found.success), 6), round(float(found.error), 6)
    (0.56, 0.44)
    """
    law, count = (
        as_laws("answer_probabilities", answer_probabilities),
        as_integer("samples", samples, least=1),
    )
    right = law.argmax(axis=-1) if answer is None else as_indices("answer", answer, law.shape[-1])
    right = np.broadcast_to(right, law.shape[:-1])
    rows, names = law.reshape(-1, law.shape[-1]), right.ravel()
    # many prompts share an answer law: each is worked out once
    keyed, place = np.unique(np.column_stack([names, rows]), axis=0, return_inverse=True)
    found = _votes(keyed[:, 1:], keyed[:, 0].astype(np.int64), count)[place.ravel()]
    return Vote(found[:, 0].reshape(right.shape), found[:, 1].reshape(right.shape))


def self_consistency_error(
    answer_probabilities: ArrayLike, samples: int, *, answer: ArrayLike | None = None
) -> Array:
    """Return the probability that the vote of K samples misses the answer, exactly.

    Parameters
    ----------
    answer_probabilities, samples, answer
        As in ``vote``.

    Returns
    -------
    ndarray, shape (...)
        Probability of error; with one sample, that of the other answers.

    References
    ----------
    Wang et al., "Self-consistency improves chain of thought reasoning in language models", ICLR 2023: the
    method.

    Examples
    --------
    >>> [round(float(self_consistency_error([0.5, 0.3, 0.2], k)), 4) for k in (1, 5, 125)]
    [0.5, 0.3875, 0.0056]
    """
    return vote(answer_probabilities, samples, answer=answer).error


def self_consistency_bound(
    answer_probabilities: ArrayLike, samples: int, *, answer: ArrayLike | None = None
) -> Array:
    r"""Return a bound on the probability that the vote misses the likeliest answer.

    .. math:: P(\hat y \ne a) \le \sum_{y \ne a} \big(1 - (\sqrt{p_a} - \sqrt{p_y})^2\big)^K

    Parameters
    ----------
    answer_probabilities, samples, answer
        As in ``vote``; a rival that is no less likely than the answer contributes 1.

    Returns
    -------
    ndarray, shape (...)
        The bound; it may exceed the trivial one, 1.

    Notes
    -----
    Proof. If y is elected then N_y >= N_a. With e^t = sqrt(p_a / p_y) >= 1, by Markov's inequality P(N_y >=
    N_a) <= E e^{t (N_y - N_a)} = (1 - p_a - p_y + p_y e^t + p_a e^{-t})^K, and both exponential terms are
    sqrt(p_a p_y), so the base is 1 - (sqrt p_a - sqrt p_y)^2 (let t grow where p_y = 0). Sum over y. This t
    minimises the base, so by Cramér's theorem no smaller base would do: see ``self_consistency_exponent``.

    Examples
    --------
    >>> self_consistency_bound([0.5, 0.3, 0.2], 125).round(4).tolist()
    0.0403
    """
    law, right = _law_and_answer(answer_probabilities, answer)
    count = as_integer("samples", samples, least=1)
    base = 1.0 - _separation(law, right)
    mine = np.arange(law.shape[-1]) == right[..., None]
    return np.asarray(np.where(mine, 0.0, base**count).sum(axis=-1))


def gap_bound(gap: ArrayLike, answers: int, samples: int) -> Array:
    r"""Return a bound on the error of the vote by the gap alone.

    .. math:: P(\hat y \ne a) \le (|Y| - 1)\, e^{-K \epsilon^2 / 2}, \qquad
        \epsilon = p_a - \max_{y \ne a} p_y > 0

    Parameters
    ----------
    gap : array_like
        epsilon, in [-1, 1]; the bound is |Y| - 1 or 1, whichever is more, where it is not positive.
    answers, samples : int
        |Y| and K, at least 1.

    Returns
    -------
    ndarray
        Never below ``self_consistency_bound``.

    Notes
    -----
    Proof. (sqrt p_a - sqrt p_y)^2 = (p_a - p_y)^2 / (sqrt p_a + sqrt p_y)^2, and (sqrt p_a + sqrt p_y)^2 <=
    2 (p_a + p_y) <= 2; then 1 - x <= e^{-x}.

    Examples
    --------
    >>> gap_bound(0.2, 3, 125).round(4).tolist()
    0.1642
    """
    eps = as_floats("gap", gap)
    if np.any(np.abs(eps) > 1.0):
        raise ValueError(f"gap is {gap!r}: a difference of two probabilities lies between -1 and 1")
    most, count = as_integer("answers", answers, least=1), as_integer("samples", samples, least=1)
    bound = (most - 1) * np.exp(-0.5 * count * np.maximum(eps, 0.0) ** 2)
    return np.asarray(np.where(eps > 0.0, bound, max(1.0, most - 1.0)))


def self_consistency_exponent(answer_probabilities: ArrayLike, *, answer: ArrayLike | None = None) -> Array:
    r"""Return the rate at which the error of the vote falls with the number of samples.

    .. math:: -\lim_{K \to \infty} \tfrac1K \log P(\hat y \ne a) =
        -\log\big(1 - (\sqrt{p_a} - \sqrt{p_2})^2\big)

    Parameters
    ----------
    answer_probabilities, answer
        As in ``vote``; p_2 is the likeliest other answer.

    Returns
    -------
    ndarray, shape (...)
        In nats per sample; 0 where the answer is not the only likeliest one, infinite where it is certain.

    Notes
    -----
    At least: ``self_consistency_bound``. At most: N_y - N_a is a sum of K independent steps of mean below 0,
    and by Cramér's theorem P(N_y > N_a) has the rate -log min_t E e^{t (step)}; where N_y > N_a the answer
    is not elected. The error behaves like a constant times K^{-1/2} times this exponential (Bahadur and
    Ranga Rao, for a given remainder of K modulo 2 where there are only two answers).

    References
    ----------
    Bahadur and Ranga Rao, "On deviations of the sample mean", Annals of Mathematical Statistics 31, 1960.

    Examples
    --------
    >>> self_consistency_exponent([0.5, 0.3, 0.2]).round(5).tolist()
    0.02573
    """
    law, right = _law_and_answer(answer_probabilities, answer)
    mine = np.arange(law.shape[-1]) == right[..., None]
    nearest = np.where(mine, np.inf, _separation(law, right)).min(axis=-1)
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log1p(-np.minimum(nearest, 1.0)) + 0.0)


def success_bound(answer_probabilities: ArrayLike, samples: int, answer: ArrayLike) -> Array:
    r"""Return a bound on the chance that a vote elects an answer that is not the likeliest.

    .. math:: P(\hat y = a) \le \big(1 - (\sqrt{p_1} - \sqrt{p_a})^2\big)^K, \qquad p_1 = \max_y p_y

    So where the right answer is not the mode, voting does harm, and more voting more of it.

    Parameters
    ----------
    answer_probabilities, samples, answer
        As in ``vote``.

    Returns
    -------
    ndarray, shape (...)
        1 where the answer is a mode.

    Notes
    -----
    Proof: as of ``self_consistency_bound``, with the mode for a and the answer for y.

    It is also at most 1/2 where another answer is at least as likely, whatever the number of samples: swap
    the two names in every ballot that elects a, and the other is elected, by a ballot whose probability is
    (p_1 / p_a)^{N_a - N_1} >= 1 times as large. So if prompts mislead, in that the average's mode is wrong,
    with probability r, then no number of samples brings the error below r/2.

    Examples
    --------
    >>> success_bound([0.5, 0.3, 0.2], 125, 1).round(4).tolist()
    0.0401
    """
    law, right = _law_and_answer(answer_probabilities, answer)
    count = as_integer("samples", samples, least=1)
    own = np.take_along_axis(law, right[..., None], axis=-1)[..., 0]
    return np.asarray((1.0 - (np.sqrt(law.max(axis=-1)) - np.sqrt(own)) ** 2) ** count)


def _law_and_answer(answer_probabilities: ArrayLike, answer: ArrayLike | None) -> tuple[Array, Integers]:
    law = as_laws("answer_probabilities", answer_probabilities)
    right = law.argmax(axis=-1) if answer is None else as_indices("answer", answer, law.shape[-1])
    return law, np.broadcast_to(right, law.shape[:-1])


def _separation(law: Array, right: Integers) -> Array:
    """Return (sqrt p_a - sqrt p_y)^2 for every y, 0 for rivals that are no less likely."""
    own = np.take_along_axis(law, right[..., None], axis=-1)
    return np.asarray(np.maximum(np.sqrt(own) - np.sqrt(law), 0.0) ** 2)


def _votes(laws: Array, right: Integers, samples: int) -> Array:
    """Return success and error of every row, shape (B, 2)."""
    found = np.empty((laws.shape[0], 2))
    own = laws[np.arange(right.size), right]
    others = laws.copy()
    others[np.arange(right.size), right] = 0.0
    rivals = (others > 0.0).sum(axis=1)
    duel = rivals == 1
    other = others.sum(axis=1)
    found[duel] = np.column_stack([_majority(own[duel], samples), _majority(other[duel], samples)])
    three = (rivals == 2) & (own > 0.0)
    if three.any():
        found[three] = _three_way(own[three], others[three], samples)
    for row in np.flatnonzero(~duel & ~three):
        if own[row] == 0.0 or rivals[row] == 0:
            found[row] = (0.0, 1.0) if own[row] == 0.0 else (1.0, 0.0)
        else:
            found[row] = _election(own[row], others[row][others[row] > 0.0], samples)
    return found


def _majority(p: Array, samples: int) -> Array:
    """Chance that more than half of K samples are of probability p, and half of that they are just half."""
    half = samples // 2
    found = betainc(half + 1.0, samples - half, p)
    if samples % 2 == 0:
        log_ways = gammaln(samples + 1.0) - 2.0 * gammaln(half + 1.0)
        found = found + 0.5 * np.exp(log_ways + xlogy(half, p) + xlogy(half, np.maximum(1.0 - p, 0.0)))
    return np.asarray(found)


def _three_way(own: Array, others: Array, samples: int) -> Array:
    """Sum over all counts of two rivals, many laws at a time."""
    first, second = np.divmod(np.arange((samples + 1) ** 2), samples + 1)
    inside = first + second <= samples
    first, second = first[inside], second[inside]
    mine = samples - first - second
    top = np.maximum(first, second)
    level = np.where(mine == top, (first == top).astype(int) + (second == top), 0)
    won = np.where(mine < top, 0.0, 1.0 / (1.0 + level))
    lost = np.where(mine < top, 1.0, level / (1.0 + level))
    rivals = others[others > 0.0].reshape(-1, 2)
    weights = _poisson(np.column_stack([own, rivals]), samples)
    found = np.empty((own.size, 2))
    block = max(1, LARGEST_BLOCK // first.size)
    for start in range(0, own.size, block):
        part = weights[start : start + block]
        joint = part[:, 0, mine] * part[:, 1, first] * part[:, 2, second]
        found[start : start + block] = np.column_stack([joint @ won, joint @ lost])
    return found / _total(samples)


def _poisson(laws: Array, samples: int) -> Array:
    """Return Poisson weights of the counts 0, ..., K with means K p, shape (..., K+1)."""
    counts, means = np.arange(samples + 1), samples * laws[..., None]
    return np.asarray(np.exp(xlogy(counts, means) - means - gammaln(counts + 1.0)))


def _total(samples: int) -> float:
    """Chance that a Poisson count of mean K is K."""
    return math.exp(float(xlogy(samples, samples)) - samples - math.lgamma(samples + 1))


def _election(own: float, others: Array, samples: int) -> tuple[float, float]:
    *rivals, mine = _poisson(np.append(others, own), samples)
    success = error = 0.0
    for top in range(-(-samples // (others.size + 1)), samples + 1):
        # ties[t][s]: t of the others have the largest count, the rest fewer, and these add up to s
        ties = [np.ones(1)]
        for rival in rivals[:-1]:
            ties = _joined(ties, rival, top, samples)
        rest = samples - top
        none = _meeting(ties[0], rivals[-1][:top], rest)
        success += mine[top] * none
        for t, row in enumerate(_joined(ties, rivals[-1], top, samples, first=1), start=1):
            beside = mine[top] * (row[rest - t * top] if 0 <= rest - t * top < row.size else 0.0)
            success += beside / (t + 1.0)
            error += beside * t / (t + 1.0)
            # the answer has fewer than the largest count, which t >= 1 others have
            error += _meeting(row, mine[:top], samples - t * top)
    return success / _total(samples), error / _total(samples)


def _joined(ties: list[Array], rival: Array, top: int, samples: int, first: int = 0) -> list[Array]:
    """Add one answer: it has fewer than ``top``, or just as many; rows t >= ``first`` only."""
    most = min(len(ties), samples // top)
    found = []
    for t in range(first, most + 1):
        room = samples - t * top + 1
        row = np.zeros(0)
        if t < len(ties):
            row = np.convolve(ties[t], rival[:top])[:room]
        if t > 0:
            tied = rival[top] * ties[t - 1][:room]
            row, tied = (row, tied) if row.size >= tied.size else (tied, row)
            row[: tied.size] += tied
        found.append(row)
    return found


def _meeting(first: Array, second: Array, total: int) -> float:
    """Return the sum of first[i] second[total - i]."""
    low, high = max(0, total - second.size + 1), min(first.size - 1, total)
    if low > high:
        return 0.0
    return float(first[low : high + 1] @ second[total - high : total - low + 1][::-1])

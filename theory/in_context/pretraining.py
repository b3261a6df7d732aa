r"""Errors of pretraining by maximum likelihood on token chains: exact, to first order, and bounded.

N documents of T transitions each come from one chain P started in its stationary law :math:`\varpi`; the
model is the table of transition frequencies, and the uniform law where a token was never seen. Its error is
the total variation of the next token, averaged over a fresh document:

.. math:: E\,TV = E \sum_x \varpi_x \tfrac12 \sum_y |\hat P_{xy} - P_{xy}| .

This is a chain with a bounded memory. Read literally, the chain of growing prefixes in the paper never comes
back to a state, so it has no stationary law and no finite mixing time.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from tightbound.theory._validation import Array, as_integer, as_laws

_REVERSIBLE = 1e-10
_LARGEST_TABLE = 2**22


def stationary_law(transition: ArrayLike) -> Array:
    r"""Return the law that one step leaves as it is.

    Parameters
    ----------
    transition : array_like, shape (m, m)
        Rows sum to one; every token must be reachable from every other.

    Returns
    -------
    ndarray, shape (m,)
        :math:`\varpi` with :math:`\varpi P = \varpi`, positive.

    Raises
    ------
    ValueError
        For a table that is not square, rows that are no laws, or a chain that never reaches some token.

    Examples
    --------
    >>> stationary_law([[0.9, 0.1], [0.3, 0.7]]).round(6).tolist()
    [0.75, 0.25]
    """
    p = _square(transition)
    system = np.vstack([p.T - np.eye(len(p)), np.ones(len(p))])
    law = np.linalg.lstsq(system, np.append(np.zeros(len(p)), 1.0), rcond=None)[0]
    if np.linalg.matrix_rank(system[:-1]) < len(p) - 1 or law.min() <= 1e-12:
        raise ValueError(
            "transition has tokens that others never reach: give a chain that visits every token"
        )
    return np.asarray(law / law.sum())


def chain_first_order_error(transition: ArrayLike) -> float:
    r"""Return the limit of :math:`\sqrt{NT}` times the error.

    .. math:: \lim \sqrt{NT}\; E\,TV = \frac{1}{\sqrt{2\pi}} \sum_x \sqrt{\varpi_x} \sum_y \sqrt{P_{xy}(1 -
        P_{xy})}

    Parameters
    ----------
    transition : array_like, shape (m, m)
        P; every token must be reachable from every other.

    Returns
    -------
    float
        The constant: documents and their length count alike.

    Raises
    ------
    ValueError
        As in :func:`stationary_law`.

    Notes
    -----
    By the martingale central limit theorem :math:`\sqrt{NT\varpi_x}(\hat P_{xy} - P_{xy})` tends to a normal
    variable with variance :math:`P_{xy}(1 - P_{xy})`, whose mean absolute value is :math:`\sqrt{2/\pi}` times
    its standard deviation.

    Examples
    --------
    >>> round(chain_first_order_error([[0.5, 0.5], [0.5, 0.5]]), 4)
    0.5642
    """
    p = _square(transition)
    spread = np.sqrt(p * (1.0 - p)).sum(axis=1)
    return float(np.sqrt(stationary_law(p)) @ spread / math.sqrt(2.0 * math.pi))


def chain_error_bound(transition: ArrayLike, documents: int, length: int) -> float:
    r"""Bound the error of transition frequencies of a reversible chain.

    .. math:: E\,TV \le \frac{1}{\sqrt{NT}} \sum_x \sqrt{\varpi_x} \sum_y \sqrt{P_{xy}(1 - P_{xy})}
        + \frac{4(m-1)}{NT} \cdot \frac{1 + \lambda}{1 - \lambda}

    Parameters
    ----------
    transition : array_like, shape (m, m)
        P, reversible; every token must be reachable from every other, and -1 must not be an eigenvalue.
    documents, length : int
        N and T, transitions of a document, at least 1.

    Returns
    -------
    float
        The bound; :math:`\lambda` is the largest absolute value of an eigenvalue other than 1, so that
        :math:`(1+\lambda)/(1-\lambda)` is up to a factor the mixing time.

    Raises
    ------
    TypeError, ValueError
        For a size below 1, or a chain that is not reversible or never forgets.

    Notes
    -----
    *Proof.* Let :math:`n_x` be the number of transitions out of x and :math:`M_{xy}` those to y less
    :math:`n_x P_{xy}`, a martingale with :math:`E M_{xy}^2 = E n_x\, P_{xy}(1-P_{xy})` and
    :math:`E n_x = NT\varpi_x`. Where :math:`n_x \ge \tfrac12 E n_x`, the row's total variation is
    :math:`\tfrac12 \sum_y |M_{xy}|/n_x \le \sum_y |M_{xy}|/E n_x`, with mean at most
    :math:`\sum_y \sqrt{P_{xy}(1-P_{xy})/(NT\varpi_x)}`. Elsewhere it is at most 1, which by Chebyshev has
    probability at most :math:`4 \mathrm{Var}(n_x)/(E n_x)^2`. Documents are independent, and within one, for
    :math:`f = 1_x - \varpi_x` in the orthonormal eigenbasis of a reversible chain,

    .. math:: \mathrm{Var} = \sum_{s,t \le T} \langle f, P^{|s-t|} f\rangle_\varpi
        \le \varpi_x(1-\varpi_x) \sum_{s,t} \lambda^{|s-t|} \le \varpi_x(1-\varpi_x)\, T\,
        \frac{1+\lambda}{1-\lambda} .

    Multiply by :math:`\varpi_x` and add over x. ∎ Mixing enters the second order only.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Theorem 5.3 (display lost in the copy read)
    bounds the error of a transformer at the same rate.

    Examples
    --------
    >>> round(chain_error_bound([[0.5, 0.5], [0.5, 0.5]], 100, 100), 5)
    0.01454
    """
    p = _square(transition)
    n, t = as_integer("documents", documents, least=1), as_integer("length", length, least=1)
    law = stationary_law(p)
    spread = np.sqrt(law) @ np.sqrt(p * (1.0 - p)).sum(axis=1)
    slow = _second_eigenvalue(p, law)
    return float(spread / math.sqrt(n * t) + 4.0 * (len(p) - 1) / (n * t) * (1.0 + slow) / (1.0 - slow))


def two_token_error(transition: ArrayLike, documents: int, length: int) -> float:
    r"""Return the expected error of transition frequencies of a chain with two tokens, exactly.

    Parameters
    ----------
    transition : array_like, shape (2, 2)
        P with positive entries off the diagonal.
    documents, length : int
        N and T, transitions of a document, at least 1.

    Returns
    -------
    float
        E TV, up to rounding of about 1e-13.

    Raises
    ------
    TypeError, ValueError
        For a chain with another number of tokens, or more than 4 million counts, (N T)^2.

    Notes
    -----
    For each token the joint law of (visits, departures) within one document follows from a recursion over its
    steps; documents are independent, so the law of the sums is a power of its characteristic function.

    Examples
    --------
    >>> round(two_token_error([[0.5, 0.5], [0.5, 0.5]], 1, 1), 9)
    0.25
    """
    p = _square(transition)
    if p.shape != (2, 2):
        raise ValueError(f"transition has shape {p.shape}: exact counts are for two tokens, shape (2, 2)")
    n, t = as_integer("documents", documents, least=1), as_integer("length", length, least=1)
    law = stationary_law(p)
    # a departure is followed by another visit before the next one, so about half as many fit
    shape = (n * t + 1, n * ((t + 1) // 2) + 1)
    if shape[0] * shape[1] > _LARGEST_TABLE:
        raise ValueError(
            f"documents is {n} and length {t}: {shape[0]} x {shape[1]} counts are more than "
            f"{_LARGEST_TABLE}; use fewer or shorter documents"
        )
    visits, departures = np.ogrid[: shape[0], : shape[1]]
    total = 0.0
    for x in (0, 1):
        leave, back = p[x, 1 - x], p[1 - x, x]
        here = np.zeros((2, t + 1, (t + 1) // 2 + 1))
        here[0, 0, 0], here[1, 0, 0] = law[x], law[1 - x]
        for _ in range(t):
            after = np.zeros_like(here)
            after[0, 1:] += (1.0 - leave) * here[0, :-1]
            after[1, 1:, 1:] += leave * here[0, :-1, :-1]
            after[0] += back * here[1]
            after[1] += (1.0 - back) * here[1]
            here = after
        one = here.sum(axis=0)
        both = np.fft.irfft2(np.fft.rfft2(one, s=shape) ** n, s=shape)
        share = np.divide(departures, visits, out=np.full(shape, 0.5), where=visits > 0)
        total += law[x] * float((both * np.abs(share - leave)).sum())
    return float(total)


def empty_prompt_bound(documents: int, first: ArrayLike, gap: float | None = None) -> tuple[float, float]:
    r"""Bound from below what any learner errs at the empty prompt, however long the documents are.

    .. math:: \tfrac12(R_+ + R_-) \ge \gamma\, TV(\mu_0, \mu_1) \Big(1 - TV\big(\mathrm{Bin}(N, \tfrac12 +
        \gamma),
        \mathrm{Bin}(N, \tfrac12 - \gamma)\big)\Big) \approx \frac{c}{\sqrt N}

    Parameters
    ----------
    documents : int
        N, at least 1; each has a concept of its own, hidden.
    first : array_like, shape (2, m)
        Laws :math:`\mu_0, \mu_1` of the first token under the two concepts.
    gap : float, optional
        :math:`\gamma` in (0, 1/2); the one that makes the bound largest, on a grid, where left out.

    Returns
    -------
    bound : float
        On the mean of the risks under the two priors :math:`(\tfrac12 \pm \gamma, \tfrac12 \mp \gamma)`;
        hence on the larger one.
    gap : float
        The gap used.

    Raises
    ------
    TypeError, ValueError
        For laws that do not fit, a gap outside its range, or no documents.

    Notes
    -----
    *Proof.* The risk is the expected total variation between the answer of the learner and the law
    :math:`\sum_z \pi_z \mu_z` of the first token. Whatever the documents hold beyond their concepts has the
    same law under both priors, so the data are a random function of N independent concepts and tell the
    priors apart no better than their number does: a binomial. The two first-token laws are
    :math:`2\gamma\,TV(\mu_0, \mu_1)` apart, and by the triangle inequality the losses of one answer under the
    two add up to at least that:

    .. math:: R_+ + R_- \ge \int \min(dP_+, dP_-)\; 2\gamma\, TV(\mu_0, \mu_1)
        = 2\gamma\, TV(\mu_0, \mu_1)(1 - TV(P_+, P_-)). ∎

    The length T does not occur: longer documents tell more about each concept that was drawn, but not how
    often concepts are drawn.

    References
    ----------
    Le Cam, "Convergence of estimates under dimensionality restrictions", Ann. Statist. 1, 1973.

    Examples
    --------
    >>> bound, gap = empty_prompt_bound(100, [[0.9, 0.1], [0.1, 0.9]])
    >>> round(bound, 4), round(gap, 3)
    (0.0136, 0.038)
    """
    n = as_integer("documents", documents, least=1)
    laws = as_laws("first", first)
    if laws.ndim != 2 or len(laws) != 2:
        raise ValueError(
            f"first has shape {laws.shape}: give the first token's law under two concepts, (2, m)"
        )
    if gap is not None and not 0.0 < gap < 0.5:
        raise ValueError(f"gap is {gap!r}: both priors must be positive; give a number in (0, 1/2)")
    gaps = np.linspace(0.02, 0.98, 49) * min(1.0 / math.sqrt(n), 0.5) if gap is None else np.array([gap])
    count = np.arange(n + 1.0)
    choose = gammaln(n + 1.0) - gammaln(count + 1.0) - gammaln(n - count + 1.0)
    up, down = np.log(0.5 + gaps)[:, None], np.log(0.5 - gaps)[:, None]
    overlap = np.exp(choose + np.minimum(count * up + (n - count) * down, count * down + (n - count) * up))
    bounds = gaps * 0.5 * np.abs(laws[0] - laws[1]).sum() * overlap.sum(axis=1)
    best = int(bounds.argmax())
    return float(bounds[best]), float(gaps[best])


def _square(transition: ArrayLike) -> Array:
    p = as_laws("transition", transition)
    if p.ndim != 2 or p.shape[0] != p.shape[1]:
        raise ValueError(f"transition has shape {p.shape}: give one row per token, (m, m)")
    return p


def _second_eigenvalue(p: Array, law: Array) -> float:
    """Largest absolute value of an eigenvalue other than the 1 of the constant, of a reversible chain."""
    flow = law[:, None] * p
    if np.abs(flow - flow.T).max() > _REVERSIBLE:
        raise ValueError(
            "transition is not reversible: the bound uses its real eigenvalues; give a chain with "
            "law[x] P[x, y] = law[y] P[y, x], e.g. normalised rows of a symmetric matrix"
        )
    root = np.sqrt(law)
    symmetric = flow / np.outer(root, root) - np.outer(root, root)
    slow = float(np.abs(np.linalg.eigvalsh(0.5 * (symmetric + symmetric.T))).max())
    if slow >= 1.0 - 1e-12:
        raise ValueError("transition has an eigenvalue -1: a periodic chain never forgets; add self-loops")
    return slow

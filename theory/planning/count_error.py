"""The exact expected error of a count table, and the floor of a table with too coarse contexts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._laws import laws_of
from tightbound.theory.planning._validation import Array, as_integer

_TAIL = 12.0  # standard deviations of the number of visits that are summed: leaves less than 1e-30


def expected_count_error(contexts: ArrayLike, labels: ArrayLike, samples: int) -> float:
    r"""Return the expected total-variation error of a count table, exactly.

    .. math:: \mathbb E \sum_c p_c \mathrm{TV}(\hat p_c, p_c) = \sum_c p_c \sum_{n=0}^{N}
              \binom{N}{n} p_c^n (1-p_c)^{N-n}\; \tfrac12 \sum_g e(n, p_{cg})

    where e(0, p) = |1/G - p| (the table answers uniformly where it saw nothing) and otherwise e(n, p) is the
    mean absolute deviation of a binomial share, :math:`\tfrac{2v}{n}(1-p)\binom{n}{v}p^v(1-p)^{n-v}` with
    :math:`v = \lfloor np \rfloor + 1` (de Moivre).

    Parameters
    ----------
    contexts : array_like, shape (C,)
        Law of the prompt's context, p_c.
    labels : array_like, shape (C, G)
        Law of the label in each context, p_cg.
    samples : int
        Number N of independent (context, label) pairs, at least 0.

    Returns
    -------
    float
        The expected error in [0, 1]. Visits farther than 12 standard deviations from their mean are left
        out, which changes nothing in float64.

    Raises
    ------
    TypeError, ValueError
        For rows that are no laws, shapes that do not match, or ``samples`` below 0.

    References
    ----------
    Diaconis and Zabell, "Closed form summation for classical distributions", Statistical Science 1991.

    Examples
    --------
    >>> expected_count_error([1.0], [[0.5, 0.5]], 1)
    0.5
    >>> expected_count_error([1.0], [[0.75, 0.25]], 0)
    0.25
    """
    mass, law = _problem(contexts, labels)
    size = as_integer("samples", samples, least=0)
    unseen = 0.5 * np.abs(1.0 / law.shape[1] - law).sum(axis=1)
    total = 0.0
    for chance, row, blank in zip(mass, law, unseen, strict=True):
        visits, weight = _binomial(size, float(chance))
        seen = visits > 0
        total += float(chance * blank * weight[~seen].sum())
        deviation = sum(_share_deviation(visits[seen], float(p)) for p in row)
        total += 0.5 * float(chance) * float(weight[seen] @ deviation)
    return total


def context_free_floor(contexts: ArrayLike, labels: ArrayLike) -> float:
    r"""Return the error that no number of samples removes from a table that ignores its context.

    .. math:: \sum_c p_c \mathrm{TV}\Big(p_c, \sum_{c'} p_{c'} p_{c'}\Big)

    Parameters
    ----------
    contexts, labels
        As in :func:`expected_count_error`.

    Returns
    -------
    float
        The floor in [0, 1].

    Raises
    ------
    TypeError, ValueError
        As in :func:`expected_count_error`.

    Examples
    --------
    >>> context_free_floor([0.5, 0.5], [[1.0, 0.0], [0.0, 1.0]])
    0.5
    """
    mass, law = _problem(contexts, labels)
    return float(mass @ (0.5 * np.abs(law - mass @ law).sum(axis=1)))


def _problem(contexts: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    """Return checked laws of context and label."""
    mass, law = laws_of("contexts", contexts, 1), laws_of("labels", labels, 2)
    if mass.size != len(law):
        raise ValueError(
            f"contexts has shape {mass.shape}, labels {law.shape}: give one row of labels per context"
        )
    return mass, law


def _log_choose(n: Array, k: Array) -> Array:
    """Logarithm of the binomial coefficient."""
    from scipy.special import gammaln

    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))


def _binomial(size: int, chance: float) -> tuple[Array, Array]:
    """Return the likely numbers of visits and their probabilities."""
    if chance in (0.0, 1.0):
        return np.array([float(size if chance else 0)]), np.ones(1)
    mean, spread = size * chance, math.sqrt(size * chance * (1.0 - chance))
    room = _TAIL * max(spread, 6.0)
    visits = np.arange(max(0.0, math.floor(mean - room)), min(size, math.ceil(mean + room)) + 1.0)
    logs = _log_choose(np.full_like(visits, size), visits)
    return visits, np.exp(logs + visits * math.log(chance) + (size - visits) * math.log1p(-chance))


def _share_deviation(visits: Array, chance: float) -> Array:
    """E |X/n - p| for X binomial(n, p), by de Moivre's formula."""
    if chance in (0.0, 1.0):
        return np.zeros_like(visits)
    above = np.floor(visits * chance) + 1.0
    # v = n + 1 only where rounding lifts n p to n; the deviation's factor C(n, v) is then 0
    fits = above <= visits
    v = np.where(fits, above, visits)
    logs = _log_choose(visits, v) + v * math.log(chance) + (visits - v + 1.0) * math.log1p(-chance)
    return np.where(fits, 2.0 * v / visits * np.exp(logs), 0.0)

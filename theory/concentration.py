"""Confidence limits and tail bounds for means of bounded variables and for binomial shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def empirical_bernstein_radius(
    variance: ArrayLike, n: ArrayLike, delta: ArrayLike, *, width: ArrayLike = 1.0
) -> NDArray[np.float64]:
    r"""Return the radius of the empirical Bernstein bound.

    ``sqrt(2 V log(2/delta) / n) + 7 c log(2/delta) / (3 (n - 1))``

    For ``n`` independent variables in an interval of width ``c`` with sample variance ``V``, the true mean
    lies above the sample mean by more than the radius with probability at most ``delta``; the same holds
    below it.

    Parameters
    ----------
    variance : array_like
        Sample variance with denominator ``n - 1``, at least 0; squared units of the variable.
    n : array_like of int
        Sample size, at least 2.
    delta : array_like
        Failure probability of one side, in (0, 1).
    width : array_like
        Width of the interval that holds every variable, above 0; units of the variable.

    Returns
    -------
    ndarray
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        For an argument outside its range.

    References
    ----------
    Maurer and Pontil, "Empirical Bernstein bounds and sample-variance penalization", COLT 2009, Theorem 4.

    Examples
    --------
    >>> round(float(empirical_bernstein_radius(0.25, 1000, 0.05)), 4)
    0.0516
    """
    slow, fast = _bernstein_terms(variance, n, width)
    log = np.log(2.0 / _open_unit("delta", delta))
    return np.asarray(slow * np.sqrt(log) + fast * log)


def empirical_bernstein_tail(
    excess: ArrayLike, variance: ArrayLike, n: ArrayLike, *, width: ArrayLike = 1.0
) -> NDArray[np.float64]:
    r"""Return the smallest ``delta`` whose empirical Bernstein radius is ``excess``: a p-value.

    ``min(1, 2 exp(-s^2))`` with ``s > 0`` solving ``sqrt(2V/n) s + 7 c s^2 / (3(n-1)) = excess``

    Parameters
    ----------
    excess : array_like
        Sample mean minus the value that the true mean is claimed not to exceed; finite.
    variance, n, width : array_like
        As in :func:`empirical_bernstein_radius`.

    Returns
    -------
    ndarray
        In [0, 1]; 1 where ``excess <= 0``.

    Raises
    ------
    ValueError
        For an argument outside its range.

    References
    ----------
    Maurer and Pontil, COLT 2009, Theorem 4, inverted in ``delta``.

    Examples
    --------
    >>> radius = empirical_bernstein_radius(0.2, 50, 0.01)
    >>> round(float(empirical_bernstein_tail(radius, 0.2, 50)), 12)
    0.01
    """
    slow, fast = _bernstein_terms(variance, n, width)
    given = np.asarray(excess, dtype=np.float64)
    if np.isnan(given).any():
        raise ValueError("excess holds NaN: give the sample mean minus the claimed limit as a number")
    above = np.maximum(given, 0.0)
    below = slow + np.sqrt(slow**2 + 4.0 * fast * above)
    root = np.divide(2.0 * above, below, out=np.zeros(np.shape(below)), where=below > 0)
    return np.asarray(np.minimum(1.0, 2.0 * np.exp(-(root**2))))


def clopper_pearson(
    successes: ArrayLike, trials: ArrayLike, delta: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return the exact lower and upper confidence limits of a binomial probability.

    ``low = BetaInv(delta; s, n-s+1)`` (``s = 0``: 0), ``high = BetaInv(1-delta; s+1, n-s)`` (``s = n``: 1)

    Each limit alone is wrong with probability at most ``delta``, so together they cover at ``1 - 2 delta``.

    Parameters
    ----------
    successes, trials : array_like of int
        Counts, ``0 <= successes <= trials`` and ``trials >= 1``.
    delta : array_like
        Failure probability of one side, in (0, 1).

    Returns
    -------
    low, high : ndarray
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        For an argument outside its range.

    References
    ----------
    Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934.

    Examples
    --------
    >>> low, high = clopper_pearson(0, 100, 0.05)
    >>> float(low), round(float(high), 4)
    (0.0, 0.0295)
    """
    from scipy.special import betaincinv

    hits, total = _counts(successes, trials)
    failure = _open_unit("delta", delta)
    low = betaincinv(np.maximum(hits, 1.0), total - hits + 1.0, failure)
    # the mirrored form keeps its digits where delta is small
    high = 1.0 - betaincinv(np.maximum(total - hits, 1.0), hits + 1.0, failure)
    return np.asarray(np.where(hits > 0, low, 0.0)), np.asarray(np.where(hits < total, high, 1.0))


def binomial_tail(successes: ArrayLike, trials: ArrayLike, probability: ArrayLike) -> NDArray[np.float64]:
    r"""Return the chance of at least ``successes`` hits.

    ``P(X >= s) = I_p(s, n - s + 1)`` for ``X ~ Binomial(n, p)``

    As a p-value it is exact for the claim that the hit probability is at most ``probability``.

    Parameters
    ----------
    successes, trials : array_like of int
        Counts, ``0 <= successes <= trials`` and ``trials >= 1``.
    probability : array_like
        Hit probability, in (0, 1).

    Returns
    -------
    ndarray
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        For an argument outside its range.

    References
    ----------
    DLMF 8.17.5.

    Examples
    --------
    >>> round(float(binomial_tail(9, 10, 0.5)), 6) == round(11 / 1024, 6)
    True
    """
    from scipy.special import betainc

    hits, total = _counts(successes, trials)
    tail = betainc(np.maximum(hits, 1.0), total - hits + 1.0, _open_unit("probability", probability))
    return np.asarray(np.where(hits > 0, tail, 1.0))


def _bernstein_terms(
    variance: ArrayLike, n: ArrayLike, width: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    spread, size, span = (np.asarray(a, dtype=np.float64) for a in (variance, n, width))
    if not np.all(np.isfinite(spread) & (spread >= 0)):
        raise ValueError(f"variance is {variance!r}: give finite numbers of at least 0 (np.var with ddof=1)")
    if not np.all(np.isfinite(size) & (size >= 2)):
        raise ValueError(f"n is {n!r}: a sample variance needs n >= 2; draw more samples")
    if not np.all(np.isfinite(span) & (span > 0)):
        raise ValueError(
            f"width is {width!r}: give the positive width of the interval that holds the samples"
        )
    return np.sqrt(2.0 * spread / size), 7.0 * span / (3.0 * (size - 1.0))


def _open_unit(name: str, given: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(given, dtype=np.float64)
    if not np.all((found > 0) & (found < 1)):
        raise ValueError(f"{name} is {given!r}: give a probability strictly between 0 and 1")
    return found


def _counts(successes: ArrayLike, trials: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    hits, total = (np.asarray(a, dtype=np.float64) for a in (successes, trials))
    if not np.all(np.isfinite(total) & (total >= 1) & (total == np.floor(total))):
        raise ValueError(f"trials is {trials!r}: give whole numbers of at least 1")
    if not np.all((hits >= 0) & (hits <= total) & (hits == np.floor(hits))):
        raise ValueError(f"successes is {successes!r}: give whole numbers from 0 to trials ({trials!r})")
    return hits, total

r"""What a wrong prior over concepts costs at each position, and how fast examples make it forgotten.

Two concepts, z = 1 with probability :math:`\pi`; given the concept, tokens are independent coins,
:math:`P(x_t = 1 | z) = p_z`. A model that knows the coins but believes in :math:`\hat\pi` predicts

.. math:: \hat P(x_{t+1} = 1 | x_1, \dots, x_t) = (1 - \hat w_t) p_0 + \hat w_t p_1 .
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, logit

from tightbound.theory._validation import Array, as_floats, as_integer


def wrong_prior_error(prior: float, coins: ArrayLike, guess: ArrayLike, length: int) -> Array:
    r"""Return the expected total variation from the right average at every position, exactly.

    .. math:: E\,TV_t = |p_1 - p_0| \sum_{k=0}^{t} P(k \text{ ones among } t)\, |\hat w_t(k) - w_t(k)|

    Parameters
    ----------
    prior : float
        :math:`\pi` in (0, 1), the right probability of concept 1.
    coins : array_like, shape (2,)
        :math:`p_0, p_1` in (0, 1).
    guess : array_like, shape (...)
        :math:`\hat\pi` in [0, 1], what the model believes.
    length : int
        T, at least 1.

    Returns
    -------
    ndarray, shape (..., T)
        Entry t has seen t tokens; entry 0 is the empty prompt.

    Raises
    ------
    TypeError, ValueError
        For a probability outside its range, or no position.

    See Also
    --------
    wrong_prior_bound : an upper bound that is exponential in t.

    Examples
    --------
    >>> wrong_prior_error(0.5, [0.1, 0.9], 0.6, 3).round(4).tolist()
    [0.08, 0.0296, 0.0177]
    """
    right, p, believed, steps = _problem(prior, coins, guess, length)
    shift = _log_odds(believed) - logit(right)
    found = np.empty((*believed.shape, steps))
    for t in range(steps):
        k = np.arange(t + 1.0)
        choose = gammaln(t + 1.0) - gammaln(k + 1.0) - gammaln(t - k + 1.0)
        logs = choose + k * np.log(p)[:, None] + (t - k) * np.log1p(-p)[:, None]
        chance = (1.0 - right) * np.exp(logs[0]) + right * np.exp(logs[1])
        odds = logit(right) + logs[1] - logs[0]
        found[..., t] = _moved(odds, shift[..., None]) @ chance
    return np.asarray(np.abs(p[1] - p[0]) * found)


def wrong_prior_bound(prior: float, coins: ArrayLike, guess: ArrayLike, length: int) -> Array:
    r"""Bound what a wrong prior costs at every position.

    .. math:: E\,TV_t \le \tfrac12 |p_1 - p_0| \sqrt{\pi(1-\pi)}\,
        \frac{|\hat\pi - \pi|}{\min\{\pi(1-\hat\pi), \hat\pi(1-\pi)\}}\, \rho^t, \qquad
        \rho = \sqrt{p_0 p_1} + \sqrt{(1-p_0)(1-p_1)}

    Parameters
    ----------
    prior, coins, guess, length
        As in :func:`wrong_prior_error`.

    Returns
    -------
    ndarray, shape (..., T)
        The bound; infinite where the guess excludes a concept, 0 where it is right.

    Raises
    ------
    TypeError, ValueError
        As in :func:`wrong_prior_error`.

    Notes
    -----
    *Proof.* A wrong prior shifts the log odds by a constant :math:`\delta`. With :math:`\sigma` the logistic
    function,
    :math:`\sigma(L+\delta) - \sigma(L) = \sigma(1-\sigma)(e^\delta - 1)/(1 + \sigma(e^\delta - 1))`,
    at most :math:`\sigma(1-\sigma)(e^{|\delta|} - 1)` in absolute value: for positive :math:`\delta` the
    denominator is at least 1, for negative at least :math:`e^\delta`. Here :math:`\sigma = w_t` and
    :math:`e^{|\delta|} - 1` is the fraction above. Further

    .. math:: E[w_t(1-w_t)] = \sum_S \frac{\pi P_1(S)\,(1-\pi) P_0(S)}{\pi P_1(S) + (1-\pi)P_0(S)}
        \le \tfrac12 \sqrt{\pi(1-\pi)} \sum_S \sqrt{P_0(S)P_1(S)} = \tfrac12\sqrt{\pi(1-\pi)}\, \rho^t. ∎

    Averaged over T positions this is :math:`O(1/T)`, and a prior learned from N documents has
    :math:`|\hat\pi - \pi| = O(N^{-1/2})`: the prior's share of the averaged error is of order
    :math:`1/(T\sqrt N)`, below :math:`1/\sqrt{NT}`, although at the empty prompt it is :math:`1/\sqrt N`.

    Examples
    --------
    >>> wrong_prior_bound(0.5, [0.1, 0.9], 0.6, 3).round(4).tolist()
    [0.1, 0.06, 0.036]
    """
    right, p, believed, steps = _problem(prior, coins, guess, length)
    least = np.minimum(right * (1.0 - believed), believed * (1.0 - right))
    with np.errstate(divide="ignore"):
        factor = np.abs(believed - right) / least
    rho = np.sqrt(p[0] * p[1]) + np.sqrt((1.0 - p[0]) * (1.0 - p[1]))
    first = 0.5 * np.abs(p[1] - p[0]) * np.sqrt(right * (1.0 - right)) * factor
    return np.asarray(first[..., None] * rho ** np.arange(steps))


def _problem(
    prior: float, coins: ArrayLike, guess: ArrayLike, length: int
) -> tuple[float, Array, Array, int]:
    right, p, believed = as_floats("prior", prior), as_floats("coins", coins), as_floats("guess", guess)
    if right.ndim or not 0.0 < right < 1.0:
        raise ValueError(f"prior is {prior!r}: give one probability strictly between 0 and 1")
    if p.shape != (2,) or np.any(p <= 0.0) or np.any(p >= 1.0):
        raise ValueError(f"coins is {coins!r}: give two probabilities strictly between 0 and 1")
    if np.any(believed < 0.0) or np.any(believed > 1.0):
        raise ValueError(f"guess runs from {believed.min()} to {believed.max()}: give probabilities, 0 to 1")
    return float(right), p, believed, as_integer("length", length, least=1)


def _log_odds(probability: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(logit(probability))


def _moved(odds: Array, shift: Array) -> Array:
    """Distance between the logistic of the odds and of the shifted odds, without cancellation."""
    with np.errstate(over="ignore", invalid="ignore"):
        # s(L + d) - s(L) = sinh(d/2) / (2 cosh(L/2) cosh((L + d)/2)), in logarithms
        half = np.abs(shift) / 2.0
        logs = _log_sinh(half) - _log_cosh(odds / 2.0) - _log_cosh((odds + shift) / 2.0) - np.log(2.0)
        finite = np.exp(logs)
    ends = np.exp(-np.logaddexp(0.0, np.sign(shift) * odds))
    return np.asarray(np.where(np.isinf(shift), ends, finite))


def _log_cosh(x: Array) -> Array:
    return np.asarray(np.abs(x) + np.log1p(np.exp(-2.0 * np.abs(x))) - np.log(2.0))


def _log_sinh(x: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(x + np.log(-np.expm1(-2.0 * x)) - np.log(2.0))

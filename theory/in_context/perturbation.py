r"""How far a law moves when logits move, and how a divergence follows from total variation.

Total variation is half the l1 distance throughout, :math:`TV(p, q) = \frac12 \sum_i |p_i - q_i|`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats


def softmax_stability(eta: ArrayLike, *, one_sided: bool = False) -> Array:
    r"""Return the largest total variation between softmax laws whose logits differ by at most eta.

    .. math:: \|\delta\|_\infty \le \eta \implies
        TV(\mathrm{softmax}(x), \mathrm{softmax}(x + \delta)) \le \tanh(\eta/2)

    and :math:`\tanh(\eta/4)` where all :math:`\delta_i \in [0, \eta]` (``one_sided``). Both are attained.

    Parameters
    ----------
    eta : array_like
        Largest change of a logit, at least 0 and finite.
    one_sided : bool, default False
        Whether all changes have one sign.

    Returns
    -------
    ndarray
        The bound, in [0, 1]; shape of ``eta``.

    Raises
    ------
    TypeError, ValueError
        For ``eta`` that is negative or not finite.

    Notes
    -----
    *Proof.* Write p = softmax(x), q = softmax(x + delta) and let A be the set where q > p, so that
    TV = q(A) - p(A). If A is empty, TV = 0. Let :math:`\omega = \max\delta - \min\delta`. From
    :math:`q_i \propto p_i e^{\delta_i}`,

    .. math:: \frac{q(A)}{1 - q(A)} = \frac{\sum_{A} p_i e^{\delta_i}}{\sum_{A^c} p_i e^{\delta_i}}
        \le e^{\omega} \frac{p(A)}{1 - p(A)} .

    With the logistic function s and u the log-odds of p(A), this says
    :math:`TV \le s(u + \omega) - s(u)`. The derivative s' is even and decreasing in \|u\|, so the right side
    is largest where :math:`u + \omega = -u`, and there it is
    :math:`s(\omega/2) - s(-\omega/2) = \tanh(\omega/4)`. Two-sided changes have
    :math:`\omega \le 2\eta`, one-sided ones :math:`\omega \le \eta`. Equality: two atoms with log-odds
    :math:`\mp\omega/2`, see :func:`softmax_extremal_logits`. The proof uses no more than sums, so it holds
    for any prior in place of a finite alphabet.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Lemma I.6 states 2 eta for twice the total
    variation; see :func:`stated_softmax_stability`.

    Examples
    --------
    >>> softmax_stability([0.0, 1.0]).round(4).tolist()
    [0.0, 0.4621]
    >>> float(softmax_stability(1.0, one_sided=True).round(4))
    0.2449
    """
    return np.asarray(np.tanh(_nonnegative("eta", eta) / (4.0 if one_sided else 2.0)))


def stated_softmax_stability(eta: ArrayLike) -> Array:
    r"""Return the printed bound on total variation, eta.

    .. math:: \|\mathrm{softmax}(x) - \mathrm{softmax}(y)\|_1 \le 2 \|x - y\|_\infty

    Parameters
    ----------
    eta : array_like
        Largest change of a logit, at least 0 and finite.

    Returns
    -------
    ndarray
        Half the printed right side, to be compared with total variation; shape of ``eta``. It is at least
        twice :func:`softmax_stability`, since :math:`\tanh x \le x`.

    Raises
    ------
    TypeError, ValueError
        For ``eta`` that is negative or not finite.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Lemma I.6.

    Examples
    --------
    >>> stated_softmax_stability([0.0, 0.5]).tolist()
    [0.0, 0.5]
    """
    return _nonnegative("eta", eta).copy()


def softmax_extremal_logits(eta: float, *, one_sided: bool = False) -> tuple[Array, Array]:
    """Return two pairs of logits whose softmax laws are as far apart as :func:`softmax_stability` allows.

    Parameters
    ----------
    eta : float
        Largest change of a logit, at least 0 and finite.
    one_sided : bool, default False
        Whether all changes have one sign.

    Returns
    -------
    tuple of two ndarrays, shape (2,)
        Logits before and after.

    Raises
    ------
    TypeError, ValueError
        For ``eta`` that is negative or not finite.

    Examples
    --------
    >>> [logits.tolist() for logits in softmax_extremal_logits(1.0)]
    [[-1.0, 0.0], [0.0, -1.0]]
    >>> [logits.tolist() for logits in softmax_extremal_logits(1.0, one_sided=True)]
    [[-0.5, 0.0], [0.5, 0.0]]
    """
    step = float(_nonnegative("eta", eta))
    if one_sided:
        return np.array([-0.5 * step, 0.0]), np.array([0.5 * step, 0.0])
    return np.array([-step, 0.0]), np.array([0.0, -step])


def kl_by_total_variation(largest_log_ratio: ArrayLike) -> Array:
    r"""Return the smallest c with KL(p, q) <= c TV(p, q) for all laws with log p/q <= b.

    .. math:: \log\frac{p_i}{q_i} \le b \text{ for all } i \implies
        KL(p\|q) \le E_p\Big(\log\frac pq\Big)_+ \le \frac{b}{1 - e^{-b}}\, TV(p, q)

    Parameters
    ----------
    largest_log_ratio : array_like
        b >= 0, in nats; finite.

    Returns
    -------
    ndarray
        :math:`b/(1-e^{-b})`, between b and 1 + b, and 1 at b = 0; shape of ``largest_log_ratio``.

    Raises
    ------
    TypeError, ValueError
        For a negative or infinite b. (At b < 0 no two laws qualify.)

    Notes
    -----
    *Proof.* Put x = p/q. The function :math:`h(x) = \log x/(1 - 1/x)` increases on x > 1: with
    h = x log x/(x - 1) its derivative is :math:`(x - 1 - \log x)/(x-1)^2 \ge 0`. So on
    :math:`1 < x \le e^b`, :math:`\log x \le h(e^b)(1 - 1/x)` with :math:`h(e^b) = b/(1 - e^{-b})`, and on
    :math:`x \le 1` the positive part of log x is 0. Taking means under p,

    .. math:: E_p (\log x)_+ \le h(e^b)\, E_p (1 - q/p)_+ = h(e^b) \sum_i (p_i - q_i)_+ = h(e^b)\, TV(p, q).

    Equality: p = (1, 0), q = (e^-b, 1 - e^-b), where KL = b and TV = 1 - e^-b; see
    :func:`kl_extremal_pair`. The divergence under another law than p is *not* covered, only its positive
    part times a density ratio.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Lemma I.10 is of this kind; its display is lost
    in the copy read, so nothing here is called its constant.

    Examples
    --------
    >>> kl_by_total_variation([0.0, 1.0, 10.0]).round(4).tolist()
    [1.0, 1.582, 10.0005]
    """
    b = _nonnegative("largest_log_ratio", largest_log_ratio)
    return np.divide(b, -np.expm1(-b), out=np.ones_like(b), where=b > 0.0)


def kl_extremal_pair(largest_log_ratio: float) -> tuple[Array, Array]:
    """Return two laws at which :func:`kl_by_total_variation` is attained.

    Parameters
    ----------
    largest_log_ratio : float
        b >= 0, in nats; finite.

    Returns
    -------
    tuple of two ndarrays, shape (2,)
        p = (1, 0) and q = (e^-b, 1 - e^-b).

    Raises
    ------
    TypeError, ValueError
        For a negative or infinite b.

    Examples
    --------
    >>> p, q = kl_extremal_pair(np.log(4.0))
    >>> p.tolist(), q.round(12).tolist()
    ([1.0, 0.0], [0.25, 0.75])
    """
    b = float(_nonnegative("largest_log_ratio", largest_log_ratio))
    return np.array([1.0, 0.0]), np.array([np.exp(-b), -np.expm1(-b)])


def _nonnegative(name: str, value: ArrayLike) -> Array:
    array = as_floats(name, value)
    if np.any(array < 0.0):
        raise ValueError(f"{name} is {array.min()}: it bounds an absolute value; give at least 0")
    return array

r"""Attention on one token repeated T times: closed forms and bounds.

**Lemma.** If positions enter through the logits only (no positions, relative biases, ALiBi, rotary) and the
rows of attention sum to one, then :math:`h^l_1 = \dots = h^l_T` for every block l, and the common state is
that of the token alone.

*Proof.* By induction over l; the embeddings are equal. If :math:`h^{l-1}_t = h` for all t, every column has
the same value v, and head and row return :math:`\sum_i A_{ti} v = v`, whatever the logits. What follows acts
on each position by itself, so :math:`h^l_t` is a function of h that does not depend on t or T; T = 1 gives
the token alone. ∎

So only the distance is left in a logit, :math:`s_{ti} = c + g(t - i)`, and

.. math:: A_{ti} = e^{g(t - i)} \Big/ \sum_{n=0}^{t-1} e^{g(n)}.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer, as_positive
from tightbound.theory.attention.architecture import Position
from tightbound.theory.attention.position_codes import relative_buckets, rotary


def repeated_token_reference(
    position: Position,
    length: int,
    *,
    slope: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    query: ArrayLike | None = None,
    key: ArrayLike | None = None,
) -> Array:
    r"""Return the attention of one repeated token in closed form.

    =================  =====================================================================
    position           A_{ti}, i <= t
    =================  =====================================================================
    ``"none"``         1 / t
    ``"alibi"``        e^{-m(t-i)} (1 - e^{-m}) / (1 - e^{-mt}) for the slope m
    ``"relative"``     e^{g(t-i)} / sum_{n<t} e^{g(n)} for the bias g
    ``"bucket_index"`` the same with g(n) the bucket of n
    ``"rotary"``       the same with g(n) = <R_n q, k> / sqrt(d) for the common query and key
    =================  =====================================================================

    Parameters
    ----------
    position : str
        Position code.
    length : int
        T, at least 1.
    slope : array_like, shape (...), for ``"alibi"``
        Positive slopes.
    bias : array_like, shape (..., T), for ``"relative"``
        g(0), ..., g(T-1).
    query, key : array_like, shape (..., d), for ``"rotary"``
        The common query and key before they are turned.

    Returns
    -------
    ndarray, shape (..., T, T)
        Lower triangular, rows sum to one.

    Raises
    ------
    TypeError, ValueError
        For ``"learned"`` and ``"sinusoidal"``, whose states differ so that nothing is left to state; or where
        what the code needs is missing or misshapen.

    Notes
    -----
    *Proof.* The lemma of this module, and a geometric sum for ALiBi. ∎

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781, Appendix C.1.

    Examples
    --------
    >>> repeated_token_reference("none", 3)[2].round(6).tolist()
    [0.333333, 0.333333, 0.333333]
    >>> repeated_token_reference("alibi", 2, slope=np.log(3.0))[1].round(6).tolist()
    [0.25, 0.75]
    """
    count = as_integer("length", length, least=1)
    if position == "none":
        return _toeplitz(np.zeros(count))
    if position == "alibi":
        m = as_floats("slope", _given("slope", slope, position))[..., None, None]
        if np.any(m <= 0.0):
            raise ValueError(f"slope contains {m.min():g}: slopes of ALiBi are positive")
        row = np.arange(1, count + 1)[:, None]
        distance = row - np.arange(1, count + 1)
        weights = np.exp(-m * np.maximum(distance, 0)) * np.expm1(-m) / np.expm1(-m * row)
        return np.where(distance >= 0, weights, 0.0)
    if position == "relative":
        g = as_floats("bias", _given("bias", bias, position))
        if g.ndim == 0 or g.shape[-1] != count:
            raise ValueError(f"bias has shape {g.shape}: give one entry per distance 0, ..., {count - 1}")
        return _toeplitz(g)
    if position == "bucket_index":
        return _toeplitz(relative_buckets(np.arange(count)).astype(np.float64))
    if position == "rotary":
        q = as_floats("query", _given("query", query, position))
        k = as_floats("key", _given("key", key, position))
        turned = rotary(np.repeat(q[..., None, :], count, axis=-2), np.arange(count))
        return _toeplitz(np.sum(turned * k[..., None, :], axis=-1) * q.shape[-1] ** -0.5)
    raise ValueError(
        f"position is {position!r}: with vectors added to the embeddings the states of repeated tokens "
        "differ, so there is no closed form; use 'none', 'alibi', 'relative', 'bucket_index' or 'rotary'"
    )


def uniform_importance(length: int) -> Array:
    r"""Return the importance of every position where row t attends uniformly, :math:`A_{ti} = 1/t`.

    .. math:: \alpha_k = \frac{H_T - H_{k-1}}{T - k + 1}, \qquad H_n = \sum_{i=1}^n \tfrac1i

    Parameters
    ----------
    length : int
        T, at least 1.

    Returns
    -------
    ndarray, shape (T,)
        Largest at k = 1, where it is H_T / T.

    Raises
    ------
    TypeError, ValueError
        For a length that is no integer of at least 1.

    Notes
    -----
    *Proof.* :math:`\sum_{t=k}^T 1/t = H_T - H_{k-1}`. And H_T / T decreases in T, because it is the mean of
    1, 1/2, ..., 1/T, to which 1/(T+1) adds a smaller term. So the first token passes a threshold eps exactly
    up to some length: for eps = 0.3 exactly where T <= 9 (H_9/9 = 0.314, H_10/10 = 0.293). ∎

    Examples
    --------
    >>> uniform_importance(2).tolist()
    [0.75, 0.5]
    """
    count = as_integer("length", length, least=1)
    tails = np.cumsum(1.0 / np.arange(count, 0, -1))[::-1]  # from the smallest terms on
    return np.asarray(tails / np.arange(count, 0, -1))


def score_bound(spread: ArrayLike, length: int) -> Array:
    r"""Return the most that one column of a row gets where the logits of a row spread by at most G.

    .. math:: A_{ti} \le \frac{e^G}{e^G + t - 1}, \qquad \max_{j \le t} s_{tj} - \min_{j \le t} s_{tj} \le G

    Parameters
    ----------
    spread : array_like, shape (...)
        G, at least 0. For a relative bias g on repeated tokens: sup g - inf g. For rotary positions, and for
        any logits that are products of queries and keys: 2 xi with xi = max ||q|| max ||k|| / sqrt(d_h).
    length : int
        T, at least 1.

    Returns
    -------
    ndarray, shape (..., T)
        Bound of rows t = 1, ..., T; 1 at t = 1, where it is attained.

    Raises
    ------
    TypeError, ValueError
        For a negative or infinite spread, or a length that is no integer of at least 1.

    Notes
    -----
    *Proof.* :math:`1/A_{ti} = 1 + \sum_{j \ne i} e^{s_{tj} - s_{ti}} \ge 1 + (t-1) e^{-G}`. For products,
    :math:`|\langle R q, k\rangle|/\sqrt d \le \xi` for every rotation R (Cauchy and Schwarz), so G = 2 xi. ∎

    The proof uses no rotation and no repeated token: with xi the maximum over the sequence it holds for every
    softmax without a bias of the logits. Repeated tokens make xi one number per head.

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781, Appendix C.1 (rotary; 1/sqrt(d_h) is part of xi there).

    Examples
    --------
    >>> score_bound(0.0, 3).round(6).tolist()
    [1.0, 0.5, 0.333333]
    """
    g = _spread(spread)[..., None]
    return np.asarray(1.0 / (1.0 + np.arange(as_integer("length", length, least=1)) * np.exp(-g)))


def importance_bound(spread: ArrayLike, length: int, *, position: int = 1) -> Array:
    r"""Return the bound on the importance of a position that follows from `score_bound`.

    .. math:: \alpha_k \le \frac{1}{T - k + 1}
        \Bigl[\frac{c}{c + k - 1} + c \log \frac{c + T - 1}{c + k - 1}\Bigr], \qquad c = e^G

    At k = 1 this is :math:`\frac1T [1 + c \log(1 + (T-1)/c)]`.

    Parameters
    ----------
    spread : array_like, shape (...)
        G, at least 0; see `score_bound`.
    length : int
        T, at least 1.
    position : int, default 1
        k, from 1 to T.

    Returns
    -------
    ndarray, shape (...)
        Never above 1. It exceeds 0.3 at T = 64 and k = 1 from G = 2.15 on.

    Raises
    ------
    TypeError, ValueError
        For a negative or infinite spread, or a position outside 1, ..., T.

    Notes
    -----
    *Proof.* :math:`(T-k+1)\,\alpha_k \le \sum_{t=k}^T c/(c+t-1)`; the terms decrease in t, so those from
    t = k + 1 on are at most :math:`\int_{k-1}^{T-1} c/(c+x)\,dx`. ∎

    Examples
    --------
    >>> bound = importance_bound(0.0, 64)
    >>> bool(uniform_importance(64)[0] <= bound), round(float(bound), 4)
    (True, 0.0806)
    """
    g = _spread(spread)
    count = as_integer("length", length, least=1)
    place = as_integer("position", position, least=1)
    if place > count:
        raise ValueError(f"position is {place}: there are {count} tokens; give a position from 1 to {count}")
    # c/(c + x) = 1/(1 + x/c), and c log(1 + y/(c + x)) by log1p, so that a large c costs no digits
    small = np.exp(-g)
    first = 1.0 / (1.0 + (place - 1) * small)
    rest = (count - place) * _log1p_ratio((count - place) * small * first) * first
    return np.asarray(np.minimum((first + rest) / (count - place + 1), 1.0))


def largest_useful_spread(length: int, eps: float = 0.3) -> float:
    r"""Return the spread G up to which `importance_bound` rules out a sink on the first token.

    Parameters
    ----------
    length : int
        T, at least 2.
    eps : float, default 0.3
        Threshold, inside (0, 1).

    Returns
    -------
    float
        The G at which the bound equals eps; 0 where it exceeds eps already at G = 0.

    Raises
    ------
    TypeError, ValueError
        For a length below 2 or eps outside (0, 1).

    Notes
    -----
    The bound increases in G, from :math:`(1 + \log T)/T` to 1.

    Examples
    --------
    >>> round(largest_useful_spread(64) / 2, 3)
    1.075
    """
    from scipy.optimize import brentq

    count = as_integer("length", length, least=2)
    threshold = as_positive("eps", eps)
    if threshold >= 1.0:
        raise ValueError(f"eps is {threshold:g}: the threshold lies inside (0, 1), e.g. 0.3")
    if importance_bound(0.0, count) >= threshold:
        return 0.0
    high = 1.0
    while importance_bound(high, count) < threshold:
        high *= 2.0
    return float(brentq(lambda g: float(importance_bound(g, count)) - threshold, 0.0, high, xtol=1e-12))


def decreasing_bias_bound(length: int) -> Array:
    r"""Return the most that the first column gets where the bias does not increase with the distance.

    .. math:: g(0) \ge g(1) \ge \dots \quad\Rightarrow\quad
        A_{t1} = \min_{i \le t} A_{ti} \le \tfrac1t, \qquad \alpha_1 \le \tfrac{H_T}{T}

    Parameters
    ----------
    length : int
        T, at least 1.

    Returns
    -------
    ndarray, shape (T,)
        1 / t for the rows t = 1, ..., T.

    Raises
    ------
    TypeError, ValueError
        For a length that is no integer of at least 1.

    Notes
    -----
    *Proof.* Among the columns of row t the first is the furthest, so its weight :math:`e^{g(t-1)}` is the
    least of t weights, and the least of t shares that sum to one is at most 1/t. Average over t. ∎

    Without the hypothesis it is false: with g the number of the bucket of the distance, the first of T = 64
    equal tokens has the importance 0.334 from its position alone, and 0.665 at T = 16.

    Examples
    --------
    >>> decreasing_bias_bound(3).round(6).tolist()
    [1.0, 0.5, 0.333333]
    """
    return np.asarray(1.0 / np.arange(1, as_integer("length", length, least=1) + 1))


def logit_radius(queries: ArrayLike, keys: ArrayLike) -> Array:
    r"""Return the largest logit that the lengths of queries and keys allow.

    .. math:: \xi = \max_t \|q_t\| \max_j \|k_j\| / \sqrt{d_h}

    Parameters
    ----------
    queries : array_like, shape (..., T, d_h)
        Queries.
    keys : array_like, shape (..., S, d_h)
        Keys.

    Returns
    -------
    ndarray, shape (...)
        xi; the logits of a row spread by at most 2 xi.

    Raises
    ------
    ValueError
        For shapes that do not fit or entries that are not finite.

    Examples
    --------
    >>> float(logit_radius([[3.0, 4.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 2.0]]))
    5.0
    """
    q, k = as_floats("queries", queries), as_floats("keys", keys)
    if q.ndim < 2 or k.ndim < 2 or q.shape[-1] != k.shape[-1] or 0 in (*q.shape, *k.shape):
        raise ValueError(
            f"queries has shape {q.shape} and keys {k.shape}: give (..., T, d_h) and (..., S, d_h), none "
            "empty"
        )
    longest = np.linalg.norm(q, axis=-1).max(axis=-1) * np.linalg.norm(k, axis=-1).max(axis=-1)
    return np.asarray(longest * q.shape[-1] ** -0.5)


def _toeplitz(g: Array) -> Array:
    """Return e^{g(t-i)} / sum_{n<t} e^{g(n)} for i <= t, from g of shape (..., T)."""
    totals = np.logaddexp.accumulate(g, axis=-1)
    distance = np.arange(g.shape[-1])[:, None] - np.arange(g.shape[-1])
    logs = g[..., np.maximum(distance, 0)] - totals[..., :, None]
    return np.where(distance >= 0, np.exp(np.where(distance >= 0, logs, 0.0)), 0.0)


def _log1p_ratio(x: Array) -> Array:
    """Return log(1 + x) / x, which is 1 at 0."""
    return np.divide(np.log1p(x), x, out=np.ones_like(x), where=x > 0.0)


def _spread(value: ArrayLike) -> Array:
    g = as_floats("spread", value)
    if np.any(g < 0.0):
        raise ValueError(f"spread contains {g.min():g}: a spread of logits is at least 0")
    return g


def _given(name: str, value: ArrayLike | None, position: str) -> ArrayLike:
    if value is None:
        raise ValueError(f"{name} is missing: position={position!r} needs it")
    return value

r"""K-SEQ: independent tests of k candidates against a scaled-down target."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.speculative.acceptance import as_pair
from tightbound.theory.speculative.chain import normalised
from tightbound.theory.speculative.multi_draft import NodeLaw

_HALVINGS = 60


def k_seq_scale(p: ArrayLike, q: ArrayLike, k: int) -> Array:
    r"""Smallest scale rho in [1, k] with :math:`1 - (1 - b)^k \le \rho b`, :math:`b = \sum \min(p/\rho, q)`.

    As rho grows, :math:`\rho b = \sum \min(p, \rho q)` does not fall and b does not rise, so the inequality
    holds from some point on, and bisection finds it. It holds at k, by Bernoulli's inequality
    :math:`(1 - b)^k \ge 1 - k b`. The upper end of the last bracket is returned, where it does hold.

    Parameters
    ----------
    p, q : array_like, shapes (..., V) that broadcast
        Laws of the next token under target and drafter.
    k : int
        Number of candidates, at least 1.

    Returns
    -------
    ndarray, shape (...)

    Examples
    --------
    >>> round(float(k_seq_scale([0.5, 0.5], [0.75, 0.25], 2)), 6)
    1.390388
    """
    target, draft = as_pair(p, q)
    count = as_integer("k", k, least=1)
    low: Array = np.ones(target.shape[:-1])
    high: Array = np.full(target.shape[:-1], float(count))
    holds = _room(target, draft, count, low) >= 0.0
    high = np.where(holds, low, high)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        holds = _room(target, draft, count, middle) >= 0.0
        low, high = np.where(holds, low, middle), np.where(holds, middle, high)
    return np.asarray(high)


def k_seq_acceptance(p: ArrayLike, q: ArrayLike, k: int, scale: ArrayLike | None = None) -> Array:
    r"""Give the acceptance of K-SEQ, :math:`1 - (1 - b)^k` with :math:`b = \sum \min(p/\rho, q)`.

    **It is at least** :math:`(1 - (1 - 1/k)^k)` **of the optimum, more than 1 - 1/e of it.** The optimum
    obeys :math:`\alpha^* \le \sum_y \min\{p(y), 1 - (1 - q(y))^k\} \le \sum_y \min\{p(y), k q(y)\} = k b(k)`.
    With rho = k, which is always valid, :math:`b(k) \le \sum p/k = 1/k`. The function :math:`1 - (1 - b)^k`
    is concave and 0 at 0, so on [0, 1/k] it lies above its chord:
    :math:`1 - (1 - b(k))^k \ge k b(k) (1 - (1 - 1/k)^k)`. The scale used is at most k, and b, hence the
    acceptance, falls as rho grows. ∎

    Parameters
    ----------
    p, q : array_like, shapes (..., V) that broadcast
        Laws of the next token under target and drafter.
    k : int
        Number of candidates, at least 1.
    scale : array_like, shape (...), optional
        rho, at least 1; the smallest valid one where left out.

    Returns
    -------
    ndarray, shape (...)

    References
    ----------
    Sun et al., "SpecTr: Fast speculative decoding via optimal transport", NeurIPS 2023 (the factor; the proof
    above is ours).

    Examples
    --------
    >>> round(float(k_seq_acceptance([0.5, 0.5], [0.75, 0.25], 2)), 6)
    0.847597
    """
    target, draft = as_pair(p, q)
    count = as_integer("k", k, least=1)
    rho = k_seq_scale(target, draft, count) if scale is None else _as_scale(scale)
    return _some_of(count, _overlap(target, draft, rho))


def k_seq(p: ArrayLike, q: ArrayLike, k: int, scale: float | None = None) -> NodeLaw:
    r"""Law of K-SEQ: candidate j passes with :math:`\min\{1, p(x_j)/(\rho q(x_j))\}`, the first is taken.

    If none passes, the token is from :math:`p - \min(p/\rho, q)\, (1 - (1 - b)^k)/b`, normalised. The first
    accepted one is y with probability :math:`\min(p/\rho, q)(y)\, (1 - (1 - b)^k)/b`, so the rule is lossless
    where that residual is nowhere negative: where :math:`p \ge \rho q` because
    :math:`q\, (1 - (1-b)^k)/b \le \rho q \le p`, elsewhere because :math:`p\,(1 - (1-b)^k)/(\rho b) \le p`,
    both by :math:`1 - (1 - b)^k \le \rho b`. If some token has :math:`0 < p < \rho q`, that condition is
    necessary as well. With a smaller rho the negative part is cut off here, and the text changes.

    Parameters
    ----------
    p, q : array_like, shape (V,)
        Laws of the next token under target and drafter.
    k : int
        Number of candidates, at least 1.
    scale : float, optional
        rho, at least 1; the smallest valid one where left out.

    Returns
    -------
    NodeLaw

    References
    ----------
    Sun et al., "SpecTr", NeurIPS 2023.

    Examples
    --------
    >>> k_seq([0.5, 0.5], [0.75, 0.25], 2).token
    array([0.5, 0.5])
    """
    target, draft = as_pair(p, q)
    if target.ndim != 1:
        raise ValueError(f"p and q have shape {target.shape}: give one law each, shape (V,)")
    count = as_integer("k", k, least=1)
    rho = k_seq_scale(target, draft, count) if scale is None else _as_scale(scale)
    accepted = first_accepted(target, draft, count, rho)
    left = normalised(np.maximum(target - accepted, 0.0), target)
    return NodeLaw(accepted, np.asarray((1.0 - accepted.sum()) * left))


def first_accepted(p: Array, q: Array, k: int, scale: Array) -> Array:
    r"""Return :math:`\min(p/\rho, q)\, (1 - (1 - b)^k)/b`, the accepted part of the law, shape (..., V)."""
    kept = np.minimum(p / scale[..., np.newaxis], q)
    b = kept.sum(axis=-1)
    share = np.divide(_some_of(k, b), b, out=np.ones_like(b), where=b > 0.0)
    return np.asarray(kept * share[..., np.newaxis])


def _overlap(p: Array, q: Array, scale: Array) -> Array:
    return np.asarray(np.minimum(p / scale[..., np.newaxis], q).sum(axis=-1))


def _some_of(k: int, b: Array) -> Array:
    """Return 1 - (1 - b)^k without cancellation."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(k * np.log1p(-np.minimum(b, 1.0))))


def _room(p: Array, q: Array, k: int, scale: Array) -> Array:
    b = _overlap(p, q, scale)
    return np.asarray(scale * b - _some_of(k, b))


def _as_scale(value: ArrayLike) -> Array:
    rho = as_floats("scale", value)
    if np.any(rho < 1.0):
        raise ValueError(
            f"scale contains {rho.min()}: it is at least 1; leave it out for the smallest valid one"
        )
    return rho

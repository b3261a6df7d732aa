r"""Chain verification: accept each drafted token in turn, replace the first that is rejected."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tightbound.theory._validation import Array, Integers
from tightbound.theory.speculative.round_law import RoundLaw, round_law
from tightbound.theory.speculative.tables import PrefixTables

Correction = Callable[[Array, Array], Array]
"""``(P (..., V), Q (..., V)) -> law (..., V)`` of the token that replaces a rejected draft."""


def residual(target: Array, draft: Array) -> Array:
    r"""Law of the replacement of a rejected token, :math:`(P - Q)_+ / \sum (P - Q)_+`.

    Parameters
    ----------
    target, draft : ndarray, shape (..., V)
        Laws P and Q of the next token.

    Returns
    -------
    ndarray, shape (..., V)
        The replacement law; P itself where P = Q and nothing is ever rejected.

    References
    ----------
    Leviathan, Kalman, Matias, ICML 2023, Section 2.3.

    Examples
    --------
    >>> residual(np.array([0.5, 0.5]), np.array([0.75, 0.25]))
    array([0., 1.])
    """
    return normalised(np.maximum(target - draft, 0.0), target)


def replace_from_target(target: Array, draft: Array) -> Array:
    """Return P: a wrong replacement law, which counts likely tokens twice and so changes the text.

    Parameters
    ----------
    target, draft : ndarray, shape (..., V)
        Laws P and Q of the next token.

    Returns
    -------
    ndarray, shape (..., V)
        P itself.

    Examples
    --------
    >>> replace_from_target(np.array([0.5, 0.5]), np.array([0.75, 0.25]))
    array([0.5, 0.5])
    """
    return target


def normalised(mass: Array, otherwise: Array) -> Array:
    """Divide rows by their sum; rows without mass become ``otherwise``."""
    total = mass.sum(axis=-1, keepdims=True)
    some = total > 0.0
    return np.asarray(np.where(some, mass / np.where(some, total, 1.0), otherwise))


def ratios_at(target_rows: Array, draft_rows: Array, drafts: Integers) -> Array:
    """Return p/q of each drafted token, shape (..., gamma); 0 where the token is not possible under p.

    A token that q cannot draft has an infinite ratio unless p excludes it too.
    """
    index = drafts[..., np.newaxis]
    p = np.take_along_axis(target_rows[..., : drafts.shape[-1], :], index, axis=-1)[..., 0]
    q = np.take_along_axis(draft_rows, index, axis=-1)[..., 0]
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(np.divide(p, q, out=np.zeros_like(p), where=p > 0.0))


def chain_verification(
    target_rows: Array, draft_rows: Array, drafts: Integers, *, correction: Correction = residual
) -> Array:
    r"""Law of (accepted drafts, next token) of chain verification, given the drafts.

    Draft i is accepted with probability :math:`\min(1, p_i(x_i)/q_i(x_i))`; the first rejected one is
    replaced by a token from ``correction(p_i, q_i)``; after the last a token from :math:`p_{\gamma+1}` is
    added.

    Parameters
    ----------
    target_rows : ndarray, shape (..., gamma + 1, V)
        Laws of the target along the drafts.
    draft_rows : ndarray, shape (..., gamma, V)
        Laws of the drafter along the drafts.
    drafts : ndarray of int, shape (..., gamma)
        The drafted tokens.
    correction : callable ``(P, Q) -> law``
        Law of the replacement; anything but :func:`residual` changes the text.

    Returns
    -------
    ndarray, shape (..., gamma + 1, V)
        Probability that exactly t drafts are accepted and that token y follows them.

    References
    ----------
    Leviathan, Kalman, Matias, ICML 2023, Algorithm 1. Chen et al., arXiv 2302.01318, Algorithm 2.

    Examples
    --------
    >>> p = np.array([[0.5, 0.5], [0.25, 0.75]])
    >>> chain_verification(p, np.array([[0.75, 0.25]]), np.array([0]))
    array([[0.        , 0.33333333],
           [0.16666667, 0.5       ]])
    """
    accept = np.minimum(ratios_at(target_rows, draft_rows, drafts), 1.0)
    reach = np.concatenate((np.ones((*accept.shape[:-1], 1)), np.cumprod(accept, axis=-1)), axis=-1)
    stop = reach.copy()
    stop[..., :-1] *= 1.0 - accept
    follow = np.concatenate((correction(target_rows[..., :-1, :], draft_rows), target_rows[..., -1:, :]), -2)
    return np.asarray(stop[..., np.newaxis] * follow)


def chain_law(target: PrefixTables, draft: PrefixTables) -> RoundLaw:
    r"""Law of one round of chain verification, over all drafts; it is lossless.

    **Proof.** One step: the token y is emitted as an accepted draft with probability
    :math:`q(y) \min(1, p(y)/q(y)) = \min(p, q)(y)`, and as a replacement with probability
    :math:`(1 - \beta) (p - q)_+(y) / \sum (p - q)_+`, where :math:`\beta = \sum \min(p, q)`. As
    :math:`\sum (p - q)_+ = \sum (p - \min(p, q)) = 1 - \beta`, the two add up to
    :math:`\min(p, q) + (p - q)_+ = p`. Round: an accepted :math:`x_1` leaves a round of gamma - 1 drafts
    after the prefix :math:`x_1`, lossless by induction; a replaced one leaves plain decoding; and with no
    drafts the round is one token from p.

    Parameters
    ----------
    target : PrefixTables
        Laws p, at least gamma + 1 tables.
    draft : PrefixTables
        Laws q; their number is the draft length gamma.

    Returns
    -------
    RoundLaw

    Examples
    --------
    >>> p, q = PrefixTables.independent([0.5, 0.5], 2), PrefixTables.independent([0.75, 0.25], 1)
    >>> law = chain_law(p, q)
    >>> law.accepted, law.text(p).ravel()
    (array([0.25, 0.75]), array([0.25, 0.25, 0.25, 0.25]))
    """
    return round_law(target, draft, chain_verification)

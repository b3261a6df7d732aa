r"""Positions for training on short texts that stand for all positions of long ones.

A text of n tokens keeps positions 0, ..., a - 1 for its first a tokens, the anchors, and shifts the rest by
an offset o drawn uniformly from 0, ..., L - n, where L is the longest text to be read later:

.. math:: P = (0, \dots, a - 1,\; a + o, \dots, n - 1 + o).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_integer


def anchor_offset_positions(length: int, offset: ArrayLike, *, anchors: int = 4) -> Integers:
    """Positions of the tokens of a text whose part after the anchors is shifted.

    Parameters
    ----------
    length : int
        Tokens n of the text, at least ``anchors``.
    offset : array_like of int, shape (...)
        Shift o of each text, at least 0.
    anchors : int, default 4
        First tokens that keep their positions.

    Returns
    -------
    ndarray of int, shape (..., n)
        Strictly increasing along the last axis.

    Raises
    ------
    TypeError, ValueError
        For sizes that are no integers or out of range.

    References
    ----------
    Yang et al., "LongSpec", arXiv 2502.17421, Algorithm 1 (four anchors).

    Examples
    --------
    >>> anchor_offset_positions(7, 100).tolist()
    [0, 1, 2, 3, 104, 105, 106]
    """
    anchors = as_integer("anchors", anchors, least=0)
    length = as_integer("length", length, least=max(anchors, 1))
    shift = np.asarray(offset)
    if shift.dtype.kind not in "iu":
        raise TypeError(f"offset has dtype {shift.dtype}: give integers")
    if shift.size and shift.min() < 0:
        raise ValueError(f"offset contains {shift.min()}: a text is shifted forward, by at least 0")
    places = np.arange(length)
    return np.asarray(places + np.where(places < anchors, 0, shift[..., np.newaxis]))


def position_coverage(length: int, longest: int, *, anchors: int = 4) -> Array:
    r"""How often each position occurs in one text on average, over uniform offsets 0, ..., L - n.

    Position i >= a occurs iff :math:`a + o \le i \le n - 1 + o`, at most once, so its chance is the number
    of offsets in :math:`[\max(0, i - n + 1), \min(L - n, i - a)]` over :math:`L - n + 1`: it rises along a
    ramp, is :math:`(n - a)/(L - n + 1)` in the middle where :math:`L - n \ge n - a - 1`, and falls along a
    ramp. It is positive for all i < L: i - a is such an offset as long as it is at most L - n, and L - n is
    one for the larger i. Anchors occur every time.

    Parameters
    ----------
    length : int
        Tokens n of a text, more than ``anchors``.
    longest : int
        Longest text L to be covered, at least n.
    anchors : int, default 4
        First tokens that keep their positions.

    Returns
    -------
    ndarray, shape (L,)
        Mean number of occurrences, in (0, 1]; the sum is n.

    Raises
    ------
    TypeError, ValueError
        For sizes that are no integers or out of range.

    References
    ----------
    Yang et al., "LongSpec", arXiv 2502.17421, Algorithm 1; the law is derived here.

    Examples
    --------
    >>> (position_coverage(4, 8, anchors=2) * 5).round(12).tolist()
    [5.0, 5.0, 1.0, 2.0, 2.0, 2.0, 2.0, 1.0]
    """
    anchors = as_integer("anchors", anchors, least=0)
    length = as_integer("length", length, least=anchors + 1)
    longest = as_integer("longest", longest, least=length)
    place, last = np.arange(longest), longest - length
    offsets = np.minimum(last, place - anchors) - np.maximum(0, place - length + 1) + 1
    return np.where(place < anchors, 1.0, offsets / (last + 1))

r"""Alignment of structured prompts: component k fills the same slots in every prompt.

A prompt is a sequence of K components (subject, action, time, place, quality), component k of prompt p having
:math:`m_{p,k}` tokens. Aligned, component k has :math:`M_k = \max_p m_{p,k}` slots, and a shorter one is
lengthened by its own tokens. Only places of tokens are computed here: index tokens with them before a text
encoder, or embeddings after one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers

COMPONENTS = ("subject", "action", "time", "place", "quality")
"""The five components into which a prompt is rewritten before it is aligned, in their order."""

BLANK = -1
"""Slot that holds no token of the prompt."""


def aligned_slots(lengths: ArrayLike) -> Integers:
    r"""Return which of its tokens each prompt puts into each slot, shorter components repeating theirs.

    Slot j of component k holds token :math:`j \bmod m_{p,k}` of that component, so that the tokens of one
    component are repeated equally often up to one. The order of the repeated tokens is our choice.

    Parameters
    ----------
    lengths : array_like of int, shape (P, K)
        Tokens of every component of every prompt. A component may be empty in all prompts, not in some.

    Returns
    -------
    ndarray of int64, shape (P, M)
        Positions in the prompt's own tokens, components one after another; :math:`M = \sum_k M_k`.

    Raises
    ------
    TypeError, ValueError
        For lengths that are no table of counts, for a component that is empty in some prompts only, and for
        prompts without any token.

    See Also
    --------
    repetition_correction : takes back what repetition does to cross-attention.

    Examples
    --------
    A subject of one token beside one of three; both actions have one token:

    >>> aligned_slots([[1, 1], [3, 1]]).tolist()
    [[0, 0, 0, 1], [0, 1, 2, 3]]
    """
    counts = _lengths(lengths)
    longest = counts.max(axis=0)
    partly = (counts == 0).any(axis=0) & (longest > 0)
    if partly.any():
        component = int(partly.argmax())
        prompt = int(counts[:, component].argmin())
        raise ValueError(
            f"lengths: component {component} is empty in prompt {prompt} and not in all: there is nothing "
            "to repeat; write the component out, or leave it out of every prompt"
        )
    starts = counts.cumsum(axis=1) - counts
    rows = [
        np.concatenate(
            [start + np.arange(slots) % max(1, own) for start, own, slots in zip(*row, longest, strict=True)]
        )
        for row in zip(starts, counts, strict=True)
    ]
    return np.stack(rows).astype(np.int64)


def concatenated_slots(lengths: ArrayLike) -> Integers:
    """Return the slots without alignment: tokens one after another, blanks at the end of shorter prompts.

    Parameters
    ----------
    lengths : array_like of int, shape (P, K)
        Tokens of every component of every prompt.

    Returns
    -------
    ndarray of int64, shape (P, M)
        Positions in the prompt's own tokens, ``BLANK`` where it has none; M is the longest prompt.

    Raises
    ------
    TypeError, ValueError
        For lengths that are no table of counts, and for prompts without any token.

    Examples
    --------
    >>> concatenated_slots([[1, 1], [3, 1]]).tolist()
    [[0, 1, -1, -1], [0, 1, 2, 3]]
    """
    totals = _lengths(lengths).sum(axis=1, keepdims=True)
    places = np.arange(int(totals.max()))
    return np.where(places < totals, places, BLANK).astype(np.int64)


def slot_components(lengths: ArrayLike, slots: ArrayLike) -> Integers:
    """Return the component of the token in each slot, ``BLANK`` where there is none.

    Parameters
    ----------
    lengths : array_like of int, shape (P, K)
        Tokens of every component of every prompt.
    slots : array_like of int, shape (P, M)
        From ``aligned_slots`` or ``concatenated_slots``.

    Returns
    -------
    ndarray of int64, shape (P, M)
        Indices of components.

    Raises
    ------
    TypeError, ValueError
        For tables of the wrong form, and for slots beyond a prompt's last token.

    Examples
    --------
    >>> slot_components([[1, 1], [3, 1]], [[0, 1, -1, -1], [0, 1, 2, 3]]).tolist()
    [[0, 1, -1, -1], [0, 0, 0, 1]]
    """
    counts, places = _lengths(lengths), _slots(slots)
    if places.shape[0] != counts.shape[0]:
        raise ValueError(
            f"slots has {places.shape[0]} rows and lengths {counts.shape[0]}: give one row for each prompt"
        )
    if (places >= counts.sum(axis=1, keepdims=True)).any():
        raise ValueError("slots point beyond the last token of a prompt: take slots and lengths of one text")
    ends = counts.cumsum(axis=1)
    found = [np.searchsorted(end, row, side="right") for end, row in zip(ends, places, strict=True)]
    return np.where(places == BLANK, BLANK, np.stack(found)).astype(np.int64)


def repetition_correction(slots: ArrayLike) -> Array:
    r"""Return what to add to the logits of cross-attention so that repeated tokens count once.

    .. math:: c_{p,j} = -\log \#\{j' : \text{slot } j' \text{ of prompt } p \text{ holds the token of } j\}

    A token repeated r times with logit l takes the mass :math:`r e^l = e^{l + \log r}`: repetition adds log r
    to its logit. With the correction its copies take :math:`r e^{l - \log r} = e^l` together, so attention
    over the aligned prompt equals attention over the prompt as it was written, wherever copies share key and
    value. Blended keys have logits that are linear in the embedding, so blend corrections as one more
    coordinate of it: ``prompt_blend(correction[..., None], ...)``.

    Parameters
    ----------
    slots : array_like of int, shape (P, M)
        From ``aligned_slots``.

    Returns
    -------
    ndarray, shape (P, M)
        Minus the logarithm of the number of copies.

    Raises
    ------
    TypeError, ValueError
        For a table of the wrong form, and for blank slots, which hold no token.

    Examples
    --------
    >>> repetition_correction([[0, 0, 0, 1]]).round(3).tolist()
    [[-1.099, -1.099, -1.099, 0.0]]
    """
    places = _slots(slots)
    if (places == BLANK).any():
        raise ValueError("slots holds blanks, which repeat no token: give the slots of aligned_slots")
    copies = (places[:, :, None] == places[:, None, :]).sum(axis=2)
    # 0 - x, so that a token that stands alone gets 0 rather than -0
    return np.asarray(0.0 - np.log(copies))


def _table(name: str, value: ArrayLike, what: str, least: int) -> Integers:
    found = np.asarray(value)
    if found.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {found.dtype}: give {what} as integers")
    if found.ndim != 2 or 0 in found.shape:
        raise ValueError(f"{name} has shape {found.shape}: give {what}, one row for each prompt")
    if found.min() < least:
        raise ValueError(f"{name} contains {found.min()}: give {what} of at least {least}")
    return found.astype(np.int64)


def _lengths(value: ArrayLike) -> Integers:
    counts = _table("lengths", value, "numbers of tokens (prompts, components)", 0)
    if (counts.sum(axis=1) == 0).any():
        raise ValueError("lengths has a prompt without any token: leave it out")
    return counts


def _slots(value: ArrayLike) -> Integers:
    return _table("slots", value, "places of tokens (prompts, slots)", BLANK)

r"""Drafts that are not random, and decoding at temperature 0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_integer
from tightbound.theory.speculative.chain import chain_verification
from tightbound.theory.speculative.round_law import RoundLaw, round_law
from tightbound.theory.speculative.tables import PrefixTables


def first_likeliest(law: Array) -> int:
    """Return the likeliest token, the first of several."""
    return int(np.argmax(law))


def last_likeliest(law: Array) -> int:
    """Return the likeliest token, the last of several.

    Examples
    --------
    >>> last_likeliest(np.array([0.4, 0.2, 0.4]))
    2
    """
    return int(law.size - 1 - np.argmax(law[::-1]))


def greedy_draft_law(target: PrefixTables, draft: PrefixTables) -> RoundLaw:
    r"""Law of one round whose drafts are the greedy text of q; it is lossless.

    A draft x that is a function of the prefix has the point mass at x as its law, whatever q says. Chain
    verification with that law accepts x with probability p(x) and replaces it by a token from p without x,
    normalised; q matters for the choice of x only.

    Parameters
    ----------
    target : PrefixTables
        Laws p, at least gamma + 1 tables.
    draft : PrefixTables
        Laws q; drafts are their likeliest tokens, the first of several.

    Returns
    -------
    RoundLaw

    Examples
    --------
    >>> p, q = PrefixTables.independent([0.5, 0.3, 0.2], 2), PrefixTables.independent([0.2, 0.5, 0.3], 1)
    >>> greedy_draft_law(p, q).emitted[0] + greedy_draft_law(p, q).emitted[1].sum(-1)
    array([0.5, 0.3, 0.2])
    """
    return round_law(target, draft.greedy(), chain_verification)


def greedy_verification(drafts: ArrayLike, choices: ArrayLike) -> Integers:
    """Tokens that a round emits at temperature 0: drafts up to the first mismatch, then the target's choice.

    Parameters
    ----------
    drafts : array_like of int, shape (gamma,)
        The drafted tokens; gamma may be 0.
    choices : array_like of int, shape (gamma + 1,)
        ``choices[i]`` is the target's likeliest token after i drafts.

    Returns
    -------
    ndarray of int, shape (accepted + 1,)

    Raises
    ------
    ValueError
        For shapes that do not fit.
    TypeError
        For tokens that are not integers.

    Examples
    --------
    >>> greedy_verification([1, 2, 3], [1, 2, 3, 4]), greedy_verification([1, 2, 3], [1, 5, 3, 4])
    (array([1, 2, 3, 4]), array([1, 5]))
    """
    drafted, chosen = np.asarray(drafts), np.asarray(choices)
    if drafted.ndim != 1 or chosen.shape != (drafted.size + 1,):
        raise ValueError(
            f"drafts has shape {drafted.shape}, choices {chosen.shape}: "
            "give shapes (gamma,) and (gamma + 1,), the last choice being the token after all drafts"
        )
    for name, tokens in (("drafts", drafted), ("choices", chosen)):
        if tokens.size and tokens.dtype.kind not in "iu":
            raise TypeError(f"{name} has dtype {tokens.dtype}: tokens are integers")
    accepted = int(np.cumprod(drafted == chosen[:-1]).sum())
    return np.asarray(chosen[: accepted + 1], dtype=np.int64)


def greedy_text(model: PrefixTables, tokens: int) -> Integers:
    """Return the first tokens of plain decoding at temperature 0; of equal tokens the first is taken.

    Examples
    --------
    >>> greedy_text(PrefixTables([[0.4, 0.6], [[0.9, 0.1], [0.2, 0.8]]]), 2)
    array([1, 1])
    """
    text: list[int] = []
    for _ in range(as_integer("tokens", tokens, least=0)):
        text.append(int(np.argmax(model.after(text))))
    return np.array(text, dtype=np.int64)


def speculative_greedy_text(
    target: PrefixTables,
    draft: PrefixTables,
    tokens: int,
    gamma: int,
    *,
    choose: Callable[[Array], int] = first_likeliest,
) -> Integers:
    r"""Text of speculative decoding at temperature 0, round after round.

    It equals :func:`greedy_text` of the target, whatever the drafter: a round emits
    ``choices[: accepted + 1]`` (:func:`greedy_verification`), and choice i is read off the row after the
    first i drafts, which are the tokens emitted before it.

    Parameters
    ----------
    target, draft : PrefixTables
        Laws of the target, at least ``tokens`` tables, and of the drafter, at least ``tokens - 1``.
    tokens : int
        Length of the text, at least 0.
    gamma : int
        Drafted tokens per round, at least 0; fewer near the end.
    choose : callable ``law -> token``
        How verification takes the likeliest token. One that breaks ties otherwise than plain decoding does
        writes another text.

    Returns
    -------
    ndarray of int, shape (tokens,)

    Examples
    --------
    >>> p, q = PrefixTables.independent([0.4, 0.6], 3), PrefixTables.independent([0.7, 0.3], 2)
    >>> speculative_greedy_text(p, q, 3, 2)
    array([1, 1, 1])
    """
    length, longest = as_integer("tokens", tokens, least=0), as_integer("gamma", gamma, least=0)
    text: list[int] = []
    while len(text) < length:
        drafted = list(text)
        for _ in range(min(longest, length - 1 - len(text))):
            drafted.append(int(np.argmax(draft.after(drafted))))
        ends = range(len(text), len(drafted) + 1)
        choices = [choose(target.after(drafted[:end])) for end in ends]
        text.extend(greedy_verification(np.array(drafted[len(text) :], dtype=np.int64), choices).tolist())
    return np.array(text, dtype=np.int64)

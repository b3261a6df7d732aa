r"""Drafts that are not random, and decoding at temperature 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Integers
from tightbound.theory.speculative.chain import chain_verification
from tightbound.theory.speculative.round_law import RoundLaw, round_law
from tightbound.theory.speculative.tables import PrefixTables


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

r"""Verification rules that change the text: mistakes seen in public code, kept as negative examples."""

from __future__ import annotations

from functools import partial

import numpy as np

from tightbound.theory._validation import Array, Integers
from tightbound.theory.speculative.block import stopping_chances
from tightbound.theory.speculative.chain import (
    Correction,
    chain_verification,
    normalised,
    replace_from_target,
    residual,
)
from tightbound.theory.speculative.round_law import RoundLaw, round_law
from tightbound.theory.speculative.tables import PrefixTables


def chain_law_replacing_from_target(target: PrefixTables, draft: PrefixTables) -> RoundLaw:
    """Chain verification whose rejected token is drawn anew from P instead of from (P - Q)+.

    Examples
    --------
    >>> p, q = PrefixTables.independent([0.5, 0.5], 2), PrefixTables.independent([0.75, 0.25], 1)
    >>> chain_law_replacing_from_target(p, q).emitted[0] + chain_law_replacing_from_target(
    ...     p, q
    ... ).emitted[1].sum(-1)
    array([0.625, 0.375])
    """
    return round_law(target, draft, partial(chain_verification, correction=replace_from_target))


def greedy_draft_as_if_sampled(
    target: PrefixTables, draft: PrefixTables, *, correction: Correction = residual
) -> RoundLaw:
    r"""Verify the likeliest token of q with :math:`\min(1, p/q)`, as if it had been drawn from q.

    The token x = argmax q is emitted with probability :math:`\min(1, p(x)/q(x))` at least, where p(x) would
    be right. The rule for a draft that is not random is
    :func:`~tightbound.theory.speculative.greedy.greedy_draft_law`.

    Parameters
    ----------
    target, draft : PrefixTables
        Laws p and q; the drafts are the greedy text of q.
    correction : callable ``(P, Q) -> law``
        Replacement of a rejected token. With
        :func:`~tightbound.theory.speculative.chain.replace_from_target` this is the chain mode of a public
        implementation of LongSpec at positive temperature.

    Returns
    -------
    RoundLaw

    Examples
    --------
    >>> p, q = PrefixTables.independent([0.5, 0.5], 2), PrefixTables.independent([0.75, 0.25], 1)
    >>> law = greedy_draft_as_if_sampled(p, q)
    >>> (law.emitted[0] + law.emitted[1].sum(-1)).round(6)
    array([0.666667, 0.333333])
    """
    return round_law(target, draft, partial(chain_verification, correction=correction), draft.greedy())


def chain_law_at_wrong_temperature(target: PrefixTables, draft: PrefixTables, temperature: float) -> RoundLaw:
    """Chain verification with q before the temperature at which the drafts were drawn was applied.

    Parameters
    ----------
    target, draft : PrefixTables
        Laws p and q that the rule is told.
    temperature : float
        Temperature of the law that drafts are really drawn from, above 0; 1 makes no mistake.

    Returns
    -------
    RoundLaw
    """
    return round_law(target, draft, chain_verification, draft.tempered(temperature))


def block_verification_to_first_failure(target_rows: Array, draft_rows: Array, drafts: Integers) -> Array:
    """Block verification that stops at the first coin that fails, as chain verification does.

    Parameters and result are those of
    :func:`~tightbound.theory.speculative.block.block_verification`.

    Examples
    --------
    >>> p, q = np.array([[0.5, 0.5]] * 3), np.array([[0.75, 0.25]] * 2)
    >>> block_verification_to_first_failure(p, q, np.array([0, 1])).sum(axis=-1).round(6)
    array([0.8, 0. , 0.2])
    """
    coins, excess = stopping_chances(target_rows, draft_rows, drafts)
    ones = np.ones((*coins.shape[:-1], 1))
    stop = np.concatenate((ones, np.cumprod(coins, axis=-1)), axis=-1)
    stop[..., :-1] *= 1.0 - coins
    follow = np.concatenate((normalised(excess, target_rows[..., :-1, :]), target_rows[..., -1:, :]), axis=-2)
    return np.asarray(stop[..., np.newaxis] * follow)


def block_law_to_first_failure(target: PrefixTables, draft: PrefixTables) -> RoundLaw:
    """Law of one round of :func:`block_verification_to_first_failure`."""
    return round_law(target, draft, block_verification_to_first_failure)

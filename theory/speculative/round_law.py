r"""Law of one round of speculative decoding, by enumeration of every draft."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tightbound.theory._validation import Array, Integers, as_integer
from tightbound.theory.speculative.tables import PrefixTables, all_texts

Verification = Callable[[Array, Array, Integers], Array]
"""``(target_rows (..., g+1, V), draft_rows (..., g, V), drafts (..., g)) -> law (..., g+1, V)``.

The result is the law of (number of accepted drafts, token emitted after them) given the drafts.
"""


@dataclass(frozen=True, eq=False)
class RoundLaw:
    r"""Law of what one round emits: tau accepted drafts and one token more.

    Parameters
    ----------
    emitted : tuple of ndarray
        ``emitted[t][x_1, ..., x_t, y]``, shape ``(V,) * (t + 1)``, is the probability that exactly t drafts
        are accepted and that the round emits :math:`x_1 \dots x_t\, y`; t runs from 0 to gamma.
    """

    emitted: tuple[Array, ...]

    @property
    def accepted(self) -> Array:
        """Law of the number of accepted drafts, shape (gamma + 1,)."""
        return np.array([part.sum() for part in self.emitted])

    @property
    def expected_tokens(self) -> float:
        """Mean number of emitted tokens, the one after the accepted drafts included."""
        return float(self.accepted @ np.arange(1.0, len(self.emitted) + 1.0))

    def text(self, target: PrefixTables, tokens: int | None = None) -> Array:
        """Law of the first gamma + 1 tokens, or more, when plain decoding goes on after the round.

        A verification rule is lossless if and only if this is ``target.joint(gamma + 1)`` for all tables:
        what a round leaves open is then written by the target itself, or by further rounds.

        Parameters
        ----------
        target : PrefixTables
            Laws of the target, at least ``tokens`` tables.
        tokens : int, optional
            Length of the text, at least gamma + 1; that where left out.

        Returns
        -------
        ndarray, shape ``(V,) * tokens``

        Raises
        ------
        ValueError
            For a text shorter than what a round may emit, or for too few tables.
        """
        longest = len(self.emitted)
        length = longest if tokens is None else as_integer("tokens", tokens, least=longest)
        if target.length < length:
            raise ValueError(f"target gives {target.length} tables, a text of {length} tokens needs {length}")
        law = np.zeros(())
        for t, table in enumerate(target.rows[:length]):
            law = law[..., np.newaxis] * table
            if t < longest:
                law = law + self.emitted[t]
        return law


def round_law(
    target: PrefixTables, draft: PrefixTables, verify: Verification, proposal: PrefixTables | None = None
) -> RoundLaw:
    r"""Law of a round: drafts from ``proposal``, verified as if they came from ``draft``.

    Parameters
    ----------
    target : PrefixTables
        Laws p of the target, at least gamma + 1 tables.
    draft : PrefixTables
        Laws q that the verification is told; gamma is their number.
    verify : callable
        Conditional law of (accepted drafts, next token) given the drafts, see :data:`Verification`.
    proposal : PrefixTables, optional
        Laws that drafts are really drawn from; ``draft`` where left out. Anything else is a mistake that the
        rules here do not forgive.

    Returns
    -------
    RoundLaw

    Raises
    ------
    ValueError
        For tables that do not fit together.

    Examples
    --------
    >>> from tightbound.theory.speculative.chain import chain_verification
    >>> p, q = PrefixTables.independent([0.75, 0.25], 2), PrefixTables.independent([0.5, 0.5], 1)
    >>> round_law(p, q, chain_verification).expected_tokens
    1.75
    """
    drawn = draft if proposal is None else proposal
    gamma, size = draft.length, target.vocabulary
    if draft.vocabulary != size or drawn.vocabulary != size:
        raise ValueError(
            f"target has {size} tokens, draft {draft.vocabulary}, proposal {drawn.vocabulary}: "
            "give one vocabulary for all"
        )
    if target.length < gamma + 1 or drawn.length < gamma:
        raise ValueError(
            f"{gamma} drafts need {gamma + 1} target tables and {gamma} of the proposal, given are "
            f"{target.length} and {drawn.length}: the last target table writes the token after the drafts"
        )
    texts = all_texts(size, gamma)
    chance = drawn.joint(gamma).reshape(-1)
    possible = chance > 0.0
    texts, weight = texts[possible], chance[possible]
    law = np.zeros((size**gamma, gamma + 1, size))
    given = verify(target.along(texts, gamma + 1), draft.along(texts, gamma), texts)
    law[possible] = weight[:, np.newaxis, np.newaxis] * given
    grid = law.reshape((size,) * gamma + (gamma + 1, size))
    return RoundLaw(
        tuple(grid.sum(axis=tuple(range(t, gamma)))[(*(slice(None),) * t, t)] for t in range(gamma + 1))
    )

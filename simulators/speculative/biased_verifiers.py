r"""Verification rules that change the text: mistakes seen in public code, kept as negative examples.

Their laws are in :mod:`tightbound.theory.speculative.biased_rules` and
:func:`tightbound.theory.speculative.tree_law.children_as_if_sampled`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tightbound.kernels._reference_draw import draw
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.sampling import RoundCoins
from tightbound.simulators.speculative.verifiers import Verdict
from tightbound.theory._validation import Array
from tightbound.theory.speculative.block import stopping_chances
from tightbound.theory.speculative.chain import Correction, normalised, residual
from tightbound.theory.speculative.trees import without


@dataclass(frozen=True)
class ChosenAsDrawn:
    """Verify a chain with min(1, p/q) whether its tokens were drawn from q or chosen.

    For drawn drafts with the default correction it is :class:`ChainVerification`. For the likeliest tokens of
    q, which ``Beam((1, 1, ...), keep_laws=True)`` drafts, it writes them too often.

    Parameters
    ----------
    correction : callable ``(P, Q) -> law``
        Replacement of a rejected token; with ``replace_from_target`` the rule is wrong for drawn drafts too,
        and for chosen ones it is the chain mode of a public implementation of LongSpec.
    """

    correction: Correction = residual

    def verify(
        self, drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], backend: str
    ) -> list[Verdict]:
        """Return a verdict for each draft; see :class:`Verifier`."""
        return [self._one(*given) for given in zip(drafts, laws, coins, strict=True)]

    def _one(self, draft: Draft, target: Array, coins: RoundCoins) -> Verdict:
        uniform, count = coins.verification(draft.nodes), draft.nodes - 1
        told = _told(draft, target.shape[-1])
        for i, x in enumerate(draft.tokens[1:]):
            if uniform[i + 1] * told[i, x] >= target[i, x]:
                return _verdict(i, self.correction(target[i], told[i]), uniform[0])
        return _verdict(count, target[count], uniform[0])


@dataclass(frozen=True)
class BlockToFirstFailure:
    """Block verification that stops at the first coin that fails, as chain verification does."""

    def verify(
        self, drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], backend: str
    ) -> list[Verdict]:
        """Return a verdict for each draft; see :class:`Verifier`."""
        return [self._one(*given) for given in zip(drafts, laws, coins, strict=True)]

    def _one(self, draft: Draft, target: Array, coins: RoundCoins) -> Verdict:
        uniform, count = coins.verification(draft.nodes), draft.nodes - 1
        if count == 0:
            return _verdict(0, target[0], uniform[0])
        chances, excess = stopping_chances(target, _told(draft, target.shape[-1])[:count], draft.tokens[1:])
        failed = np.flatnonzero(uniform[1:] >= chances)
        n = int(failed[0]) if failed.size else count
        return _verdict(n, target[n] if n == count else normalised(excess[n], target[n]), uniform[0])


@dataclass(frozen=True)
class ChildrenAsDrawn:
    """Try the children of a node in random order by rejection without replacement, drawn or not.

    For the likeliest tokens of q, as ``Beam(widths, keep_laws=True)`` drafts them, it changes the text. It is
    what a public implementation of LongSpec means to do at positive temperature.
    """

    def verify(
        self, drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], backend: str
    ) -> list[Verdict]:
        """Return a verdict for each draft; see :class:`Verifier`."""
        return [self._one(*given) for given in zip(drafts, laws, coins, strict=True)]

    def _one(self, draft: Draft, target: Array, coins: RoundCoins) -> Verdict:
        uniform, told = coins.verification(2 * draft.nodes + 1), _told(draft, target.shape[-1])
        path: list[int] = []
        node, going = 0, True
        while going:
            going, p, q = False, target[node], told[node]
            children = np.flatnonzero(draft.parents == node)
            for child in children[np.argsort(uniform[1 + draft.nodes + children])]:
                x = int(draft.tokens[child])
                if uniform[1 + child] * q[x] < p[x]:
                    path.append(int(child))
                    node, going = int(child), True
                    break
                p, q = residual(p, q), without(q, np.array([x]))
        return Verdict(np.array(path, dtype=np.int64), draw(p, float(uniform[0]), p))


def _told(draft: Draft, vocabulary: int) -> Array:
    if draft.laws is None and draft.nodes == 1:
        return np.zeros((1, vocabulary))
    if draft.laws is None:
        raise ValueError(
            "drafts carry no laws, which this rule reads: draft with the shape Branching at positive "
            "temperature, or with Beam(widths, keep_laws=True)"
        )
    return draft.laws


def _verdict(accepted: int, law: Array, u: float) -> Verdict:
    return Verdict(np.arange(1, accepted + 1), draw(law, float(u), law))

r"""Verification of drafts by the kernels: which drafted tokens stay, and which token follows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels.block_speculative_sampling import ragged_block_speculative_sampling
from tightbound.kernels.build_tree import build_tree
from tightbound.kernels.chain_speculative_sampling import ragged_chain_speculative_sampling
from tightbound.kernels.tree_rejection_sampling import tree_rejection_sampling
from tightbound.kernels.tree_speculative_sampling_target_only import tree_speculative_sampling_target_only
from tightbound.kernels.verify_tree_greedy import verify_tree_greedy
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.sampling import RoundCoins
from tightbound.theory._validation import Array, Integers


@dataclass(frozen=True, eq=False)
class Verdict:
    """What verification makes of one draft.

    Parameters
    ----------
    path : ndarray of int, shape (accepted,)
        Accepted nodes from below the root downwards.
    token : int
        The token after the last of them.
    """

    path: Integers
    token: int

    def tokens(self, draft: Draft) -> Integers:
        """Return all tokens that the round emits."""
        return np.append(draft.tokens[self.path], self.token)


class Verifier(Protocol):
    """Decides which drafted tokens stay. A lossless one leaves the target's law of the text as it is."""

    def verify(
        self, drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], backend: str
    ) -> list[Verdict]:
        """Return a verdict for each draft.

        Parameters
        ----------
        drafts : sequence of Draft
            One per request.
        laws : sequence of ndarray, shape (M, V)
            Laws of the target after each node.
        coins : sequence of RoundCoins
            Variates of each request.
        backend : str
            See :mod:`tightbound.kernels.backends`.
        """
        ...


@dataclass(frozen=True)
class ChainVerification:
    """Accept drafts of a chain one by one; for chosen drafts with the point mass as their law.

    References
    ----------
    Leviathan, Kalman, Matias, ICML 2023; Chen et al., arXiv 2302.01318.
    """

    def verify(
        self, drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], backend: str
    ) -> list[Verdict]:
        """Return a verdict for each draft; see :class:`Verifier`."""
        _need_chains(drafts, "ChainVerification")
        return _apart(drafts, laws, coins, lambda draft: draft.origin == "chosen", _chain(backend))


@dataclass(frozen=True)
class BlockVerification:
    """Accept the longest prefix that the drafts of a chain, taken together, allow.

    References
    ----------
    Sun et al., "Block verification accelerates speculative decoding", ICLR 2025.
    """

    def verify(
        self, drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], backend: str
    ) -> list[Verdict]:
        """Return a verdict for each draft; see :class:`Verifier`."""
        _need_chains(drafts, "BlockVerification")
        told = [
            np.eye(p.shape[-1])[d.tokens[1:]] if d.origin == "chosen" else d.laws
            for d, p in zip(drafts, laws, strict=True)
        ]
        return _ragged(ragged_block_speculative_sampling, told, drafts, laws, coins, backend)


@dataclass(frozen=True)
class TargetOnlyVerification:
    """Draw from the target at each node and go to the child that was drawn, if there is one.

    It needs no law of the drafter, so it suits every tree.
    """

    def verify(
        self, drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], backend: str
    ) -> list[Verdict]:
        """Return a verdict for each draft; see :class:`Verifier`."""
        trees = _Trees.of(drafts, backend)
        uniform, final = trees.coins(coins)
        found = tree_speculative_sampling_target_only(
            *trees.links, uniform, final, trees.padded(laws), backend=backend
        )
        return trees.verdicts(found)


@dataclass(frozen=True)
class RecursiveRejection:
    """Try the drawn children of a node in turn, each against what those before left of the target's law.

    Whether they were drawn with or without replacement is read off the draft: the rule for the one gives a
    wrong text for the other.

    References
    ----------
    Miao et al., "SpecInfer", ASPLOS 2024 (with replacement).
    """

    def verify(
        self, drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], backend: str
    ) -> list[Verdict]:
        """Return a verdict for each draft; see :class:`Verifier`.

        Raises
        ------
        ValueError
            For chosen drafts, for which the rule would be wrong.
        """
        for draft in drafts:
            if draft.nodes > 1 and draft.origin == "chosen":
                raise ValueError(
                    "RecursiveRejection was given drafts that were chosen, not drawn, and would change the "
                    "text: use TargetOnlyVerification, or a drafter of the shape Branching"
                )

        def run(
            some: Sequence[Draft], rows: Sequence[Array], theirs: Sequence[RoundCoins], distinct: bool
        ) -> list[Verdict]:
            trees = _Trees.of(some, backend)
            uniform, final = trees.coins(theirs)
            told = [np.zeros_like(p) if d.laws is None else d.laws for d, p in zip(some, rows, strict=True)]
            p, q = trees.padded(rows), trees.padded(told)
            return trees.verdicts(
                tree_rejection_sampling(
                    *trees.links, uniform, final, p, q, replace=not distinct, backend=backend
                )
            )

        return _apart(drafts, laws, coins, lambda draft: draft.origin == "distinct", run)


@dataclass(frozen=True)
class GreedyVerification:
    """Accept the longest path of the target's likeliest tokens: the rule at temperature 0 for all drafts."""

    def verify(
        self, drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], backend: str
    ) -> list[Verdict]:
        """Return a verdict for each draft; ``laws`` may be logits, coins are not read."""
        trees = _Trees.of(drafts, backend)
        best = np.zeros(trees.links[0].shape, dtype=np.int64)
        for row, law in zip(best, laws, strict=True):
            likeliest = np.argmax(law, axis=-1)
            row[: len(law)] = likeliest
            if not np.all(np.isfinite(law[np.arange(len(law)), likeliest])):
                raise ValueError(
                    "the target's logits after a draft are NaN, plus infinity or all minus infinity"
                )
        return trees.verdicts(verify_tree_greedy(*trees.links, best, backend=backend))


@dataclass(frozen=True)
class MatchedVerification:
    """The rule that suits each draft: chains one by one, drawn trees recursively, chosen ones target-only."""

    def verify(
        self, drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], backend: str
    ) -> list[Verdict]:
        """Return a verdict for each draft; see :class:`Verifier`."""

        def run(
            some: Sequence[Draft], rows: Sequence[Array], theirs: Sequence[RoundCoins], rule: Any
        ) -> list[Verdict]:
            verdicts: list[Verdict] = rule.verify(some, rows, theirs, backend)
            return verdicts

        return _apart(drafts, laws, coins, _matching, run)


def _matching(draft: Draft) -> Any:
    if draft.is_chain:
        return ChainVerification()
    return TargetOnlyVerification() if draft.origin == "chosen" else RecursiveRejection()


def _need_chains(drafts: Sequence[Draft], name: str) -> None:
    if not all(draft.is_chain for draft in drafts):
        raise ValueError(
            f"{name} was given a tree: use TargetOnlyVerification, RecursiveRejection or "
            "MatchedVerification, or draft chains"
        )


def _apart(
    drafts: Sequence[Draft],
    laws: Sequence[Array],
    coins: Sequence[RoundCoins],
    kind: Callable[[Draft], Any],
    run: Callable[[Sequence[Draft], Sequence[Array], Sequence[RoundCoins], Any], list[Verdict]],
) -> list[Verdict]:
    """Verify each kind of draft by a call of its own; verdicts come in the order of the drafts."""
    kinds = [kind(draft) for draft in drafts]
    found: dict[int, Verdict] = {}
    for one in dict.fromkeys(kinds):
        which = [i for i, other in enumerate(kinds) if other == one]
        some = run([drafts[i] for i in which], [laws[i] for i in which], [coins[i] for i in which], one)
        found.update(zip(which, some, strict=True))
    return [found[i] for i in range(len(drafts))]


def _chain(
    backend: str,
) -> Callable[[Sequence[Draft], Sequence[Array], Sequence[RoundCoins], Any], list[Verdict]]:
    def run(
        drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], chosen: bool
    ) -> list[Verdict]:
        told = None if chosen else [draft.laws for draft in drafts]
        return _ragged(ragged_chain_speculative_sampling, told, drafts, laws, coins, backend)

    return run


def _ragged(
    kernel: Callable[..., Any],
    told: Sequence[Any] | None,
    drafts: Sequence[Draft],
    laws: Sequence[Array],
    coins: Sequence[RoundCoins],
    backend: str,
) -> list[Verdict]:
    """Verify chains of different lengths in one call; test i reads variate i + 1, the last token number 0."""
    counts = np.array([draft.nodes - 1 for draft in drafts])
    uniform = [one.verification(count + 1) for one, count in zip(coins, counts, strict=True)]
    q = None
    if told is not None:
        size = laws[0].shape[-1]
        q = np.concatenate(
            [np.zeros((0, size)) if n == 0 else row[:n] for row, n in zip(told, counts, strict=True)]
        )
    found = kernel(
        q,
        np.concatenate([draft.tokens[1:] for draft in drafts]),
        np.concatenate(laws),
        np.cumsum(counts),
        np.concatenate([u[1:] for u in uniform]),
        np.array([u[0] for u in uniform]),
        backend=backend,
    )
    emitted = np.asarray(found.output_emitted_draft_token_num)
    tokens = np.asarray(found.output_token_ids)
    return [Verdict(np.arange(1, n + 1), _known(row[n])) for row, n in zip(tokens, emitted, strict=True)]


def _known(token: Any) -> int:
    if token < 0:
        raise ValueError(
            "the target's law after an accepted draft has no mass: its logits are all minus infinity, or NaN"
        )
    return int(token)


@dataclass(frozen=True, eq=False)
class _Trees:
    """Drafts of a batch as the kernels read trees, smaller ones padded with nodes that no link leads to."""

    drafts: Sequence[Draft]
    links: tuple[Any, Any, Any, Any]

    @classmethod
    def of(cls, drafts: Sequence[Draft], backend: str) -> _Trees:
        most = max(draft.nodes for draft in drafts)
        parents = np.full((len(drafts), most), -1, dtype=np.int64)
        tokens = np.zeros((len(drafts), most), dtype=np.int64)
        for above, row, draft in zip(parents, tokens, drafts, strict=True):
            above[: draft.nodes], row[: draft.nodes] = draft.parents, draft.tokens
        built = build_tree(parents, tokens, np.zeros(len(drafts), dtype=np.int64), backend=backend)
        return cls(drafts, tuple(built[:4]))

    def padded(self, rows: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return rows (B, M, V) of nodes, 0 where there is none."""
        whole = np.zeros((*self.links[0].shape, rows[0].shape[-1]), dtype=np.result_type(*rows))
        for row, given in zip(whole, rows, strict=True):
            row[: len(given)] = given
        return whole

    def coins(self, coins: Sequence[RoundCoins]) -> tuple[Array, Array]:
        """Return one variate per node and one per request, which padding does not change."""
        uniform = np.zeros(self.links[0].shape)
        final = np.zeros(len(coins))
        for b, (one, draft) in enumerate(zip(coins, self.drafts, strict=True)):
            drawn = one.verification(draft.nodes + 1)
            final[b], uniform[b, : draft.nodes] = drawn[0], drawn[1:]
        return uniform, final

    def verdicts(self, found: Any) -> list[Verdict]:
        """Return verdicts from nodes on the accepted paths."""
        most = self.links[0].shape[1]
        verdicts = []
        for b, count in enumerate(np.asarray(found.accept_token_num)):
            nodes = np.asarray(found.accept_index)[b, : count + 1] - b * most
            token = np.asarray(found.predicts)[b * most + nodes[-1]]
            verdicts.append(Verdict(nodes[1:].astype(np.int64), _known(token)))
        return verdicts

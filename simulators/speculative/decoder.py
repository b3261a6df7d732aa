"""Speculative decoding from a language model: draft, verify, keep, round after round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models.language_model import LanguageModel, Observer
from tightbound.simulators.speculative.decoding import Decoding, Outcome, Timings
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.drafter import (
    Drafter,
    Job,
    Session,
    Turn,
    checked_drafter,
    open_session,
)
from tightbound.simulators.speculative.model_session import read_into
from tightbound.simulators.speculative.sampling import RoundCoins, Sampling
from tightbound.simulators.speculative.text_drafter import TextDrafter, Tokens
from tightbound.simulators.speculative.verifiers import (
    GreedyVerification,
    MatchedVerification,
    Verdict,
    Verifier,
)
from tightbound.simulators.speculative.writing import Orders, Writing
from tightbound.theory._validation import Integers

OnTokens = Callable[[int, Tokens, Outcome | None], None]
"""Called as ``on_tokens(prompt number, new tokens, outcome)`` after each round; None until the end."""


@dataclass(frozen=True, eq=False)
class SpeculativeDecoder:
    r"""Write texts that follow the target's law, several tokens per pass of the target.

    A round drafts a chain or a tree after the text, reads the last token of the text and all drafts in one
    pass of the target, keeps what verification accepts and the token after it, and forgets all other rows.
    At temperature 0 the text is that of plain decoding, token for token, whatever the drafter; above 0 it
    has the law of plain decoding.

    Parameters
    ----------
    target : LanguageModel
        The model whose law the text follows.
    drafter : Drafter or TextDrafter
        What proposes tokens; ``NoDraft()`` decodes plainly.
    verifier : Verifier
        Verification at positive temperature. At temperature 0 it is always :class:`GreedyVerification`.
    backend : str
        See :mod:`tightbound.kernels.backends`; "numpy" computes laws in float64.

    Raises
    ------
    TypeError
        For a drafter that cannot draft.

    Examples
    --------
    >>> from tightbound.simulators.language_models.table_model import TableModel
    >>> from tightbound.simulators.speculative import PromptLookup
    >>> model = TableModel([[0.1, 0.9, 0.0], [0.0, 0.1, 0.9], [0.9, 0.1, 0.0], [1.0, 0.0, 0.0]])
    >>> decoder = SpeculativeDecoder(model, PromptLookup(max_draft=3), backend="numpy")
    >>> found = decoder.generate([[0, 1, 2, 0]], 8)
    >>> found.tokens, found.completions[0].log.emitted.tolist()
    ([[1, 2, 0, 1, 2, 0, 1, 2]], [4, 4])
    """

    target: LanguageModel
    drafter: Drafter | TextDrafter
    verifier: Verifier = field(default_factory=MatchedVerification)
    backend: str = "auto"

    def __post_init__(self) -> None:
        checked_drafter("drafter", self.drafter)

    def generate(
        self,
        prompts: Sequence[ArrayLike],
        max_new_tokens: int | Sequence[int],
        *,
        sampling: Sampling | None = None,
        eos: int | Sequence[int] | None = None,
        stop: Sequence[Sequence[int]] = (),
        seed: int = 0,
        requests: Sequence[int] | None = None,
        on_tokens: OnTokens | None = None,
    ) -> Decoding:
        """Continue each prompt.

        Parameters
        ----------
        prompts : sequence of array_like of int
            One per text, each at least one token.
        max_new_tokens : int or sequence of int
            Most tokens to write, at least 1, the same for all or one per prompt.
        sampling : Sampling, optional
            How tokens are drawn, temperature 0 where left out.
        eos : int or sequence of int, optional
            Tokens that end a text; the first of them is its last token.
        stop : sequence of sequences of int
            Sequences that end a text once its output ends with one of them.
        seed : int
            Root of all random numbers, at least 0.
        requests : sequence of int, optional
            Numbers of the texts, 0, 1, ... where left out. A text depends on the seed and on its own number,
            not on the texts beside it.
        on_tokens : callable, optional
            Called after each round with what it wrote, see :data:`OnTokens`.

        Returns
        -------
        Decoding

        Raises
        ------
        ValueError
            For no or empty prompts, numbers out of range, or a drafter that does not fit the target.
        IndexError
            For tokens outside the vocabulary.
        ContextOverflowError
            If a prompt and its continuation do not fit the target's context.
        """
        orders = Orders.of(
            self.target, prompts, max_new_tokens, sampling, eos, stop, seed, requests, self.backend
        )
        return run(orders, [self.drafter], ["drafter"], self.verifier, lambda _: 0, None, on_tokens)


def run(
    orders: Orders,
    drafters: Sequence[Drafter | TextDrafter],
    names: Sequence[str],
    verifier: Verifier,
    choose: Callable[[Writing], int],
    learn: Callable[[Writing, int, int], None] | None,
    on_tokens: OnTokens | None,
    lengths: Sequence[int] | None = None,
) -> Decoding:
    """Decode a batch, each round of each text with the arm that ``choose`` names.

    Parameters
    ----------
    orders : Orders
        What to write.
    drafters : sequence of drafters
        One per arm; arms that share a drafter, as lengths of one do, share its session.
    names : sequence of str
        Names of the arms.
    verifier : Verifier
        Verification at positive temperature.
    choose : callable ``text -> arm``
        Called once per round and text.
    learn : callable ``(text, arm, emitted tokens)``, optional
        Told what the round yielded.
    on_tokens : callable, optional
        See :data:`OnTokens`.
    lengths : sequence of int, optional
        Longest draft of each arm, that of its drafter where left out.
    """
    began = perf_counter()
    job = orders.job
    clock = dict.fromkeys(("draft", "target", "verify"), 0.0)
    opened: dict[int, Session] = {}
    for drafter in drafters:
        if id(drafter) not in opened:
            opened[id(drafter)] = open_session(drafter, job)
    sessions = [opened[id(drafter)] for drafter in drafters]
    caps = [int(drafter.max_draft) for drafter in drafters] if lengths is None else list(lengths)
    cache = job.target.start(len(job.prompts), max(job.capacity, 1))
    watching = [session.observer(cache) for session in opened.values()]
    read_into(job.target, cache, [text[:-1] for text in job.prompts], observe=_together(watching))
    for session in opened.values():
        session.begin(cache)
    prefilled = perf_counter()
    every = [Writing(orders, b) for b in range(len(job.prompts))]
    active = every
    rule: Verifier = GreedyVerification() if job.sampling.greedy else verifier
    while active:
        arms = [choose(one) for one in active]
        coins = [RoundCoins(job.seed, one.request, one.text.size) for one in active]
        texts = [one.text for one in active]
        drafts: list[Draft | None] = [None] * len(active)
        spent = np.zeros(len(active))
        turns: list[tuple[Session, Turn, list[int]]] = []
        for session in opened.values():
            which = [i for i, arm in enumerate(arms) if sessions[arm] is session]
            if not which:
                continue
            limits = np.zeros(len(active), dtype=np.int64)
            for i in which:
                limits[i] = min(caps[arms[i]], active[i].room)
            turn, tick = Turn(texts, limits, coins, cache), perf_counter()
            found = session.draft(turn)
            for i in which:
                drafts[i] = found[i]
            spent[which] = perf_counter() - tick
            clock["draft"] += perf_counter() - tick
            turns.append((session, turn, which))
        ready = [draft for draft in drafts if draft is not None]
        tick = perf_counter()
        logits = verification_pass(job.target, cache, ready)
        passed = perf_counter()
        laws = _laws(logits, job)
        verdicts = rule.verify(ready, laws, coins, job.backend)
        _commit(cache, verdicts)
        for session, turn, which in turns:
            paths: list[Integers | None] = [None] * len(active)
            for i in which:
                paths[i] = verdicts[i].path
            session.verified(turn, paths)
        settled = perf_counter()
        clock["target"] += passed - tick
        clock["verify"] += settled - passed
        for i, one in enumerate(active):
            start, verdict, draft = one.written, verdicts[i], ready[i]
            kept = one.take(verdict.tokens(draft))
            row = (start, arms[i], draft.depth, draft.nodes - 1, verdict.path.size, kept.size)
            one.log.append((*row, spent[i], settled - tick))
            if learn is not None:
                learn(one, arms[i], verdict.path.size + 1)
            if on_tokens is not None:
                on_tokens(one.number, kept, one.outcome)
        alive = np.array([i for i, one in enumerate(active) if one.outcome is None], dtype=np.int64)
        if 0 < alive.size < len(active):
            cache.select(alive)
            for session in opened.values():
                session.select(alive)
        active = [active[i] for i in alive]
    total = perf_counter() - began
    timings = Timings(prefill=prefilled - began, total=total, **clock)
    return Decoding(tuple(one.completion() for one in every), tuple(names), timings)


def verification_pass(target: LanguageModel, cache: Any, drafts: Sequence[Draft]) -> list[NDArray[Any]]:
    """Read all nodes of all drafts in one pass; return the logits (M, V) after the nodes of each."""
    most = max(draft.nodes for draft in drafts)
    tokens = np.zeros((len(drafts), most), dtype=np.int64)
    for row, draft in zip(tokens, drafts, strict=True):
        row[: draft.nodes] = draft.tokens
    if all(draft.nodes == most and draft.is_chain for draft in drafts):
        logits = target.forward(cache, tokens)
    else:
        # rows of smaller drafts are filled up with ones that see themselves only
        mask = np.broadcast_to(np.eye(most, dtype=np.bool_), (len(drafts), most, most)).copy()
        positions = np.repeat(cache.lengths[:, np.newaxis], most, axis=1)
        for b, draft in enumerate(drafts):
            mask[b, : draft.nodes, : draft.nodes] = draft.mask
            positions[b, : draft.nodes] += draft.depths
        logits = target.forward(cache, tokens, mask=mask, positions=positions)
    return [logits[b, : draft.nodes] for b, draft in enumerate(drafts)]


def _laws(logits: list[NDArray[Any]], job: Job) -> list[NDArray[Any]]:
    """Return the laws that tokens are drawn from; at temperature 0 logits, whose order is all that counts."""
    if job.sampling.greedy:
        return logits
    laws = job.sampling.law(np.concatenate(logits), backend=job.backend)
    return np.split(np.asarray(laws), np.cumsum([len(rows) for rows in logits])[:-1])


def _commit(cache: Any, verdicts: Sequence[Verdict]) -> None:
    """Keep the root and the accepted nodes of each draft."""
    counts = np.array([verdict.path.size + 1 for verdict in verdicts])
    rows = np.zeros((counts.size, int(counts.max())), dtype=np.int64)
    for row, verdict in zip(rows, verdicts, strict=True):
        row[1 : verdict.path.size + 1] = verdict.path
    cache.commit(rows, counts)


def _together(observers: Sequence[Observer | None]) -> Observer | None:
    """Return one observer that calls all, or None."""
    wanted = [one for one in observers if one is not None]
    if not wanted:
        return None

    def observe(layer: int, queries: NDArray[Any], hidden: NDArray[Any]) -> None:
        for one in wanted:
            one(layer, queries, hidden)

    return observe

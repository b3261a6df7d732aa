"""LS-3c: the draft that ships for a real model leaves its greedy text as it is; where a round's time goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.papers._real_model import NAME, missing, weights
from tightbound.papers.longspec.checks.lossless import CHAIN, TREES
from tightbound.papers.longspec.checks.tree_attention import PAPER, Arrays
from tightbound.simulators.language_models.llama import Llama
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

PARTS = ("draft", "attention", "rest of the target", "verification", "attention under one mask")
SKIP = missing()
TREE = TREES[1]


@dataclass(frozen=True, eq=False)
class Credulous(Llama):
    """A target that finds the first drafted token likeliest, whatever it is."""

    def forward(self, cache: Any, tokens: ArrayLike, **how: Any) -> NDArray[np.float32]:
        """Return logits; the first of several rows has the token of the second as its largest."""
        found = super().forward(cache, tokens, **how)
        if how.get("read") is None and found.shape[1] > 1:
            given = np.asarray(tokens)
            found[np.arange(len(given)), 0, given[:, 1]] = found[:, 0].max(axis=-1) + 1.0
        return found


@dataclass(frozen=True, eq=False)
class _Pass:
    """What attention of one pass is given, by layer."""

    queries: list[np.ndarray] = field(default_factory=list)

    def observe(self, layer: int, queries: np.ndarray, hidden: np.ndarray) -> None:
        """Keep the queries."""
        if queries.shape[2]:
            self.queries.append(queries)


def _texts(cell: Cell, believes: Callable[[Llama], Llama]) -> Arrays:
    from tightbound.papers.longspec.real_draft import Rereading, prompt, shipped, write
    from tightbound.simulators.language_models import smollm2
    from tightbound.simulators.speculative.drafter import NoDraft
    from tightbound.simulators.speculative.generate import NEAR_TIE, parting
    from tightbound.simulators.speculative.growth import Beam
    from tightbound.simulators.speculative.long_spec import LongSpecDraft

    target, draft = smollm2.load().model, LongSpecDraft(shipped(), Beam(cell["widths"]))
    given, count = prompt(cell["prompt"], cell["number"]), cell["tokens"]
    reading = Rereading.like(target)
    plain = write(reading, NoDraft(), given, count)
    drafted = write(believes(reading), draft, given, count)
    place, margin = parting(target, given, plain.tokens, drafted.tokens)
    tie = margin is not None and margin < NEAR_TIE
    return {
        "value": np.array([float(place is not None and not tie)]),
        "reference": np.zeros(1),
        "ties": np.array([float(tie)]),
        "tokens_per_round": np.array([drafted.decoding.tokens_per_round]),
        "seconds": where_time_goes(cell)[np.newaxis] if believes is _as_it_is else np.zeros((1, len(PARTS))),
    }


def _as_it_is(target: Llama) -> Llama:
    return target


def texts_that_differ(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Texts, 0 or 1 each, that leave that of plain greedy decoding where it is not at a near-tie."""
    return _texts(cell, _as_it_is)


def texts_with_first_draft_unverified(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the first drafted token of a round is always taken."""
    return _texts(cell, Credulous.like)


def where_time_goes(cell: Cell) -> np.ndarray:
    """Return processor time of the parts of one round with the paper's tree, and of attention under one mask.

    The cache holds ``keys`` random rows, on whose values no time depends. Attention is replayed on the
    queries of the pass, once merged from cache and tree and once under a mask of all pairs.
    """
    from tightbound.papers.longspec.checks.attention_speed import eager, hybrid
    from tightbound.papers.longspec.real_draft import prompt, shipped
    from tightbound.simulators.language_models import smollm2
    from tightbound.simulators.speculative.decoder import verification_pass
    from tightbound.simulators.speculative.drafter import Job, Turn
    from tightbound.simulators.speculative.growth import Beam
    from tightbound.simulators.speculative.long_spec import LongSpecDraft
    from tightbound.simulators.speculative.sampling import RoundCoins, Sampling
    from tightbound.simulators.speculative.verifiers import GreedyVerification

    target, keys = smollm2.load().model, cell["keys"]
    sizes = target.config
    text = np.resize(prompt(cell["prompt"], cell["number"]), keys + 1)
    job = Job(target, [text], [0], Sampling(), keys + 8)
    cache = target.start(1, job.capacity)
    some = np.random.default_rng(0).standard_normal((2, sizes.layers, 1, 64, sizes.kv_heads, sizes.head_size))
    cache.append(*np.tile(some, (1, 1, 1, keys // 64, 1, 1)))
    session = LongSpecDraft(shipped(), Beam(TREE)).open(job)
    coins = [RoundCoins(0, 0, text.size)]
    turn = Turn([text], np.array([len(TREE)]), coins, cache)
    session.draft(turn)  # fills the ring
    tick = time.process_time()
    drafts = session.draft(turn)
    drafted = time.process_time()
    logits = verification_pass(target, cache, drafts)
    passed = time.process_time()
    GreedyVerification().verify(drafts, logits, coins, job.backend)
    verified = time.process_time()
    cache.discard()
    seen, (draft,) = _Pass(), drafts
    target.forward(
        cache,
        draft.tokens[np.newaxis],
        mask=draft.mask[np.newaxis],
        positions=keys + draft.depths[np.newaxis],
        observe=seen.observe,
    )
    merged = whole = 0.0
    for layer, queries in enumerate(seen.queries):
        k, v = (np.ascontiguousarray(rows[:, :keys]) for rows in cache.rows(layer))
        k_tree, v_tree = (
            np.ascontiguousarray(rows[:, keys : keys + draft.nodes]) for rows in cache.rows(layer)
        )
        given = (queries, k, v, None, k_tree, v_tree, draft.mask[np.newaxis])
        begin = time.process_time()
        hybrid(*given)
        middle = time.process_time()
        eager(*given)
        merged, whole = merged + middle - begin, whole + time.process_time() - middle
    pass_seconds = passed - drafted
    return np.array(
        [drafted - tick, merged, max(pass_seconds - merged, 0.0), verified - passed, whole], dtype=float
    )


REAL = (
    f"{NAME} and a draft that was trained for minutes on documentation and on what the target writes, in "
    "place of models of 7 to 33 billion weights and drafts that were trained on billions of tokens"
)
LS_3C = Claim(
    id="LS-3c",
    paper=PAPER,
    title="A real model with its shipped LongSpec draft writes its own greedy text, token for token",
    statement=r"tokens equal up to the first place where the two logits are within 10^{-5}",
    source="arXiv 2502.17421, Section 3.3; in float32, where passes of different shapes round differently",
    provenance="text",
    statistic=Equality(),
    grid=Grid(
        quick=cells(prompt=[64], number=[2], tokens=[12], widths=[CHAIN], keys=[2048], weights=[weights()]),
        standard=cells(
            prompt=[512],
            number=[1, 2, 3],
            tokens=[48],
            widths=[CHAIN, TREE],
            keys=[4096],
            weights=[weights()],
        ),
    ),
    measure=texts_that_differ,
    control=NegativeControl(
        measure=texts_with_first_draft_unverified,
        because="a drafted token that nobody compares with the target's is often another one",
    ),
    substitutes=REAL,
    seconds={"quick": 5.5, "standard": 130.0},
    skip=SKIP,
    expected="skipped" if SKIP else "pass",
)

SHIPPED_DRAFT = (LS_3C,)

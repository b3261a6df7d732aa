"""CORE-4, CORE-5: block verification is lossless and accepts at least as much as chain verification."""

from __future__ import annotations

import numpy as np

from tightbound.papers.speculative_core.checks._instances import PAPER, TABLES, Arrays, over_pairs, texts
from tightbound.papers.speculative_core.checks.chain import SIZES
from tightbound.theory.speculative.acceptance import expected_tokens_in_context
from tightbound.theory.speculative.biased_rules import block_law_to_first_failure
from tightbound.theory.speculative.block import block_law, expected_tokens_of_blocks
from tightbound.theory.speculative.tables import PrefixTables
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Law, Order


def block_text(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Law of the text when a round of block verification begins it."""
    return texts(cell, rng, block_law)


def block_text_to_first_failure(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the first coin that fails ends the round."""
    return texts(cell, rng, block_law_to_first_failure)


CORE_4 = Claim(
    id="CORE-4",
    paper=PAPER,
    title="Block verification leaves the law of the text unchanged",
    statement="one round of block verification followed by plain decoding has the law of plain decoding",
    source="Sun et al. 2025, lossless block verification (theorem number not known); proved in block_law",
    provenance="derived",
    statistic=Law(method="exact", atol=1e-12),
    grid=SIZES,
    measure=block_text,
    control=NegativeControl(
        measure=block_text_to_first_failure,
        because="the coins are made for the last success; stopping at the first failure rejects too often "
        "and replaces by the wrong law",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.3, "standard": 2.0},
)


def tokens_of_blocks(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Tokens per round of block verification by enumeration, beside the closed form."""
    found, reference = over_pairs(
        cell, rng, lambda p, q: block_law(p, q).expected_tokens, expected_tokens_of_blocks
    )
    return {"value": found[:, 0], "reference": reference[:, 0]}


def tokens_of_chains(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the closed form of chain verification instead, against enumerated blocks."""
    found, reference = over_pairs(
        cell, rng, lambda p, q: block_law(p, q).expected_tokens, expected_tokens_in_context
    )
    return {"value": found[:, 0], "reference": reference[:, 0]}


CORE_5A = Claim(
    id="CORE-5a",
    paper=PAPER,
    title="Tokens per round of block verification in closed form",
    statement=r"E[tokens] = 1 + \sum_i E_q[P_i], P_i = \min(1, P_{i-1} p_i(x_i)/q_i(x_i))",
    source="Sun et al. 2025; proved in block_law, step 1",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=SIZES,
    measure=tokens_of_blocks,
    control=NegativeControl(
        measure=tokens_of_chains,
        because="the product of min(1, p/q) forgets that a good token makes up for a bad one before it",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.2, "standard": 2.0},
)


def _divergence(target: PrefixTables, draft: PrefixTables) -> float:
    """Mean total variation per position along texts of the target."""
    mean = [
        0.5 * float((target.joint(i) * np.abs(p - q).sum(axis=-1)).sum())
        for i, (p, q) in enumerate(zip(target.rows, draft.rows, strict=False))
    ]
    return float(np.mean(mean))


def block_against_chain(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Tokens per round of both rules, and how far the drafter is from the target."""
    block, chain, apart = over_pairs(
        cell, rng, expected_tokens_of_blocks, expected_tokens_in_context, _divergence
    )
    return {"value": block[:, 0], "bound": chain[:, 0], "divergence": apart[:, 0]}


def first_failure_against_chain(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for block verification that stops at the first failure."""
    block, chain, apart = over_pairs(
        cell,
        rng,
        lambda p, q: block_law_to_first_failure(p, q).expected_tokens,
        expected_tokens_in_context,
        _divergence,
    )
    return {"value": block[:, 0], "bound": chain[:, 0], "divergence": apart[:, 0]}


DISTANCES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0)


def _apart(gammas: list[int], instances: int) -> tuple[Cell, ...]:
    return cells(vocabulary=[4], gamma=gammas, keep=[1.0], distance=DISTANCES, instances=[instances])


CORE_5B = Claim(
    id="CORE-5b",
    paper=PAPER,
    title="Block verification never yields fewer tokens than chain verification",
    statement=r"E_q[\sum_i P_i] >= E_q[\sum_i \prod_{j \le i} \min(1, p_j/q_j)] on every instance",
    source="Sun et al. 2025; proved in expected_tokens_of_blocks",
    provenance="derived",
    statistic=BoundHolds(method="exact", side="lower", slack=1e-12),
    grid=Grid(quick=_apart([2, 3], 20), standard=_apart([2, 3, 4], 100), full=_apart([2, 3, 4, 5], 200)),
    measure=block_against_chain,
    control=NegativeControl(
        measure=first_failure_against_chain,
        because="stopping at the first coin that fails gives away what block verification gains, and more",
    ),
    substitutes=TABLES,
    seconds={"quick": 1.0, "standard": 10.0},
)


def strictly_more(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Tokens per round of both rules, by enumeration of the closed forms."""
    block, chain = over_pairs(cell, rng, expected_tokens_of_blocks, expected_tokens_in_context)
    return {"greater": block[:, 0], "smaller": chain[:, 0]}


CORE_5C = Claim(
    id="CORE-5c",
    paper=PAPER,
    title="From two drafts on block verification yields more, as soon as ratios lie on both sides of one",
    statement="E[tokens of block] > E[tokens of chain] if on some path a ratio below 1 precedes one above 1",
    source="derived; proved in expected_tokens_of_blocks",
    provenance="derived",
    statistic=Order(method="exact", margin=1e-12),
    grid=Grid(
        quick=cells(vocabulary=[2, 3, 5], gamma=[2, 3], keep=[1.0], instances=[20]),
        standard=cells(vocabulary=[2, 3, 5], gamma=[2, 3, 4], keep=[1.0], instances=[200]),
    ),
    measure=strictly_more,
    control=NegativeControl(
        grid=Grid(quick=cells(vocabulary=[2, 3, 5], gamma=[1], keep=[1.0], instances=[20])),
        because="with one draft there is no later token, and both rules accept equally often",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.2, "standard": 3.0},
)

BLOCK = (CORE_4, CORE_5A, CORE_5B, CORE_5C)

"""CORE-1, CORE-2, CORE-3: chain verification, how often it accepts, and how many tokens a round yields."""

from __future__ import annotations

import numpy as np

from tightbound.papers.speculative_core.checks._instances import (
    PAPER,
    TABLES,
    Arrays,
    over_pairs,
    random_laws,
    random_pair,
    texts,
)
from tightbound.simulators.speculative.rounds import simulate_chain
from tightbound.theory.speculative.acceptance import (
    acceptance_probability,
    expected_tokens,
    expected_tokens_in_context,
)
from tightbound.theory.speculative.biased_rules import chain_law_replacing_from_target
from tightbound.theory.speculative.chain import chain_law
from tightbound.theory.speculative.tables import PrefixTables, total_variation
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality, Law

SIZES = Grid(
    quick=cells(vocabulary=[2, 3, 5], gamma=[1, 2, 3], keep=[1.0, 0.6], instances=[3]),
    standard=cells(vocabulary=[2, 3, 4, 5], gamma=[1, 2, 3, 4], keep=[1.0, 0.6], instances=[20]),
    full=cells(vocabulary=[2, 3, 4, 5], gamma=[1, 2, 3, 4, 5], keep=[1.0, 0.8, 0.6], instances=[100]),
)


def chain_text(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Law of the text when a round of chain verification begins it."""
    return texts(cell, rng, chain_law)


def chain_text_with_wrong_replacement(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where a rejected token is drawn anew from the target."""
    return texts(cell, rng, chain_law_replacing_from_target)


CORE_1 = Claim(
    id="CORE-1",
    paper=PAPER,
    title="Chain verification leaves the law of the text unchanged",
    statement="one round followed by plain decoding has the law of plain decoding, for every pair of laws",
    source="Leviathan et al. 2023, Appendix A.1; Chen et al. 2023, Theorem 1; proved in chain_law",
    provenance="derived",
    statistic=Law(method="exact", atol=1e-12),
    grid=SIZES,
    measure=chain_text,
    control=NegativeControl(
        measure=chain_text_with_wrong_replacement,
        because="a rejected token drawn from p instead of (p - q)+ counts likely tokens twice",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.4, "standard": 1.5},
)


def acceptance(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Probability that one draft is accepted, summed over drafts, beside 1 - TV."""
    found, reference = over_pairs(
        cell,
        rng,
        lambda target, draft: chain_law(target, draft).accepted[-1],
        lambda target, draft: 1.0 - total_variation(target.rows[0], draft.rows[0]),
    )
    return {"value": found[:, 0], "reference": reference[:, 0]}


def acceptance_with_the_larger(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sum of max(p, q) in place of the acceptance."""
    found, reference = over_pairs(
        cell,
        rng,
        lambda target, draft: np.maximum(target.rows[0], draft.rows[0]).sum(),
        lambda target, draft: 1.0 - total_variation(target.rows[0], draft.rows[0]),
    )
    return {"value": found[:, 0], "reference": reference[:, 0]}


CORE_2 = Claim(
    id="CORE-2",
    paper=PAPER,
    title="A draft is accepted with probability one minus the total variation of the two laws",
    statement=r"\beta = \sum_x q(x) \min(1, p(x)/q(x)) = 1 - TV(p, q)",
    source="Leviathan et al. 2023, Section 3.2; proved in acceptance_probability",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=cells(vocabulary=[2, 3, 5, 20], gamma=[1], keep=[1.0, 0.5], instances=[20]),
        standard=cells(vocabulary=[2, 3, 5, 20, 100], gamma=[1], keep=[1.0, 0.5, 0.1], instances=[200]),
    ),
    measure=acceptance,
    control=NegativeControl(
        measure=acceptance_with_the_larger, because="the sum of max(p, q) is one plus the total variation"
    ),
    substitutes=TABLES,
    seconds={"quick": 0.4, "standard": 4.0},
)


def _independent(cell: Cell, rng: np.random.Generator) -> list[tuple[PrefixTables, PrefixTables]]:
    size, gamma, pairs = cell["vocabulary"], cell["gamma"], []
    for _ in range(cell["instances"]):
        p, q = random_laws(rng, (2, size), cell["keep"])
        pairs.append((PrefixTables.independent(p, gamma + 1), PrefixTables.independent(q, gamma)))
    return pairs


def independent_tokens(cell: Cell, rng: np.random.Generator, bonus: float = 1.0) -> Arrays:
    """Tokens per round by enumeration where the laws do not depend on the prefix, beside the closed form."""
    pairs = _independent(cell, rng)
    alphas = [acceptance_probability(p.rows[0], q.rows[0]) for p, q in pairs]
    return {
        "value": np.array([chain_law(p, q).expected_tokens for p, q in pairs]) - 1.0 + bonus,
        "reference": expected_tokens(np.array(alphas), cell["gamma"]),
    }


def independent_tokens_without_bonus(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the accepted drafts alone."""
    return independent_tokens(cell, rng, bonus=0.0)


CORE_3A = Claim(
    id="CORE-3a",
    paper=PAPER,
    title="Independent drafts yield a truncated geometric number of tokens",
    statement=r"E[tokens per round] = (1 - \alpha^{\gamma+1}) / (1 - \alpha)",
    source="Leviathan et al. 2023, equation (1); proved in expected_tokens",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=SIZES,
    measure=independent_tokens,
    control=NegativeControl(
        measure=independent_tokens_without_bonus,
        because="every round emits one token more than it accepts drafts",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.3, "standard": 1.5},
)


def tokens_in_context(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Tokens per round by enumeration where the laws depend on the prefix, beside the sum over paths."""
    found, reference = over_pairs(
        cell, rng, lambda p, q: chain_law(p, q).expected_tokens, expected_tokens_in_context
    )
    return {"value": found[:, 0], "reference": reference[:, 0]}


def _product_over_drafts(target: PrefixTables, draft: PrefixTables) -> float:
    r"""Return :math:`1 + \sum_i E_q \prod_{j \le i} \beta(x_{<j})`: prefixes as drafted, accepted or not."""
    total, chance = 1.0, np.ones(())
    for p, q in zip(target.rows, draft.rows, strict=False):
        chance = chance * np.minimum(p, q).sum(axis=-1)
        total += float(chance.sum())
        chance = chance[..., np.newaxis] * q
    return total


def tokens_over_drafted_prefixes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the mean product of acceptances along drafts in place of the sum over accepted paths."""
    found, reference = over_pairs(cell, rng, _product_over_drafts, expected_tokens_in_context)
    return {"value": found[:, 0], "reference": reference[:, 0]}


CORE_3B = Claim(
    id="CORE-3b",
    paper=PAPER,
    title="Where acceptance depends on the prefix, tokens per round sum min(p, q) over paths",
    statement=r"E[tokens] = 1 + \sum_i \sum_{x_1 \dots x_i} \prod_{j \le i} \min(p, q)(x_j | x_{<j})",
    source="derived; proved in expected_tokens_in_context",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=SIZES,
    measure=tokens_in_context,
    control=NegativeControl(
        measure=tokens_over_drafted_prefixes,
        because="an accepted prefix is not distributed as a drafted one, so the mean of the product of "
        "acceptances over drafts is another number from two drafts on",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.2, "standard": 1.5},
)


def simulated_tokens(cell: Cell, rng: np.random.Generator, bonus: int = 1) -> Arrays:
    """Tokens of simulated rounds, beside the exact mean of the same pair of tables."""
    target, draft = random_pair(cell, np.random.default_rng(cell["tables"]))
    accepted = simulate_chain(target, draft, cell["rounds"], rng=rng)
    mean = expected_tokens_in_context(target, draft)
    return {"value": (accepted + bonus).astype(float), "reference": np.full((1, 1), mean)}


def simulated_tokens_without_bonus(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the accepted drafts of the same rounds alone."""
    return simulated_tokens(cell, rng, bonus=0)


def _rounds(count: int, tables: range) -> tuple[Cell, ...]:
    return cells(vocabulary=[4], gamma=[3], keep=[1.0], tables=tables, rounds=[count])


CORE_3C = Claim(
    id="CORE-3c",
    paper=PAPER,
    title="Simulated rounds yield the exact mean number of tokens",
    statement="the mean of simulated rounds is within 1 % of the enumerated mean",
    source="derived",
    provenance="derived",
    statistic=Equality(method="t", rtol=0.01),
    grid=Grid(
        quick=_rounds(300_000, range(3)),
        standard=_rounds(1_000_000, range(10)),
        full=_rounds(4_000_000, range(20)),
    ),
    measure=simulated_tokens,
    control=NegativeControl(
        measure=simulated_tokens_without_bonus,
        grid=Grid(quick=_rounds(50_000, range(3))),
        because="every round emits one token more than it accepts drafts",
    ),
    substitutes=TABLES,
    seconds={"quick": 2.5, "standard": 30.0},
)

CHAIN = (CORE_1, CORE_2, CORE_3A, CORE_3B, CORE_3C)

"""CORE-10 and CORE-N: drafts that are not random, and rules that treat them as if they were."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from tightbound.papers.speculative_core.checks._instances import PAPER, TABLES, Arrays, over_pairs, texts
from tightbound.papers.speculative_core.checks.chain import SIZES
from tightbound.theory.speculative.biased_rules import (
    chain_law_at_wrong_temperature,
    greedy_draft_as_if_sampled,
)
from tightbound.theory.speculative.chain import chain_law, replace_from_target
from tightbound.theory.speculative.greedy import (
    first_likeliest,
    greedy_draft_law,
    greedy_text,
    last_likeliest,
    speculative_greedy_text,
)
from tightbound.theory.speculative.round_law import RoundLaw
from tightbound.theory.speculative.tables import PrefixTables, total_variation
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality, Law, Order

Choice = Callable[[np.ndarray], int]
Rule = Callable[[PrefixTables, PrefixTables], RoundLaw]


def _with_ties(rng: np.random.Generator, size: int, length: int) -> PrefixTables:
    """Return tables whose rows have few different values, so that the largest is often not unique."""
    rows = [2.0 ** rng.integers(3, size=(size,) * (i + 1)) for i in range(length)]
    return PrefixTables([row / row.sum(axis=-1, keepdims=True) for row in rows])


def texts_at_temperature_zero(
    cell: Cell, rng: np.random.Generator, choose: Choice = first_likeliest
) -> Arrays:
    """Text of speculative decoding beside that of plain decoding, both at temperature 0."""
    size, tokens, found, plain = cell["vocabulary"], cell["tokens"], [], []
    for _ in range(cell["instances"]):
        target, draft = _with_ties(rng, size, tokens), _with_ties(rng, size, tokens)
        found.append(speculative_greedy_text(target, draft, tokens, cell["gamma"], choose=choose))
        plain.append(greedy_text(target, tokens))
    return {"value": np.array(found, dtype=float), "reference": np.array(plain, dtype=float)}


def texts_with_other_ties(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where verification takes the last of equal tokens."""
    return texts_at_temperature_zero(cell, rng, choose=last_likeliest)


CORE_10A = Claim(
    id="CORE-10a",
    paper=PAPER,
    title="At temperature 0 speculative decoding writes the text of plain decoding, token for token",
    statement="longest matching prefix plus the target's choice, round after round, is argmax decoding",
    source="derived; proved in speculative_greedy_text",
    provenance="derived",
    statistic=Equality(),
    grid=Grid(
        quick=cells(vocabulary=[2, 4], gamma=[0, 1, 3, 9], tokens=[6], instances=[10]),
        standard=cells(vocabulary=[2, 4], gamma=[0, 1, 2, 3, 9], tokens=[8], instances=[50]),
    ),
    measure=texts_at_temperature_zero,
    control=NegativeControl(
        measure=texts_with_other_ties,
        because="ties broken in another order lead to another text",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.3, "standard": 10.0},
)


def greedy_draft_text(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Law of the text when greedy drafts are accepted with probability p(x)."""
    return texts(cell, rng, greedy_draft_law)


def greedy_draft_text_of_public_code(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with min(1, p/q), and p itself after a rejection."""
    return texts(cell, rng, partial(greedy_draft_as_if_sampled, correction=replace_from_target))


CORE_10B = Claim(
    id="CORE-10b",
    paper=PAPER,
    title="A draft that is not random is accepted with p(x) and replaced from p without x",
    statement="chain verification against the point mass at the draft is lossless at every temperature",
    source="derived; proved in greedy_draft_law",
    provenance="derived",
    statistic=Law(method="exact", atol=1e-12),
    grid=SIZES,
    measure=greedy_draft_text,
    control=NegativeControl(
        measure=greedy_draft_text_of_public_code,
        because="the drafter's law says nothing about a token that was not drawn from it",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.2, "standard": 3.0},
)

BIASED = Grid(
    quick=cells(vocabulary=[2, 3, 5], gamma=[1, 2, 3], keep=[1.0], instances=[10]),
    standard=cells(vocabulary=[2, 3, 4, 5], gamma=[1, 2, 3, 4], keep=[1.0], instances=[50]),
)
ABOVE_ROUNDING = 1e-9


def _distance(cell: Cell, rng: np.random.Generator, law: Rule) -> Arrays:
    (found,) = over_pairs(
        cell,
        rng,
        lambda target, draft: total_variation(
            law(target, draft).text(target),
            target.joint(draft.length + 1),
        ),
    )
    return {"greater": found[:, 0], "smaller": np.zeros(len(found))}


def bias_of_greedy_as_if_sampled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Distance of the text from plain decoding: greedy draft, min(1, p/q), residual."""
    return _distance(cell, rng, greedy_draft_as_if_sampled)


def bias_of_public_chain(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Distance of the text from plain decoding: greedy draft, min(1, p/q), replaced from p."""
    return _distance(cell, rng, partial(greedy_draft_as_if_sampled, correction=replace_from_target))


def bias_of_wrong_temperature(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Distance of the text from plain decoding: drafts at temperature 1/2, verified with q."""
    return _distance(cell, rng, partial(chain_law_at_wrong_temperature, temperature=0.5))


def bias_of_the_right_rule(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Distance of the text from plain decoding: greedy draft, accepted with p(x)."""
    return _distance(cell, rng, greedy_draft_law)


def bias_of_chain(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Distance of the text from plain decoding: drafts from q, verified with q."""
    return _distance(cell, rng, chain_law)


CORE_N2 = Claim(
    id="CORE-N2",
    paper=PAPER,
    title="A greedy draft accepted as if it had been sampled changes the text",
    statement="x = argmax q, accepted with min(1, p/q), replaced from (p - q)+: TV to plain decoding > 0",
    source="derived",
    provenance="derived",
    statistic=Order(method="exact", margin=ABOVE_ROUNDING),
    grid=BIASED,
    measure=bias_of_greedy_as_if_sampled,
    control=NegativeControl(
        measure=bias_of_the_right_rule, because="accepted with p(x), the same draft leaves the text unchanged"
    ),
    substitutes=TABLES,
    seconds={"quick": 0.3, "standard": 4.0},
)

CORE_N3 = Claim(
    id="CORE-N3",
    paper=PAPER,
    title="A greedy draft accepted as if sampled and replaced from the target changes the text",
    statement="x = argmax q, accepted with min(1, p/q), replaced from p: TV to plain decoding > 0",
    source="chain mode of the public LongSpec code at positive temperature, commit 15e4998",
    provenance="derived",
    statistic=Order(method="exact", margin=ABOVE_ROUNDING),
    grid=BIASED,
    measure=bias_of_public_chain,
    control=NegativeControl(
        measure=bias_of_the_right_rule, because="accepted with p(x), the same draft leaves the text unchanged"
    ),
    substitutes=TABLES,
    seconds={"quick": 0.3, "standard": 4.0},
)

CORE_N4 = Claim(
    id="CORE-N4",
    paper=PAPER,
    title="Verified with another law than drafts were drawn from, the text changes",
    statement="drafts from q at temperature 1/2, verified with q at temperature 1: TV to plain decoding > 0",
    source="derived",
    provenance="derived",
    statistic=Order(method="exact", margin=ABOVE_ROUNDING),
    grid=BIASED,
    measure=bias_of_wrong_temperature,
    control=NegativeControl(
        measure=bias_of_chain, because="verified with the law they were drawn from, drafts do no harm"
    ),
    substitutes=TABLES,
    seconds={"quick": 0.4, "standard": 4.0},
)

GREEDY = (CORE_10A, CORE_10B, CORE_N2, CORE_N3, CORE_N4)

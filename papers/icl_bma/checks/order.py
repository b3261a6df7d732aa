"""ICL-8h, ICL-8i: what networks without positions cannot do at any depth."""

from __future__ import annotations

import numpy as np

from tightbound.papers.icl_bma.checks._depth import PAPER, WRITTEN, Arrays, zero
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality


def _laws(cell: Cell, rng: np.random.Generator, ordered: bool) -> list[float]:
    """Return the information in the order of random tasks, bigram or independent."""
    from tightbound.theory.in_context import exchangeability as ex

    tasks, tokens, length = cell["tasks"], cell["tokens"], cell["prompt"] + 1
    found = []
    for _ in range(cell["instances"]):
        prior = rng.dirichlet(np.full(tasks, 2.0))
        first = rng.dirichlet(np.ones(tokens), size=tasks)
        steps = rng.dirichlet(np.ones(tokens), size=(tasks, tokens))
        law = (
            ex.bigram_law(prior, first, steps, length)
            if ordered
            else ex.independent_law(prior, first, length)
        )
        found.append(ex.order_information(law))
    return found


def independent_tokens(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Information that the order of the prompt has about the next token, for independent tokens."""
    return {"value": np.array(_laws(cell, rng, False))}


def bigram_tokens(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for tokens that form a Markov chain given the task."""
    return {"value": np.array(_laws(cell, rng, True))}


def seen(cell: Cell) -> float:
    """Return the error in nats from which on the failure is called visible."""
    return 1e-2


ORDERS = Grid(
    quick=cells(tasks=[3], tokens=[3], prompt=[1, 3, 6], instances=[10]),
    standard=cells(tasks=[2, 5], tokens=[2, 3, 4], prompt=[2, 4, 7], instances=[20]),
)
LONG = Grid(
    quick=cells(tasks=[3], tokens=[3], prompt=[3, 6], instances=[10]),
    standard=cells(tasks=[2, 5], tokens=[3, 4], prompt=[3, 5, 7], instances=[20]),
)
SCOPE = "Assumption F.3 limits Proposition F.4 to permutation-invariant targets; the error is derived"

ICL_8H = Claim(
    id="ICL-8h",
    paper=PAPER,
    title="Where tokens are independent given the task, pooling over the prompt loses nothing",
    statement=r"min over permutation-invariant q of E KL(P(x|S) || q(x|S)) = I(x; S | multiset(S)) = 0",
    source=SCOPE,
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=ORDERS,
    measure=independent_tokens,
    bound=zero,
    control=NegativeControl(
        measure=bigram_tokens, because="in a bigram task the last token tells more than its presence does"
    ),
    substitutes=WRITTEN,
    seconds={"quick": 0.1, "standard": 1.0},
)

ICL_8I = Claim(
    id="ICL-8i",
    paper=PAPER,
    title="For bigram tasks every permutation-invariant predictor errs by more than 0.01 nats, at any depth",
    statement=r"I(x_{t+1}; S_t | multiset(S_t)) >= 0.01 for random bigram tasks",
    source=SCOPE,
    provenance="derived",
    statistic=BoundHolds(method="exact", side="lower"),
    grid=LONG,
    measure=bigram_tokens,
    bound=seen,
    trivial=zero,
    control=NegativeControl(
        measure=independent_tokens,
        because="for independent tokens the multiset tells all that the prompt does",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 0.1, "standard": 1.0},
)

ORDER = (ICL_8H, ICL_8I)

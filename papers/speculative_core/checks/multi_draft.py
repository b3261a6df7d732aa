"""CORE-6, CORE-8: rules for several candidates, that they are lossless and how near the optimum they come."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from tightbound.papers.speculative_core.checks._instances import PAPER, TABLES, Arrays, random_laws
from tightbound.theory.speculative.chain import replace_from_target
from tightbound.theory.speculative.k_seq import k_seq, k_seq_acceptance, k_seq_scale
from tightbound.theory.speculative.multi_draft import (
    NodeLaw,
    recursive_rejection,
    recursive_rejection_acceptance,
    top_tokens,
)
from tightbound.theory.speculative.optimal_transport import optimal_multidraft_acceptance
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Law

NODES = Grid(
    quick=cells(vocabulary=[2, 3, 5], candidates=[1, 2, 3], keep=[1.0, 0.6], instances=[5]),
    standard=cells(vocabulary=[2, 3, 5, 6], candidates=[1, 2, 3, 4], keep=[1.0, 0.6], instances=[50]),
    full=cells(vocabulary=[2, 3, 5, 7], candidates=[1, 2, 3, 4, 5], keep=[1.0, 0.6], instances=[200]),
)


def _tokens(cell: Cell, rng: np.random.Generator, rule: Callable[..., NodeLaw]) -> Arrays:
    """Law of the emitted token beside the target's, one row per instance."""
    found, target = [], []
    for _ in range(cell["instances"]):
        p, q = random_laws(rng, (2, cell["vocabulary"]), cell["keep"])
        found.append(rule(p, q, cell["candidates"]).token)
        target.append(p)
    return {"value": np.array(found), "reference": np.array(target)}


def token_with_replacement(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Law of the token under recursive rejection of independent candidates."""
    return _tokens(cell, rng, recursive_rejection)


def token_with_replacement_not_updated(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where every candidate is tried against p itself."""
    return _tokens(cell, rng, partial(recursive_rejection, correction=replace_from_target))


def token_without_replacement(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Law of the token under recursive rejection of candidates drawn without replacement."""
    return _tokens(cell, rng, partial(recursive_rejection, replacement=False))


def token_without_replacement_not_updated(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where every candidate is tried against p itself."""
    return _tokens(cell, rng, partial(recursive_rejection, replacement=False, correction=replace_from_target))


NOT_UPDATED = "a candidate tried against p instead of the residual counts likely tokens twice"

CORE_6A = Claim(
    id="CORE-6a",
    paper=PAPER,
    title="Recursive rejection of independent candidates is lossless",
    statement="the emitted token has law p for every p, q and k",
    source="Miao et al. 2024 (SpecInfer), multi-step speculative sampling; proved in recursive_rejection",
    provenance="derived",
    statistic=Law(method="exact", atol=1e-12),
    grid=NODES,
    measure=token_with_replacement,
    control=NegativeControl(measure=token_with_replacement_not_updated, because=NOT_UPDATED),
    substitutes=TABLES,
    seconds={"quick": 0.2, "standard": 3.0},
)

CORE_6B = Claim(
    id="CORE-6b",
    paper=PAPER,
    title="Recursive rejection of candidates drawn without replacement is lossless",
    statement="the emitted token has law p for every p, q and k",
    source="derived; proved in recursive_rejection",
    provenance="derived",
    statistic=Law(method="exact", atol=1e-12),
    grid=NODES,
    measure=token_without_replacement,
    control=NegativeControl(measure=token_without_replacement_not_updated, because=NOT_UPDATED),
    substitutes=TABLES,
    seconds={"quick": 0.2, "standard": 3.0},
)


def acceptance_by_enumeration(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Enumerate the acceptance of recursive rejection, beside the product over rounds."""
    k = cell["candidates"]
    pairs = random_laws(rng, (cell["instances"], 2, cell["vocabulary"]), cell["keep"])
    return {
        "value": np.array([recursive_rejection(p, q, k).acceptance for p, q in pairs]),
        "reference": recursive_rejection_acceptance(pairs[:, 0], pairs[:, 1], k),
    }


def acceptance_of_equal_rounds(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the product with the first round's acceptance in every round."""
    k = cell["candidates"]
    pairs = random_laws(rng, (cell["instances"], 2, cell["vocabulary"]), cell["keep"])
    beta = np.minimum(pairs[:, 0], pairs[:, 1]).sum(axis=-1)
    return {
        "value": np.array([recursive_rejection(p, q, k).acceptance for p, q in pairs]),
        "reference": 1.0 - (1.0 - beta) ** k,
    }


CORE_6C = Claim(
    id="CORE-6c",
    paper=PAPER,
    title="Acceptance of recursive rejection is one minus the product of the rounds' rejections",
    statement=r"acceptance = 1 - \prod_j (1 - \sum_x \min(p^{(j)}, q))",
    source="derived; proved in recursive_rejection_acceptance",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=NODES,
    measure=acceptance_by_enumeration,
    control=NegativeControl(
        measure=acceptance_of_equal_rounds,
        because="after a rejection the residual overlaps less with q than p did",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.2, "standard": 3.0},
)


def _many(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return targets and drafters, each of shape (instances, V), ``distance`` apart."""
    shape = (cell["instances"], cell["vocabulary"])
    target, noise = random_laws(rng, shape, 1.0), random_laws(rng, shape, 1.0)
    draft = (1.0 - cell["distance"]) * target + cell["distance"] * noise
    return target, draft / draft.sum(axis=-1, keepdims=True)


def acceptance_of_rules(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Compute the acceptance of recursive rejection and of K-SEQ for k = 2, ..., beside the optimum."""
    target, draft = _many(cell, rng)
    ks = range(1, cell["most"] + 1)
    rrs = np.stack([recursive_rejection_acceptance(target, draft, k) for k in ks], axis=1)
    k_seqs = np.stack([k_seq_acceptance(target, draft, k) for k in ks], axis=1)
    best = np.stack([optimal_multidraft_acceptance(target, draft, k) for k in ks], axis=1)
    likeliest = np.take_along_axis(target, top_tokens(draft, cell["most"]), axis=-1)
    # one candidate is accepted equally often under every rule, so the comparison begins at two
    return {
        "value": np.concatenate((rrs[:, 1:], k_seqs[:, 1:]), axis=1),
        "bound": np.concatenate((best[:, 1:], best[:, 1:]), axis=1),
        "recursive": rrs,
        "k_seq": k_seqs,
        "optimum": best,
        "top_tokens": np.cumsum(likeliest, axis=1),
    }


def acceptance_without_replacement(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Compute the acceptance without replacement, beside the optimum for independent candidates."""
    target, draft = _many(cell, rng)
    target, draft = target[: cell["enumerated"]], draft[: cell["enumerated"]]
    ks = range(1, cell["most"] + 1)
    found = [
        [recursive_rejection(p, q, k, replacement=False).acceptance for k in ks]
        for p, q in zip(target, draft, strict=True)
    ]
    best = np.stack([optimal_multidraft_acceptance(target, draft, k) for k in ks], axis=1)
    acceptance = np.array(found)
    return {"value": acceptance[:, 1:], "bound": best[:, 1:], "acceptance": acceptance}


MANY = Grid(
    quick=cells(vocabulary=[5], distance=[0.5, 1.0], most=[5], instances=[2000], enumerated=[100]),
    standard=cells(
        vocabulary=[5, 6], distance=[0.25, 0.5, 1.0], most=[6], instances=[20_000], enumerated=[300]
    ),
)

CORE_8A = Claim(
    id="CORE-8a",
    paper=PAPER,
    title="No rule for independent candidates accepts more than the optimal coupling",
    statement=r"recursive rejection, K-SEQ <= \alpha^* = 1 + \min_A (p(A) - q(A)^k)",
    source="Sun et al. 2023 (SpecTr); closed form derived in optimal_multidraft_acceptance",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=MANY,
    measure=acceptance_of_rules,
    control=NegativeControl(
        measure=acceptance_without_replacement,
        because="candidates drawn without replacement have another joint law, so the optimum for independent "
        "ones does not bind them",
    ),
    substitutes=TABLES,
    seconds={"quick": 1.8, "standard": 32.0},
)


def k_seq_share(cell: Cell, rng: np.random.Generator, stretch: float = 1.0) -> Arrays:
    """Compute the acceptance of K-SEQ, beside 1 - (1 - 1/k)^k of the optimum."""
    target, draft = _many(cell, rng)
    found, least = [], []
    for k in range(2, cell["most"] + 1):
        scale = stretch * k_seq_scale(target, draft, k)
        found.append(k_seq_acceptance(target, draft, k, scale))
        share = 1.0 - (1.0 - 1.0 / k) ** k
        least.append(share * optimal_multidraft_acceptance(target, draft, k))
    return {"value": np.stack(found, axis=1), "bound": np.stack(least, axis=1)}


def k_seq_share_at_four_times_the_scale(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with four times the smallest valid scale."""
    return k_seq_share(cell, rng, stretch=4.0)


CORE_8B = Claim(
    id="CORE-8b",
    paper=PAPER,
    title="K-SEQ accepts at least 1 - (1 - 1/k)^k of the optimum, more than 1 - 1/e",
    statement=r"1 - (1 - b(\rho^*))^k >= (1 - (1 - 1/k)^k) \alpha^*",
    source="Sun et al. 2023 (SpecTr), factor 1 - 1/e; proved in k_seq_acceptance",
    provenance="derived",
    statistic=BoundHolds(method="exact", side="lower", slack=1e-12),
    grid=MANY,
    measure=k_seq_share,
    control=NegativeControl(
        measure=k_seq_share_at_four_times_the_scale,
        because="a larger scale is as lossless and accepts less",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.6, "standard": 13.0},
)


def token_of_k_seq(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Law of the token under K-SEQ at its smallest valid scale."""
    return _tokens(cell, rng, k_seq)


def token_of_k_seq_below_its_scale(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same halfway from scale 1 to the smallest valid one, the negative part cut off."""

    def too_small(p: np.ndarray, q: np.ndarray, k: int) -> NodeLaw:
        return k_seq(p, q, k, 0.5 * (1.0 + float(k_seq_scale(p, q, k))))

    return _tokens(cell, rng, too_small)


CORE_8C = Claim(
    id="CORE-8c",
    paper=PAPER,
    title="K-SEQ is lossless from its smallest valid scale on",
    statement=r"the emitted token has law p where 1 - (1 - b)^k <= \rho b",
    source="Sun et al. 2023 (SpecTr); proved in k_seq",
    provenance="derived",
    statistic=Law(method="exact", atol=1e-12),
    grid=NODES,
    measure=token_of_k_seq,
    control=NegativeControl(
        measure=token_of_k_seq_below_its_scale,
        because="below that scale more of a token is accepted than p has, and the residual is negative",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.8, "standard": 9.0},
)

MULTI_DRAFT = (CORE_6A, CORE_6B, CORE_6C, CORE_8A, CORE_8B, CORE_8C)

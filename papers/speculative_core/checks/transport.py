"""CORE-7: the optimal acceptance of k candidates in closed form, by subsets and by linear programming."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tightbound.papers.speculative_core.checks._instances import PAPER, TABLES, Arrays, random_laws
from tightbound.theory.speculative.multi_draft import recursive_rejection_acceptance
from tightbound.theory.speculative.optimal_transport import (
    candidates_without_replacement,
    independent_candidates,
    optimal_acceptance_of,
    optimal_coupling,
    optimal_multidraft_acceptance,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

Acceptance = Callable[[np.ndarray, np.ndarray, int], float]


def _compare(cell: Cell, rng: np.random.Generator, found: Acceptance, reference: Acceptance) -> Arrays:
    pairs = random_laws(rng, (cell["instances"], 2, cell["vocabulary"]), cell["keep"])
    k = cell["candidates"]
    return {
        "value": np.array([found(p, q, k) for p, q in pairs]),
        "reference": np.array([reference(p, q, k) for p, q in pairs]),
    }


def _closed_form(p: np.ndarray, q: np.ndarray, k: int) -> float:
    return float(optimal_multidraft_acceptance(p, q, k))


def _subsets(p: np.ndarray, q: np.ndarray, k: int) -> float:
    return optimal_acceptance_of(p, independent_candidates(q, k))


def _program(p: np.ndarray, q: np.ndarray, k: int) -> float:
    return optimal_coupling(p, independent_candidates(q, k))[0]


def _token_by_token(p: np.ndarray, q: np.ndarray, k: int) -> float:
    return float(np.minimum(p, 1.0 - (1.0 - q) ** k).sum())


def _recursive(p: np.ndarray, q: np.ndarray, k: int) -> float:
    return float(recursive_rejection_acceptance(p, q, k))


def against_subsets(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Put the closed form beside the minimum over all subsets."""
    return _compare(cell, rng, _closed_form, _subsets)


def token_by_token_against_subsets(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the bound that looks at each token alone, beside the minimum over all subsets."""
    return _compare(cell, rng, _token_by_token, _subsets)


CORE_7A = Claim(
    id="CORE-7a",
    paper=PAPER,
    title="The optimal acceptance of k independent candidates in closed form equals the least cut",
    statement=r"\alpha^* = 1 + \min_j (P_j - Q_j^k) over prefixes sorted by p/q = 1 + \min_A (p(A) - q(A)^k)",
    source="derived; proved in optimal_multidraft_acceptance",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=cells(vocabulary=[2, 4, 6], candidates=[1, 2, 4], keep=[1.0, 0.6], instances=[20]),
        standard=cells(vocabulary=[2, 4, 6, 9], candidates=[1, 2, 4], keep=[1.0, 0.6], instances=[200]),
    ),
    measure=against_subsets,
    control=NegativeControl(
        measure=token_by_token_against_subsets,
        because="the chance that a token is among the candidates, token by token, counts candidates twice",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.5, "standard": 9.0},
)


def against_program(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Put the closed form beside the linear program over couplings."""
    return _compare(cell, rng, _closed_form, _program)


def recursive_against_program(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the acceptance of recursive rejection, beside the linear program."""
    return _compare(cell, rng, _recursive, _program)


CORE_7B = Claim(
    id="CORE-7b",
    paper=PAPER,
    title="The optimal acceptance in closed form equals the optimal transport program",
    statement=r"\alpha^* = \max over couplings of q^k and p of P(y among x_1, ..., x_k)",
    source="Sun et al. 2023 (SpecTr), the program; closed form derived in optimal_multidraft_acceptance",
    provenance="derived",
    statistic=Equality(atol=1e-9),
    grid=Grid(
        quick=cells(vocabulary=[2, 4], candidates=[1, 2, 3], keep=[1.0, 0.6], instances=[3]),
        standard=cells(vocabulary=[2, 4, 6], candidates=[1, 2, 3], keep=[1.0, 0.6], instances=[20]),
    ),
    measure=against_program,
    control=NegativeControl(
        measure=recursive_against_program,
        because="recursive rejection is one coupling, and not the best from two candidates on",
    ),
    substitutes=TABLES,
    seconds={"quick": 1.8, "standard": 8.0},
)


def _subsets_without_replacement(p: np.ndarray, q: np.ndarray, k: int) -> float:
    return optimal_acceptance_of(p, candidates_without_replacement(q, k))


def _program_without_replacement(p: np.ndarray, q: np.ndarray, k: int) -> float:
    return optimal_coupling(p, candidates_without_replacement(q, k))[0]


def joint_against_program(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Least cut for candidates drawn without replacement, beside the linear program."""
    return _compare(cell, rng, _subsets_without_replacement, _program_without_replacement)


def independent_against_joint_program(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the closed form for independent candidates, beside the same program."""
    return _compare(cell, rng, _closed_form, _program_without_replacement)


CORE_7C = Claim(
    id="CORE-7c",
    paper=PAPER,
    title="The least cut is the optimal acceptance for candidates of any joint law",
    statement=r"\max P(y among the candidates) = 1 + \min_A (p(A) - P(all candidates in A))",
    source="derived; proved in optimal_acceptance_of",
    provenance="derived",
    statistic=Equality(atol=1e-9),
    grid=Grid(
        quick=cells(vocabulary=[4], candidates=[1, 2, 3], keep=[1.0], instances=[4]),
        standard=cells(vocabulary=[4, 6], candidates=[1, 2, 3], keep=[1.0], instances=[20]),
    ),
    measure=joint_against_program,
    control=NegativeControl(
        measure=independent_against_joint_program,
        because="without replacement all candidates lie in A less often than q(A)^k says",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.3, "standard": 3.0},
)

TRANSPORT = (CORE_7A, CORE_7B, CORE_7C)

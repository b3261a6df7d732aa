"""BS-10: accepted lengths that belong to text positions, not to rounds, make regret linear."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.bandit_spec.checks.adversarial import PAPER, SUBSTITUTES
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

Arrays = dict[str, Any]

# tokens of arms 0 and 1 at positions 0, 1, 2, 3 modulo 4
ONE_WAY = ((4, 3), (1, 2), (3, 3), (2, 3))
RESIDUE = ((4, 3), (1, 3), (1, 3), (1, 3))


def _policy(name: str) -> Any:
    from tightbound.simulators import bandits

    return {"EXP3Spec": bandits.EXP3Spec, "UCBSpec": bandits.UCBSpec, "Greedy": bandits.Greedy}[name]()


Pattern = tuple[tuple[int, int], ...]


def _per_token(cell: Cell, rng: np.random.Generator, pattern: Pattern, by_position: bool) -> Arrays:
    """Regret per token where row x mod 4 of the pattern belongs to position x, or to round x."""
    from tightbound.simulators.bandits import PositionTrace, Table, simulate

    tokens = cell["tokens"]
    y = np.tile(pattern, (tokens // 4 + 2, 1))
    environment = PositionTrace(y) if by_position else Table(y)
    result = simulate(environment, _policy(cell["policy"]), tokens, replications=cell["runs"], rng=rng)
    return {"value": result.regret[:, 0] / tokens}


def one_way_regret(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret per token on the trace whose residue 0 is never entered again once it is left."""
    return _per_token(cell, rng, ONE_WAY, by_position=True)


def one_way_by_round(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same entries as a table indexed by the round."""
    return _per_token(cell, rng, ONE_WAY, by_position=False)


def residue_regret(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret per token where arm 0 is good at every fourth position only."""
    return _per_token(cell, rng, RESIDUE, by_position=True)


def residue_by_round(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same entries as a table indexed by the round."""
    return _per_token(cell, rng, RESIDUE, by_position=False)


def _linear_floor(cell: Cell) -> float:
    """1/12 per token, less 2 rounds for rounding and for the plays of arm 0 before the first of arm 1."""
    return 1.0 / 12.0 - 2.0 / float(cell["tokens"])


def _one_twelfth(cell: Cell) -> float:
    return 1.0 / 12.0


def _grid(policies: list[str], tokens: list[int], runs: int) -> tuple[Cell, ...]:
    return cells(policy=policies, tokens=tokens, runs=[runs])


BS_10A = Claim(
    id="BS-10a",
    paper=PAPER,
    title="Indexed by text position, one try of the wrong arm makes regret linear for every learner",
    statement="Arm 0 yields 4, 1, 3, 2 and arm 1 yields 3, 2, 3, 3 at positions 0, 1, 2, 3 modulo 4. "
    "Residue 0 is left by arm 1 and never entered again, and elsewhere no round yields more than 3: whoever "
    "plays arm 1 after s - 1 plays of arm 0 needs at least s - 1 + (B - 4(s - 1))/3 rounds against B/4, so "
    "Reg >= B/12 - (s - 1)/3 - 1.",
    source="Assumption 5.1 read for greedy decoding, where accepted lengths belong to positions of the text",
    provenance="derived",
    statistic=BoundHolds(method="t", side="lower"),
    grid=Grid(
        quick=_grid(["EXP3Spec", "UCBSpec", "Greedy"], [1000, 30_000], 200),
        standard=_grid(["EXP3Spec", "UCBSpec", "Greedy"], [1000, 30_000, 300_000], 1000),
    ),
    measure=one_way_regret,
    bound=_linear_floor,
    control=NegativeControl(
        because="The same entries indexed by the round are an ordinary table: a play of arm 1 changes "
        "nothing that comes later.",
        measure=one_way_by_round,
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 1.0, "standard": 15.0},
)

BS_10B = Claim(
    id="BS-10b",
    paper=PAPER,
    title="EXP3Spec loses a twelfth of the text where arm 0 is good at every fourth position",
    statement="Arm 0 yields 4 at positions 0 modulo 4 and 1 elsewhere, arm 1 always 3: "
    "Reg/B -> 1/3 - 1/4 = 1/12. "
    "(UCBSpec escapes: playing arm 0 throughout finds residue 0 again at once.)",
    source="Assumption 5.1 read for greedy decoding, where accepted lengths belong to positions of the text",
    provenance="derived",
    statistic=Equality(method="t", rtol=0.02),
    grid=Grid(
        quick=_grid(["EXP3Spec"], [100_000], 100),
        standard=_grid(["EXP3Spec"], [100_000, 1_000_000], 400),
    ),
    measure=residue_regret,
    bound=_one_twelfth,
    control=NegativeControl(
        because="The same entries indexed by the round are an ordinary table, on which arm 1 is the best "
        "arm.",
        measure=residue_by_round,
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 1.0, "standard": 20.0},
)

POSITION = (BS_10A, BS_10B)

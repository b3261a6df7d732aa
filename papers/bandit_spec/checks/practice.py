"""BS-14 and BS-15: what a decision costs, and which of the two policies decodes faster."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Order

PAPER = "bandit_spec"
SYNTHETIC = "tokens per round drawn from given laws in place of a language model and its drafters"
ROUND = 25e6
"""Nanoseconds of a decoding round: Table 1 gives 1000 / 35.73 ms for one token of an 8B model, and more."""

Arrays = dict[str, Any]


class _Counted:
    """A matrix that counts how often its entries are read or written, and which ones."""

    def __init__(self, rows: int, arms: int) -> None:
        self.values = np.zeros((rows, arms))
        self.shape = self.values.shape
        self.accesses = 0
        self.touched: set[tuple[int, int]] = set()

    def _note(self, at: tuple[int, int]) -> None:
        self.accesses += 1
        self.touched.add(at)

    def __getitem__(self, at: tuple[int, int]) -> float:
        self._note(at)
        return float(self.values[at])

    def __setitem__(self, at: tuple[int, int], value: float) -> None:
        self._note(at)
        self.values[at] = value


def accesses(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Count memory accesses of the simulator's own UCBSpec per decision, and the numbers it keeps."""
    from tightbound.simulators.bandits import UCBSpec
    from tightbound.simulators.bandits import _kernel_index as kernel

    choose: Callable[..., int] = kernel.choose_ucb_spec.py_func
    update: Callable[..., None] = kernel.update_ucb_spec.py_func
    arms, draft = cell["arms"], cell["max_draft"]
    par = UCBSpec().kernel_policy(arms, draft).par
    memory = _Counted(8, arms)
    value = []
    for t in range(cell["rounds"]):
        before = memory.accesses
        arm = choose(memory, t)
        memory[0, arm] += 1.0
        memory[1, arm] += float(rng.integers(1, draft + 2))
        update(memory, par, arm)
        if t >= arms:
            value.append(memory.accesses - before)
    return _as_affine(value, memory.touched, arms)


def history_accesses(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Count the same for the rule that averages the whole history anew in every round."""
    arms, rounds = cell["arms"], cell["rounds"]
    memory = _Counted(rounds, 1)
    value = []
    for t in range(rounds):
        before = memory.accesses
        for s in range(t):
            memory[s, 0]
        memory[t, 0] = float(rng.integers(1, cell["max_draft"] + 2))
        if t >= arms:
            value.append(memory.accesses - before)
    return _as_affine(value, memory.touched, arms)


def _as_affine(value: list[int], touched: set[tuple[int, int]], arms: int) -> Arrays:
    """Lay out counts beside 3 K + 9 accesses and 5 K numbers."""
    return {
        "value": np.array([[count, len(touched)] for count in value], dtype=np.float64),
        "reference": np.array([[3.0 * arms + 9.0, 5.0 * arms]]),
    }


def _decade(nanoseconds: float) -> float:
    """Round a time up to a power of ten: what two machines agree on."""
    return 10.0 ** math.ceil(math.log10(nanoseconds))


def _least_time(work: Callable[[], float]) -> float:
    """Least processor time of one unit of ``work``, which returns how many it did, in nanoseconds.

    Each try goes on for 20 ms, since clocks of processor time may tick only every few.
    """
    best = math.inf
    for _ in range(4):
        units, spent, start = 0.0, 0.0, time.process_time()
        while spent < 0.02:
            units += work()
            spent = time.process_time() - start
        best = min(best, spent / units)
    return 1e9 * best


def decision_time(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Decade of the time of one simulated decision, draw included, in nanoseconds."""
    from tightbound.simulators.bandits import TruncatedGeometric, UCBSpec, simulate

    environment = TruncatedGeometric(rng.uniform(0.2, 0.9, cell["arms"]), 4)

    def decide() -> float:
        result = simulate(environment, UCBSpec(), 20_000, replications=10, rng=rng)
        return float(result.stopping_time.sum())

    decide()  # compiles, or loads what is compiled
    return {"value": _decade(_least_time(decide))}


def history_time(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for averaging a history of 1e5 rounds, as fast as NumPy adds."""
    played, tokens = rng.integers(0, cell["arms"], 100_000), rng.integers(1, 6, 100_000)

    def average() -> float:
        np.bincount(played, weights=tokens, minlength=cell["arms"])
        return 1.0

    return {"value": _decade(_least_time(average))}


def _both(environment: Any, cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean accepted tokens of UCBSpec and EXP3Spec at every budget, on the same draws."""
    from tightbound.simulators.bandits import EXP3Spec, UCBSpec, simulate

    seed, found = int(rng.integers(2**63)), []
    for policy in (UCBSpec(), EXP3Spec()):
        result = simulate(environment, policy, list(cell["budgets"]), replications=cell["runs"], rng=seed)
        found.append((result.tokens + result.overshoot) / result.stopping_time)
    return found[0], found[1]


def accepted_tokens(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean accepted tokens of UCBSpec (greater) and EXP3Spec (smaller) on independent rounds."""
    from tightbound.simulators.bandits import TruncatedGeometric

    ucb, exp3 = _both(TruncatedGeometric(cell["acceptance"], cell["max_draft"]), cell, rng)
    return {"greater": ucb, "smaller": exp3}


def accepted_tokens_punished(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same on the table that punishes UCBSpec."""
    from tightbound.simulators.bandits import anti_ucb_table

    table = anti_ucb_table(cell["budgets"][-1], len(cell["acceptance"]), cell["max_draft"])
    ucb, exp3 = _both(table, cell, rng)
    return {"greater": ucb, "smaller": exp3}


def accepted_tokens_swapped(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean accepted tokens of EXP3Spec (greater) and UCBSpec (smaller) on independent rounds."""
    found = accepted_tokens(cell, rng)
    return {"greater": found["smaller"], "smaller": found["greater"]}


def most_of_a_round(cell: Cell) -> float:
    """Return one part in ten thousand of a decoding round, in nanoseconds."""
    return 1e-4 * ROUND


INSTANCES = (
    ((0.9, 0.8, 0.6, 0.3), 4),
    ((0.95, 0.4, 0.4, 0.4), 2),
    ((0.9, 0.5), 4),
    ((0.8, 0.6), 4),
)


def _instances(instances: Any, budgets: tuple[int, ...], runs: int) -> tuple[Cell, ...]:
    return tuple(
        {"acceptance": acceptance, "max_draft": draft, "budgets": budgets, "runs": runs}
        for acceptance, draft in instances
    )


BS_14A = Claim(
    id="BS-14a",
    paper=PAPER,
    title="A decision of UCBSpec touches O(K) numbers, however long it has run",
    statement="Choosing and learning make 3 K + 9 memory accesses, and 5 K numbers are kept, in every round",
    source="Section 4 of arXiv 2505.15141v2: no more than O(K) time and memory; the constants are those of "
    "the implementation here",
    provenance="text",
    statistic=Equality(method="exact"),
    grid=Grid(
        quick=cells(arms=[2, 4, 8, 16], max_draft=[4], rounds=[200]),
        standard=cells(arms=[2, 4, 8, 16, 64], max_draft=[4], rounds=[2000]),
    ),
    measure=accesses,
    control=NegativeControl(
        because="A rule that averages its history anew reads t numbers in round t, and keeps them.",
        measure=history_accesses,
    ),
    seconds={"quick": 0.1, "standard": 3.0},
)

BS_14B = Claim(
    id="BS-14b",
    paper=PAPER,
    title="A decision takes less than one part in ten thousand of a decoding round",
    statement="Nanoseconds per decision, rounded up to a power of ten, are at most 1e-4 * 25 ms = 2500 ns",
    source="Section 4 of arXiv 2505.15141v2: negligible overhead; round times from its Table 1",
    provenance="text",
    statistic=BoundHolds(method="exact"),
    grid=Grid(quick=cells(arms=[4]), standard=cells(arms=[2, 4, 8])),
    measure=decision_time,
    bound=most_of_a_round,
    control=NegativeControl(
        because="Averaging a history of 1e5 rounds anew takes tens of microseconds.", measure=history_time
    ),
    substitutes="a simulated round in place of a decoding one; only the decade of the time is kept",
    seconds={"quick": 0.1, "standard": 0.5},
)

BS_15A = Claim(
    id="BS-15a",
    paper=PAPER,
    title="At the lengths of answers UCBSpec accepts more tokens per round than EXP3Spec",
    statement="E[(B + O)/ST] is larger for UCBSpec on independent rounds, B from 100 to 3000",
    source="Remark 6.1 of arXiv 2505.15141v2",
    provenance="text",
    statistic=Order(method="t"),
    grid=Grid(
        quick=_instances(INSTANCES, (100, 300, 1000, 3000), 1000),
        standard=_instances(INSTANCES, (100, 300, 1000, 3000), 10_000),
    ),
    measure=accepted_tokens,
    control=NegativeControl(
        because="On the table that punishes UCBSpec it gets 1 token per round, EXP3Spec several.",
        measure=accepted_tokens_punished,
        grid=Grid(quick=_instances(INSTANCES, (100, 300, 1000, 3000), 100)),
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 1.0, "standard": 10.0},
)

BS_15B = Claim(
    id="BS-15b",
    paper=PAPER,
    title="At very long budgets EXP3Spec can be ahead: the radius of UCBSpec is wide",
    statement="With several arms far below the best, E[(B + O)/ST] is larger for EXP3Spec at B = 3e5",
    source="Derived; it bounds the reach of Remark 6.1",
    provenance="derived",
    statistic=Order(method="t"),
    grid=Grid(
        quick=_instances(INSTANCES[1:2], (300_000,), 150),
        standard=_instances(INSTANCES[:2], (300_000,), 400),
    ),
    measure=accepted_tokens_swapped,
    control=NegativeControl(
        because="At B = 1000 the order is the other way round.",
        grid=Grid(quick=_instances(INSTANCES[1:2], (1000,), 1000)),
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 1.5, "standard": 25.0},
)

PRACTICE = (BS_14A, BS_14B, BS_15A, BS_15B)

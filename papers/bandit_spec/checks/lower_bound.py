"""BS-5 and BS-7c: the logarithmic lower bound, its mechanism, and policies beside its explicit constant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.papers.bandit_spec.checks.explicit_constant import BS_7A, BS_7B
from tightbound.theory.bandits import (
    AdaptiveLaw,
    adaptive_law,
    bernoulli_kl,
    lower_bound_constant,
    stated_lower_bound_constant,
    truncated_geometric,
    truncated_geometric_kl,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Slope

PAPER = "bandit_spec"
SYNTHETIC = "truncated geometric rounds in place of a language model and its drafters"

Arrays = dict[str, Any]
Choose = Callable[[Any, Any, int], int]


# --- BS-5a, c, d: slopes of good policies
# ---------------------------------------------------------------------


def _policy(name: str) -> Any:
    """Return the policy called ``name``; ``first arm`` plays the best arm of every instance here, always."""
    from tightbound.simulators import bandits

    return bandits.FixedArm(0) if name == "first arm" else getattr(bandits, name)()


def regret_in_units(cell: Cell, rng: np.random.Generator, unit: str = "lower bound") -> Arrays:
    """Regret over the last decade of budgets, in units of a constant of the instance."""
    from tightbound.simulators.bandits import TruncatedGeometric, simulate

    constants = {"lower bound": lower_bound_constant, "stated": stated_lower_bound_constant, "rounds": None}
    constant = constants[unit]
    draft, acceptance = cell["max_draft"], cell["acceptance"]
    budgets = np.geomspace(cell["tokens"] / 10, cell["tokens"], 6).round().astype(np.int64)
    result = simulate(
        TruncatedGeometric(acceptance, draft),
        _policy(cell["policy"]),
        budgets,
        replications=cell["runs"],
        rng=rng,
    )
    scale = 1.0 if constant is None else float(constant(acceptance, draft))
    return {
        "value": result.regret / scale,
        "x": budgets,
        "regret": result.regret.mean(axis=0),
        "lower_bound_constant": lower_bound_constant(acceptance, draft),
        "stated_constant": stated_lower_bound_constant(acceptance, draft),
    }


def regret_of_first_arm(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the policy that plays the best arm always, knowing it."""
    return regret_in_units({**cell, "policy": "first arm"}, rng)


THREE_ARMS = {"acceptance": (0.8, 0.6, 0.5), "max_draft": 4}

# Thompson sampling's regret has a heavy tail: one run in some thousands locks on a worse arm for long. Its
# local slope also rises towards C_LB with B (0.61 at 3e3, 0.68 at 1e4, 0.78 at 5e4), so late decades are the
# telling ones.
BS_5A = Claim(
    id="BS-5a",
    paper=PAPER,
    title="Policies that use the token model grow like the lower bound",
    statement=r"d Reg / d log B over the last decade lies in [0.6, 1.5] C_{LB} for token Thompson sampling "
    "and token KL-UCB",
    source="Theorem 4.4 with the infimum evaluated for truncated geometric laws",
    provenance="derived",
    statistic=Slope(target=1.05, side="two-sided", tolerance=0.45, scale="semilogx"),
    grid=Grid(
        quick=[
            {**THREE_ARMS, "policy": "TokenThompson", "tokens": 50_000, "runs": 600},
            {**THREE_ARMS, "policy": "TokenKLUCB", "tokens": 10_000, "runs": 600},
        ],
        standard=[
            {**THREE_ARMS, "policy": name, "tokens": 200_000, "runs": 1000}
            for name in ("TokenThompson", "TokenKLUCB")
        ],
        full=[
            {**THREE_ARMS, "policy": name, "tokens": 5_000_000, "runs": 2000}
            for name in ("TokenThompson", "TokenKLUCB")
        ],
    ),
    measure=regret_in_units,
    control=NegativeControl(
        measure=regret_of_first_arm,
        because="a policy told the best arm has no regret here; the bound is for consistent policies only",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 4.0, "standard": 120.0},
)

CONSISTENT = ("TokenThompson", "TokenKLUCB", "UCBV", "UCBSpec", "UCB1")

BS_5C = Claim(
    id="BS-5c",
    paper=PAPER,
    title="No consistent policy grows markedly slower than the lower bound",
    statement=r"d Reg / d log B over the last decade is at least 0.6 C_{LB}",
    source="Theorem 4.4",
    provenance="text",
    statistic=Slope(target=0.6, side="lower", scale="semilogx"),
    grid=Grid(
        quick=[
            {**THREE_ARMS, "policy": name, "tokens": 50_000, "runs": 250}
            for name in ("UCBV", "UCBSpec", "UCB1")
        ],
        standard=[{**THREE_ARMS, "policy": name, "tokens": 200_000, "runs": 1000} for name in CONSISTENT],
        full=[{**THREE_ARMS, "policy": name, "tokens": 5_000_000, "runs": 2000} for name in CONSISTENT],
    ),
    measure=regret_in_units,
    control=NegativeControl(
        measure=regret_of_first_arm,
        because="without the demand for consistency a policy can know the best arm and have no regret",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 3.0, "standard": 120.0},
)


def regret_in_rounds(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret over the last decade of budgets, in rounds."""
    return regret_in_units(cell, rng, "rounds")


def rounds_of_first_arm(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the policy that plays the first arm always."""
    return regret_in_units({**cell, "policy": "first arm"}, rng, "rounds")


def _both_orders(tokens: int, runs: int) -> list[dict[str, Any]]:
    return [
        {"acceptance": p, "max_draft": 4, "policy": name, "tokens": tokens, "runs": runs}
        for p in ((0.8, 0.6, 0.5), (0.5, 0.6, 0.8))
        for name in CONSISTENT
    ]


BS_5D = Claim(
    id="BS-5d",
    paper=PAPER,
    title="The policies compared with the lower bound are sublinear on an instance and on its mirror",
    statement="log-log slope of regret at most 0.8 on the instance and with the arms in reverse order",
    source="Definition of consistency before Theorem 4.4",
    provenance="text",
    statistic=Slope(target=0.8, side="upper", scale="loglog", method="delta"),
    grid=Grid(quick=_both_orders(20_000, 100), standard=_both_orders(200_000, 200)),
    measure=regret_in_rounds,
    control=NegativeControl(
        measure=rounds_of_first_arm,
        grid=Grid(quick=cells(acceptance=[(0.5, 0.6, 0.8)], max_draft=[4], tokens=[20_000], runs=[100])),
        because="not consistent: always playing the first arm is free here and linear on the mirror instance",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 3.0, "standard": 120.0},
)


# --- BS-5b: change of measure -------------------------------------------------------------------------------


def _forward(choose: Choose, acceptance: np.ndarray, cell: Cell) -> AdaptiveLaw:
    return adaptive_law(truncated_geometric(acceptance, cell["max_draft"]), choose, cell["tokens"])


def _rule(cell: Cell) -> Choose:
    """Return the decision rule of the cell's policy, by the very code the simulator runs."""
    if cell["policy"] == "RoundRobin":
        return lambda counts, sums, t: t % len(counts)
    policy, draft = _policy(cell["policy"]), cell["max_draft"]
    return lambda counts, sums, t: policy.select(counts, sums, t, draft)


def _omniscient(acceptance: np.ndarray) -> Choose:
    """Return the rule that always plays the best arm of the instance it is in."""
    best = int(np.argmax(acceptance))
    return lambda counts, sums, t: best


def _often(counts: Any, stopping_time: Any) -> Any:
    """Event that arm 1 was played in more than half of the rounds."""
    return 2 * counts[:, 1] > stopping_time


def _change_of_measure(cell: Cell, rng: np.random.Generator, rule: Callable[[np.ndarray], Choose]) -> Arrays:
    """Information gathered about arm 1 beside what telling two instances apart by the event requires.

    Arm 1 is worse than arm 0 in the first instance and better in the second. Probabilities are clipped to
    [1e-12, 1 - 1e-12]: this moves them together, so it can only lower the requirement.
    """
    value, bound = [], []
    for _ in range(cell["instances"]):
        worse, best, raised = np.sort(rng.uniform(0.05, 0.95, 3))
        here, there = np.array([best, worse]), np.array([best, raised])
        first, second = (_forward(rule(p), p, cell) for p in (here, there))
        chance = np.clip([first.chance(_often), second.chance(_often)], 1e-12, 1.0 - 1e-12)
        per_pull = float(truncated_geometric_kl(worse, raised, cell["max_draft"]))
        value.append(first.expected_pulls[1] * per_pull)
        bound.append(float(bernoulli_kl(*chance)))
    return {"value": np.array(value), "bound": np.array(bound)}


def change_of_measure(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Both sides of the change-of-measure inequality for the cell's policy."""
    rule = _rule(cell)
    return _change_of_measure(cell, rng, lambda acceptance: rule)


def change_of_measure_when_told(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a rule that is told which instance it is in."""
    return _change_of_measure(cell, rng, _omniscient)


EVERY_POLICY = ("UCBSpec", "UCB1", "Greedy", "RoundRobin")

BS_5B = Claim(
    id="BS-5b",
    paper=PAPER,
    title="To act differently in two instances a policy must pull the arm that differs",
    statement=r"E_\nu[n_i] KL(\nu_i, \nu'_i) >= kl(P_\nu(A), P_{\nu'}(A)) with A = {n_i > ST/2}, "
    "for every policy and every budget",
    source="Proof of Theorem 4.4, its finite-budget step",
    provenance="text",
    statistic=BoundHolds(method="exact", side="lower"),
    grid=Grid(
        quick=[
            cell
            for draft, tokens in ((1, 20), (3, 25))
            for cell in cells(policy=EVERY_POLICY, max_draft=[draft], tokens=[tokens], instances=[3])
        ],
        standard=[
            cell
            for draft, tokens in ((1, 20), (1, 60), (3, 30))
            for cell in cells(policy=EVERY_POLICY, max_draft=[draft], tokens=[tokens], instances=[20])
        ],
    ),
    measure=change_of_measure,
    control=NegativeControl(
        measure=change_of_measure_when_told,
        because="a rule that is told the instance acts on it without a single informative pull",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 2.0, "standard": 60.0},
)


# --- BS-7c: the explicit constant beside what policies do --------------------------------------------------


def regret_in_stated_units(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret over the last decade of budgets, in units of the stated constant."""
    return regret_in_units(cell, rng, "stated")


def ucbspec_in_stated_units(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for UCBSpec."""
    return regret_in_units({**cell, "policy": "UCBSpec"}, rng, "stated")


GOOD_ARMS = {"acceptance": (0.995, 0.99, 0.9), "max_draft": 8}

BS_7C = Claim(
    id="BS-7c",
    paper=PAPER,
    title="Near acceptance 1 consistent policies grow slower than the explicit constant, as read, allows",
    statement=r"d Reg / d log B < H p^* (1 - (p^*)^L) / (1 - p^*) for token Thompson sampling and KL-UCB",
    source="Dynamic side of BS-7a, at p = (0.995, 0.99, 0.9), L = 8",
    provenance="derived",
    statistic=Slope(target=1.0, side="upper", scale="semilogx"),
    grid=Grid(
        quick=[
            {**GOOD_ARMS, "policy": "TokenThompson", "tokens": 50_000, "runs": 400},
            {**GOOD_ARMS, "policy": "TokenKLUCB", "tokens": 50_000, "runs": 100},
        ],
        standard=[
            {**GOOD_ARMS, "policy": name, "tokens": 1_000_000, "runs": 500}
            for name in ("TokenThompson", "TokenKLUCB")
        ],
        full=[
            {**GOOD_ARMS, "policy": name, "tokens": 20_000_000, "runs": 1000}
            for name in ("TokenThompson", "TokenKLUCB")
        ],
    ),
    measure=regret_in_stated_units,
    control=NegativeControl(
        measure=ucbspec_in_stated_units,
        because="UCBSpec explores by the range of the rounds and pays L^2 H, far above either constant",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 3.0, "standard": 120.0},
)

LOWER_BOUND = (BS_5A, BS_5B, BS_5C, BS_5D, BS_7A, BS_7B, BS_7C)

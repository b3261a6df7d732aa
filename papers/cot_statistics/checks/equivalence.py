"""COT-4: tasks that answer alike need not be told apart."""

from __future__ import annotations

import numpy as np

from tightbound.papers.cot_statistics.checks._chains import EXACT, PAPER, Arrays, chain_of, sizes
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.exponents import exponents
from tightbound.theory.chain_of_thought.prompt_losses import prompt_losses
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import BoundHolds, Equality

SOURCE = "derived; the equivalence class is remembered as part of the paper's statement"
TRUTH = 0


def duplicated(cell: Cell, rng: np.random.Generator) -> DiscreteChain:
    """Draw tasks, the last of them a copy of the first."""
    chain = chain_of(cell, rng)
    kernels = np.concatenate([chain.kernels[:-1], chain.kernels[:1]])
    return DiscreteChain(chain.prior, kernels, chain.query)


def relabelled(cell: Cell, rng: np.random.Generator) -> DiscreteChain:
    """Draw tasks of two steps, the last of them a twin of the first: other steps, the same answers.

    The first step of the twin is K_1 A and the second A^{-1} K_2 with A close to the identity.
    """
    m = cell["states"]
    chain = chain_of(cell, rng)
    first, second = chain.kernels[0]
    spread = (1.0 - cell["apart"]) * np.eye(m) + cell["apart"] / m
    # so that its inverse leaves the second step positive
    second = spread @ second
    twin = np.stack([first @ spread, np.linalg.solve(spread, second)])
    kernels = np.concatenate([np.stack([first, second])[None], chain.kernels[1:-1], twin[None]])
    return DiscreteChain(chain.prior, kernels, chain.query)


# --- COT-4a: the posterior stalls ---------------------------------------------------------------------------


def _stall(cell: Cell, rng: np.random.Generator, *, copied: bool) -> Arrays:
    from tightbound.simulators.chain_of_thought.sampling import sample_log_likelihoods

    value = []
    for _ in range(cell["instances"]):
        chain = duplicated(cell, rng) if copied else chain_of(cell, rng)
        floor = chain.prior[-1] / (chain.prior[TRUTH] + chain.prior[-1])
        for n in cell["lengths"]:
            drawn = sample_log_likelihoods(chain, TRUTH, n, cell["samples"], rng=rng)
            value.append(np.exp(prompt_losses(chain, TRUTH, drawn).log_doubt) / floor)
    return {"value": np.array(value).T}


def stall(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Doubt about the truth, prompt by prompt, over the share of its copy in the class."""
    return _stall(cell, rng, copied=True)


def no_stall(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the last task is no copy."""
    return _stall(cell, rng, copied=False)


def one(cell: Cell) -> float:
    """Return the bound in units of itself."""
    return 1.0


COT_4A = Claim(
    id="COT-4a",
    paper=PAPER,
    title="With a copy of the true task in the prior the posterior never settles on the truth",
    statement=r"1 - pi_n(theta*) >= 1 - pi(theta*)/pi(copies of theta*) for every prompt, "
    r"while E KL -> 0 (COT-4b)",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact", side="lower"),
    grid=Grid(
        quick=[sizes(4, 2, 3, lengths=(0, 4, 64, 1024), instances=5, samples=200)],
        standard=[sizes(4, 2, 3, lengths=(0, 4, 64, 1024), instances=50, samples=1000)],
    ),
    measure=stall,
    bound=one,
    control=NegativeControl(
        measure=no_stall, because="a task that answers otherwise is excluded by the prompt"
    ),
    substitutes=EXACT,
    seconds={"quick": 0.1, "standard": 1.0},
)


# --- COT-4b, c: the error does not --------------------------------------------------------------------------


def _rates(chain: DiscreteChain, cell: Cell, rng: np.random.Generator) -> dict[str, list[float]]:
    """Rate of each mean loss between n and 2n, in units of the nearest non-equivalent Chernoff exponent."""
    from tightbound.simulators.chain_of_thought.prompting_error import prompting_error

    n, target = cell["n"], exponents(chain, TRUTH).chernoff
    found: dict[str, list[float]] = {"doubt": [], "surprise": [], "answer_kl": []}
    for _ in range(cell["runs"]):
        near, far = (
            prompting_error(chain, TRUTH, length, samples=cell["samples"], rng=rng) for length in (n, 2 * n)
        )
        for name, rates in found.items():
            fall = getattr(near, name).log_value - getattr(far, name).log_value
            rates.append((fall - 0.5 * np.log(2.0)) / (n * target))
    return found


def error_with_a_copy(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Rates of prompting error and surprise where one task is a copy of the truth."""
    rates = _rates(duplicated(cell, rng), cell, rng)
    return {"value": np.array([rates["surprise"], rates["answer_kl"]]).T, "reference": np.ones((1, 2))}


def doubt_with_a_copy(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Rate of the doubt about the truth itself."""
    rates = _rates(duplicated(cell, rng), cell, rng)
    return {"value": np.array([rates["doubt"]]).T, "reference": np.ones((1, 1))}


COT_4B = Claim(
    id="COT-4b",
    paper=PAPER,
    title="A copy of the truth does not matter to the error: its rate is that of the nearest other answer",
    statement=r"-(1/n) log E KL(P*||P_BMA) -> min_{theta not in Theta_eq} C(p_theta*, p_theta), within 1 %",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(rtol=0.01, method="t"),
    grid=Grid(
        quick=[sizes(3, 2, 2, n=5120, runs=36, samples=2000)],
        standard=[
            sizes(3, 2, 2, n=5120, runs=36, samples=4000),
            sizes(6, 2, 3, n=5120, runs=36, samples=4000),
        ],
    ),
    measure=error_with_a_copy,
    control=NegativeControl(
        measure=doubt_with_a_copy,
        grid=Grid(quick=[sizes(3, 2, 2, n=1280, runs=8, samples=2000)]),
        because="the doubt about the truth itself does not fall: its copy stays",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.6, "standard": 2.0},
)


def _lower_rate(cell: Cell, rng: np.random.Generator, names: tuple[str, ...]) -> Arrays:
    rates = _rates(relabelled(cell, rng), cell, rng)
    return {"value": np.array([rates[name] for name in names]).T}


def error_with_a_twin(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Rates of prompting error and surprise where one task has other steps and the same answers."""
    return _lower_rate(cell, rng, ("surprise", "answer_kl"))


def doubt_with_a_twin(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Rate of the doubt about the truth itself."""
    return _lower_rate(cell, rng, ("doubt",))


def nearly_one(cell: Cell) -> float:
    """Return the rate that must be reached, in units of the exponent: what is left is below 1 %."""
    return 0.99


COT_4C = Claim(
    id="COT-4c",
    paper=PAPER,
    title="A twin with other steps and the same answers does not slow the error down, however near it is",
    statement=r"liminf -(1/n) log E KL(P*||P_BMA) >= min_{theta not in Theta_eq} C(p_theta*, p_theta), where "
    r"the twin's exponent is smaller",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="t", side="lower"),
    grid=Grid(
        quick=[sizes(3, 2, 2, apart=0.1, n=5120, runs=32, samples=2000)],
        standard=[
            sizes(3, 2, 2, apart=0.1, n=1280, runs=16, samples=8000),
            sizes(4, 2, 3, apart=0.1, n=1280, runs=16, samples=8000),
        ],
    ),
    measure=error_with_a_twin,
    bound=nearly_one,
    control=NegativeControl(
        measure=doubt_with_a_twin,
        grid=Grid(quick=[sizes(3, 2, 2, apart=0.1, n=1280, runs=8, samples=2000)]),
        because="to tell the truth from its twin takes many more demonstrations than to answer like both",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.6, "standard": 4.0},
)

EQUIVALENCE = (COT_4A, COT_4B, COT_4C)

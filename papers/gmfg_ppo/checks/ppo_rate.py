r"""GMFG-6a to 6d: certified contraction constants, the recursion of GMFG-PPO, and the average it bounds.

Instances are random games with a crowd term in the reward and a kernel that follows the crowd a little, small
enough that the certified :math:`\kappa` is positive. With :math:`e_t = d(\bar\mu_t, \mu^*)`,

.. math:: |e_{t+1} - (1-\alpha) e_t| \le \alpha [(1-\kappa) e_t + d_2 \delta_t], \qquad
          \delta_t = D_\infty(\pi_{t+1}, \mathrm{BR}(\bar\mu_t)).

*Proof.* The new flow is at distance at most :math:`(1-\kappa)e_t + d_2\delta_t` from :math:`\mu^*` (proved in
:func:`~tightbound.theory.graphon_games.contraction.ppo_recursion`), and :math:`\bar\mu_{t+1} - \mu^*` is the
mean of it and of :math:`\bar\mu_t - \mu^*` with weights :math:`\alpha, 1-\alpha`. Summed over t = 1, ..., T,

.. math:: \frac{e_1 - e_{T+1}}{\alpha(2-\kappa)T} - \frac{d_2}{2-\kappa}\bar\delta \;\le\;
          \frac1T\sum_{t=1}^T e_t \;\le\;
          \frac{e_1 - e_{T+1}}{\alpha\kappa T} + \frac{d_2}{\kappa}\bar\delta, \qquad
          \bar\delta = \frac1T\sum_{t=1}^T\delta_t.

Where the policy follows its best response so well that :math:`\bar\delta` is of smaller order, the average is
of order :math:`1/(\alpha T)` exactly: the exponent of T is that of the schedule of :math:`\alpha`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.theory.graphon_games import (
    ContractionConstants,
    CrowdReward,
    GraphonGame,
    HerdTransition,
    certified_constants,
    flow,
    largest_degree,
    observed_constants,
    ppo_average_bound,
    random_linear,
    uniform_attachment,
)
from tightbound.verification.claim import Assumption, Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds

if TYPE_CHECKING:
    from tightbound.simulators.graphon_games import Solution

PAPER = "gmfg_ppo"
SUBSTITUTES = "exact tabular policy steps and exact action values in place of PPO with neural networks"

Arrays = dict[str, Any]

# One shape for every instance, hence one compiled program.
BLOCKS, HORIZON, STATES, ACTIONS, MIX, LAM, ETA = 4, 3, 4, 3, 0.1, 1.0, 0.5
EXPONENTS = {"T^-2/3": 2 / 3, "T^-1/2": 1 / 2, "constant": 0.0, "1/T": 1.0}
SHARE = 0.3
"""The constant weight of the new flow."""


def instances(cell: Cell, rng: np.random.Generator) -> list[GraphonGame]:
    """Return ``cell["games"]`` random games with the crowd term ``cell["coupling"]``."""
    return [
        random_linear(
            rng=rng,
            blocks=BLOCKS,
            horizon=HORIZON,
            states=STATES,
            actions=ACTIONS,
            coupling=cell["coupling"],
            mix=MIX,
        )
        for _ in range(cell["games"])
    ]


def gatherings(cell: Cell, rng: np.random.Generator) -> list[GraphonGame]:
    """Return games of the same shapes where each action leads to a state of its own and company pays."""
    kernel = np.full((HORIZON, STATES, ACTIONS, STATES), 0.01)
    for action in range(ACTIONS):
        kernel[:, :, action, action] += 0.96
    return [
        GraphonGame(
            uniform_attachment(),
            np.full(STATES, 1.0 / STATES),
            HerdTransition(kernel, MIX),
            CrowdReward(0.1 * rng.random((HORIZON, STATES, ACTIONS)), 12.0),
            HORIZON,
            blocks=BLOCKS,
            name="gathering",
        )
        for _ in range(cell["games"])
    ]


def constants_of(cell: Cell) -> ContractionConstants:
    """Return constants certified for every game of a cell: rewards without crowds lie in [0, 1]."""
    game = instances({**cell, "games": 1}, np.random.default_rng(0))[0]
    return certified_constants(game, LAM, largest_range=1.0 + abs(cell["coupling"]) * largest_degree(game))


def contracts(cell: Cell) -> bool:
    """Whether the certified kappa is positive."""
    return constants_of(cell).kappa > 0.0


CONTRACTION = Assumption(
    name="contraction",
    sentence="1 - d1 d2 - d3 > 0 with certified constants",
    holds=contracts,
)


def weight(schedule: str, iterations: int) -> float:
    """Return the weight of the new flow, one number for a whole run of that many iterations."""
    exponent = EXPONENTS[schedule]
    return SHARE if exponent == 0.0 else float(iterations**-exponent)


def leaning(action: int) -> np.ndarray:
    """Return the policy that takes one action with probability 0.9, everywhere."""
    law = np.full(ACTIONS, 0.1 / (ACTIONS - 1))
    law[action] = 0.9
    return np.broadcast_to(law, (BLOCKS, HORIZON, STATES, ACTIONS))


def equilibria(games: list[GraphonGame], action: int = 0) -> list[Solution]:
    """Return the limits of best-response iteration, to which contraction leads geometrically."""
    from tightbound.simulators.graphon_games import FixedPoint, solve_batch

    starts = [leaning(action)] * len(games)
    return solve_batch(games, FixedPoint(lam=LAM), max_iter=95, starts=starts)


@dataclass(frozen=True)
class Runs:
    """What GMFG-PPO did on R games: errors e_1, ..., e_{T+1} and tracking errors of steps 1, ..., T."""

    error: np.ndarray  # (R, T + 1)
    tracking: np.ndarray  # (R, T)
    average: np.ndarray  # (R,) distance of the averaged flow plus distance of the averaged policy


def run(
    games: list[GraphonGame],
    references: list[Solution],
    schedule: str,
    iterations: int,
    *,
    mixing: float | None = None,
) -> Runs:
    """Run GMFG-PPO for T iterations with weights that are constant in t; mixing is 1/T by default."""
    from tightbound.simulators.graphon_games import GMFGPPO, solve_batch

    method = GMFGPPO(
        alpha=weight(schedule, iterations),
        eta=ETA,
        lam=LAM,
        beta=1.0 / iterations if mixing is None else mixing,
    )
    starts = [leaning(0)] * len(games)
    found = solve_batch(games, method, max_iter=iterations, starts=starts, references=references)
    history = [solution.history for solution in found]
    return Runs(
        error=np.array([h["flow_distance"] for h in history]),
        tracking=np.array([h["tracking"][:-1] for h in history]),
        average=np.array(
            [h["average_flow_distance"][-1] + h["average_policy_distance"][-1] for h in history]
        ),
    )


# --- GMFG-6a: the constants ---------------------------------------------------------------------------------


def observed(cell: Cell, rng: np.random.Generator, lam: float = LAM) -> Arrays:
    """Largest ratios seen among random, often nearly deterministic policies and their flows."""
    value = []
    for game in instances(cell, rng):
        shape = (cell["policies"], BLOCKS, HORIZON, STATES)
        policies = rng.dirichlet(np.full(ACTIONS, 0.3), size=shape)
        seen = observed_constants(game, lam, list(policies), [flow(game, policy) for policy in policies])
        value.append([seen.d1, seen.d2, seen.d3])
    known = constants_of(cell)
    return {"value": np.array(value), "bound": np.array([[known.d1, known.d2, known.d3]])}


def observed_when_cold(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with best responses at a hundredth of the temperature."""
    return observed(cell, rng, LAM / 100)


COUPLINGS = (-0.2, -0.4, 0.2)

GMFG_6A = Claim(
    id="GMFG-6a",
    paper=PAPER,
    title="The certified Lipschitz constants hold for every pair of policies and flows that is tried",
    statement=r"D_\infty(BR(\mu), BR(\nu)) <= d_1 d(\mu, \nu), "
    r"d(F(\pi,\mu), F(q,\mu)) <= d_2 D_\infty(\pi, q), d(F(\pi,\mu), F(\pi,\nu)) <= d_3 d(\mu, \nu)",
    source="Constants proved in theory.graphon_games.contraction; the paper assumes such constants",
    provenance="derived",
    statistic=BoundHolds(),
    grid=Grid(
        quick=cells(coupling=COUPLINGS, games=[4], policies=[20]),
        standard=cells(coupling=COUPLINGS, games=[20], policies=[50]),
    ),
    measure=observed,
    control=NegativeControl(
        measure=observed_when_cold,
        because="best responses steepen like 1/lam: constants of one temperature fail at a lower one",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 1.0, "standard": 8.0},
)


# --- GMFG-6b to 6d: the recursion and its sums --------------------------------------------------------------


def one_step(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error after each step, beside what the recursion allows from the error before it."""
    games = instances(cell, rng)
    return _one_step(cell, games, equilibria(games))


def one_step_between_equilibria(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for games with several equilibria."""
    games = gatherings(cell, rng)
    return _one_step(cell, games, equilibria(games, action=ACTIONS - 1))


def _one_step(cell: Cell, games: list[GraphonGame], references: list[Solution]) -> Arrays:
    known, alpha = constants_of(cell), weight(cell["schedule"], cell["iterations"])
    runs = run(games, references, cell["schedule"], cell["iterations"])
    allowed = (1.0 - alpha * known.kappa) * runs.error[:, :-1] + alpha * known.d2 * runs.tracking
    return {"value": runs.error[:, 1:], "bound": allowed}


EVERY_SCHEDULE = tuple(EXPONENTS)

GMFG_6B = Claim(
    id="GMFG-6b",
    paper=PAPER,
    title="Every step of GMFG-PPO obeys the contraction recursion",
    statement=r"e_{t+1} <= (1 - \alpha\kappa) e_t + \alpha d_2 \delta_t with e_t = d(\bar\mu_t, \mu^*), "
    r"\kappa = 1 - d_1 d_2 - d_3 > 0",
    source="Recursion behind the rate of GMFG-PPO; proof in theory.graphon_games.contraction",
    provenance="derived",
    statistic=BoundHolds(),
    grid=Grid(
        quick=cells(coupling=COUPLINGS, schedule=EVERY_SCHEDULE, games=[8], iterations=[63]),
        standard=cells(coupling=COUPLINGS, schedule=EVERY_SCHEDULE, games=[16], iterations=[511]),
    ),
    measure=one_step,
    assumptions=(CONTRACTION,),
    control=NegativeControl(
        measure=one_step_between_equilibria,
        because="where company pays there are several equilibria, and the iteration settles at another one",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 2.0, "standard": 20.0},
)


def average_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Averaged error of the mean field beside its upper bound, and beside the start, which is trivial."""
    games = instances(cell, rng)
    return _average_error(cell, games, equilibria(games))


def average_error_between_equilibria(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for games with several equilibria."""
    games = gatherings(cell, rng)
    return _average_error(cell, games, equilibria(games, action=ACTIONS - 1))


def _average_error(cell: Cell, games: list[GraphonGame], references: list[Solution]) -> Arrays:
    known, count = constants_of(cell), cell["iterations"]
    runs = run(games, references, cell["schedule"], count)
    alpha = weight(cell["schedule"], count)
    bound = [
        ppo_average_bound(known, alpha, float(error[0]), tracking)
        for error, tracking in zip(runs.error, runs.tracking, strict=True)
    ]
    # Two laws at each of H - 1 steps that move: no error exceeds 2 (H - 1).
    return {
        "value": runs.error[:, :-1].mean(axis=1),
        "bound": np.array(bound),
        "trivial": 2.0 * (HORIZON - 1),
    }


GMFG_6C = Claim(
    id="GMFG-6c",
    paper=PAPER,
    title="The averaged error of GMFG-PPO stays below the sum of the recursion",
    statement=r"mean_t e_t <= e_1 / (\alpha\kappa T) + (d_2/\kappa) mean_t \delta_t",
    source="Sum of the recursion GMFG-6b",
    provenance="derived",
    statistic=BoundHolds(),
    grid=Grid(
        quick=cells(coupling=COUPLINGS, schedule=["T^-2/3"], games=[8], iterations=[255, 1023]),
        standard=cells(
            coupling=COUPLINGS,
            schedule=["T^-2/3", "T^-1/2", "constant"],
            games=[16],
            iterations=[255, 1023, 2047],
        ),
    ),
    measure=average_error,
    assumptions=(CONTRACTION,),
    control=NegativeControl(
        measure=average_error_between_equilibria,
        because="where company pays the iteration settles at another equilibrium, at a fixed distance",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 2.0, "standard": 40.0},
)


def average_error_from_below(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Averaged error of the mean field beside its lower bound, and beside 0, which is trivial."""
    return _from_below(cell, rng, cell["schedule"])


def average_error_of_larger_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the averaged error of a constant alpha beside the lower bound for the cell's schedule."""
    return _from_below(cell, rng, "constant")


def _from_below(cell: Cell, rng: np.random.Generator, played: str) -> Arrays:
    games, known, count = instances(cell, rng), constants_of(cell), cell["iterations"]
    runs = run(games, equilibria(games), played, count)
    left = runs.error[:, 0] - runs.error[:, -1]
    alpha, slack = weight(cell["schedule"], count), known.d2 * runs.tracking.mean(axis=1)
    bound = (left / (alpha * count) - slack) / (2.0 - known.kappa)
    return {"value": runs.error[:, :-1].mean(axis=1), "bound": bound, "trivial": 0.0}


GMFG_6D = Claim(
    id="GMFG-6d",
    paper=PAPER,
    title="The averaged error of GMFG-PPO is at least of the order 1/(alpha T), whatever the game",
    statement=r"mean_t e_t >= (e_1 - e_{T+1}) / (\alpha (2 - \kappa) T) - d_2/(2 - \kappa) mean_t \delta_t",
    source="The recursion GMFG-6b read from the other side; proof in this module",
    provenance="derived",
    statistic=BoundHolds(side="lower"),
    grid=Grid(
        quick=cells(coupling=COUPLINGS, schedule=["T^-2/3"], games=[8], iterations=[1023]),
        standard=cells(coupling=COUPLINGS, schedule=["T^-2/3"], games=[16], iterations=[1023, 4095]),
    ),
    measure=average_error_from_below,
    assumptions=(CONTRACTION,),
    control=NegativeControl(
        measure=average_error_of_larger_steps,
        because="a larger alpha forgets the start sooner, below what the schedule T^-2/3 can do",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 2.0, "standard": 40.0},
)

RECURSION = (GMFG_6A, GMFG_6B, GMFG_6C, GMFG_6D)

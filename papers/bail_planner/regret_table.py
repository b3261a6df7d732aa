"""Exact beside simulated regret; ``python -m tightbound.papers.bail_planner.regret_table`` prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tightbound.simulators.planning.planners.bail import BAIL
from tightbound.simulators.planning.planners.base import Planner
from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
from tightbound.simulators.planning.planners.greedy_bail import GreedyBAIL
from tightbound.simulators.planning.planners.schedules import Constant
from tightbound.simulators.planning.planners.world_model import WorldModel
from tightbound.theory.planning.bounds import derived_epsilon, epsilon_greedy_bound, sampled_mass
from tightbound.theory.planning.closed_forms import (
    lock_regret,
    meet_regret,
    reveal_greedy_regret,
    reveal_regret,
)
from tightbound.theory.planning.exact_dp import probe_bsc_forward
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.instances.lock import lock
from tightbound.theory.planning.instances.meet import meet
from tightbound.theory.planning.instances.probe_bsc import probe_bsc
from tightbound.theory.planning.instances.reveal import PROBE, reveal


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Parameters
    ----------
    instance, planner_name : str
        What the row is called.
    model : HMDP
        The instance; the truth is environment 0.
    episodes : int
        T.
    planner : Planner
        Who plans.
    exact : float
        Expected regret, from a closed form or a dynamic program.
    bound : float, optional
        The bound derived for the planner, where there is one.
    """

    instance: str
    planner_name: str
    model: HMDP
    episodes: int
    planner: Planner
    exact: float
    bound: float | None = None


def cases() -> tuple[Case, ...]:
    """Return the rows: naive, greedy, planned and exploring, on instances with exact regret."""
    many = 8000

    def exploring(environments: int, eta: float) -> tuple[float, Planner, float]:
        mass = sampled_mass(2, environments)
        eps = float(derived_epsilon(many, eta, mass))
        bound = float(epsilon_greedy_bound(many, eps, eta, horizon=2, mass=mass))
        return eps, EpsilonGreedy(BAIL(), FixedSubgoal(PROBE), Constant(eps)), bound

    naive, probing = BAIL(), "eps-greedy BAIL, derived eps"
    half, half_planner, half_bound = exploring(64, 0.5)
    eta = 1.0 - 2.0 * np.sqrt(0.7 * 0.3)
    noisy, noisy_planner, noisy_bound = exploring(2, eta)
    probed = probe_bsc_forward(many, 0.7, eps=noisy).regret[-1]
    return (
        Case("REVEAL, N = T", "naive BAIL", reveal(400), 400, naive, float(reveal_regret(400, 400))),
        Case("REVEAL, N = 64", "naive BAIL", reveal(64), many, naive, float(reveal_regret(many, 64))),
        Case(
            "REVEAL, N = 64, eta = 0.5",
            probing,
            reveal(64, 0.5),
            many,
            half_planner,
            float(reveal_regret(many, 64, 0.5, half)),
            half_bound,
        ),
        Case(
            "REVEAL, N = 3", "greedy BAIL", reveal(3), many, GreedyBAIL(), float(reveal_greedy_regret(many))
        ),
        Case("REVEAL, N = 3", "world model, naive", reveal(3), many, WorldModel(), many / 2),
        Case("LOCK, d = 4", "naive BAIL", lock(4), many, naive, float(lock_regret(many, 4))),
        Case("LOCK, d = 8", "naive BAIL", lock(8), many, naive, float(lock_regret(many, 8))),
        Case("PROBE-BSC, q = 0.7", probing, probe_bsc(0.7), many, noisy_planner, float(probed), noisy_bound),
        Case(
            "MEET, N = 2, K = 3",
            "naive BAIL, joint draw",
            meet(2, 3),
            many,
            naive,
            float(meet_regret(many, 2, 3)),
        ),
    )


def simulated(case: Case, replications: int, seed: int) -> dict[str, tuple[float, float]]:
    """Return mean and standard error of both engines; beliefs carry BAIL planners only."""
    from tightbound.simulators.planning.simulate import simulate
    from tightbound.simulators.planning.simulate_beliefs import simulate_beliefs

    arguments = (case.model, 0, case.episodes, case.planner)
    results = {"tree": simulate(*arguments, replications=replications, key=seed)}
    if not isinstance(case.planner, WorldModel):
        results["beliefs"] = simulate_beliefs(*arguments, replications=replications, rng=seed)
    return {
        name: (float(result.value[-1]), float(result.standard_error[-1])) for name, result in results.items()
    }


def markdown(rows: Sequence[Case], *, replications: int = 400, seed: int = 0) -> str:
    """Return the table, one line per case."""
    lines = [
        "| instance | planner | T | exact | simulated, histories | simulated, beliefs | derived bound |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in rows:
        found = simulated(case, replications, seed)
        shown = [_number(*found[name]) if name in found else "–" for name in ("tree", "beliefs")]
        bound = "–" if case.bound is None else f"{case.bound:.4g}"
        cells = [case.instance, case.planner_name, str(case.episodes), f"{case.exact:.5g}", *shown, bound]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float, error: float) -> str:
    return f"{value:.5g}" if error < 1e-9 * max(abs(value), 1.0) else f"{value:.5g} ± {error:.2g}"


if __name__ == "__main__":
    print(markdown(cases()))

"""GMFG-5: errors of sampled action values over episodes and representatives, alone and inside MonoMD."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory.graphon_games import GraphonGame, action_values, exponential, flow, random_linear
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import Slope

PAPER = "gmfg_monotone"
SIMULATED = "episodes of simulated agents in place of an environment"

Arrays = dict[str, Any]

_LAM = 0.5


def _random_policy(game: GraphonGame, rng: np.random.Generator) -> np.ndarray:
    shape = game.uniform_policy().shape
    return rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])


# --- GMFG-5a: error over episodes
# ------------------------------------------------------------------------------


def _error_curve(cell: Cell, rng: np.random.Generator, *, covering: bool) -> Arrays:
    """Return mean errors of Q at the sampled agents, shape (R, T) over numbers of episodes."""
    from tightbound.simulators.graphon_games.q_estimation import estimate_action_values

    rows = []
    for _ in range(cell["instances"]):
        game = random_linear(rng=rng)
        policy = _random_policy(game, rng)
        behaviour = game.uniform_policy()
        if not covering:
            behaviour[...] = (0.0, 0.5, 0.5)
        crowd = flow(game, policy)
        exact = action_values(game, policy, crowd, _LAM)
        curve = []
        for episodes in cell["episodes"]:
            found = estimate_action_values(
                game,
                policy,
                agents=cell["agents"],
                episodes=episodes,
                lam=_LAM,
                behaviour=behaviour,
                key=int(rng.integers(2**31)),
                replications=cell["replications"],
            )
            error = np.abs(found.value - exact[found.agents]).mean(axis=-1)
            curve.append((crowd[found.agents] * error).sum(axis=-1).mean(axis=(1, 2)))
        rows.append(np.array(curve).T)
    return {"value": np.concatenate(rows), "x": np.array(cell["episodes"])}


def error_over_episodes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean error of Q under the uniform behaviour, weighted by how often the policy visits a state."""
    return _error_curve(cell, rng, covering=True)


def error_without_coverage(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same under a behaviour that never plays the first action."""
    return _error_curve(cell, rng, covering=False)


GMFG_5A = Claim(
    id="GMFG-5a",
    paper=PAPER,
    title="At the sampled agents the error of Q falls like one over the root of the episodes",
    statement=r"log-log slope of E|Q_hat - Q| in K is -1/2 +- 0.05 for K >= 800, against exact Q by dynamic "
    "programming, under the uniform behaviour; with fewer episodes rare cells stay empty and bias the slope",
    source="Error O(K^{-1/2} + N^{-1}) of the estimate, from third-party summaries",
    provenance="recall",
    statistic=Slope(target=-0.5, side="two-sided", tolerance=0.05, axis="episodes"),
    grid=Grid(
        quick=[{"instances": 24, "agents": 5, "episodes": (800, 3200, 12800), "replications": 4}],
        standard=[{"instances": 20, "agents": 5, "episodes": (800, 3200, 12800), "replications": 40}],
    ),
    measure=error_over_episodes,
    control=NegativeControl(
        measure=error_without_coverage,
        because="a behaviour that never plays an action learns nothing about it, and the error stays",
        grid=Grid(
            quick=[{"instances": 2, "agents": 5, "episodes": (800, 3200, 12800), "replications": 4}],
        ),
    ),
    substitutes=SIMULATED,
    seconds={"quick": 3.0, "standard": 40.0},
)


# --- GMFG-5b: error over representatives
# ------------------------------------------------------------------------


def _nearest_curve(cell: Cell, rng: np.random.Generator, share: float) -> Arrays:
    """Return mean differences of Q between blocks and representatives in the first ``share`` of them."""
    from tightbound.simulators.graphon_games.q_estimation import representative_blocks

    rows = []
    for _ in range(cell["instances"]):
        game = random_linear(rng=rng, graphon=exponential(), blocks=cell["blocks"], coupling=-3.0)
        # One policy for all, so that blocks differ through the graphon only.
        policy = np.broadcast_to(_random_policy(game, rng)[:1], game.uniform_policy().shape)
        exact = action_values(game, policy, flow(game, policy), _LAM)
        curve = []
        for agents in cell["agents"]:
            chosen, _ = representative_blocks(int(game.blocks * share), agents)
            nearest = np.abs(np.arange(game.blocks)[:, None] - chosen[None]).argmin(axis=1)
            curve.append(np.abs(exact[chosen[nearest]] - exact).mean())
        rows.append(curve)
    return {"value": np.array(rows), "x": np.array(cell["agents"])}


def bias_of_nearest(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean error of exact Q taken from the nearest of N evenly spread representatives."""
    return _nearest_curve(cell, rng, 1.0)


def bias_of_crowded(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with all representatives in the first tenth of the agents."""
    return _nearest_curve(cell, rng, 0.1)


GMFG_5B = Claim(
    id="GMFG-5b",
    paper=PAPER,
    title="Taking Q from the nearest representative costs one over their number",
    statement=r"log-log slope of the mean of |Q^{nearest} - Q| in N is -1 +- 0.05 with exact Q on exp(3)",
    source="Error O(K^{-1/2} + N^{-1}) of the estimate, from third-party summaries; a Lipschitz graphon",
    provenance="recall",
    statistic=Slope(target=-1.0, side="two-sided", tolerance=0.05, axis="agents"),
    grid=Grid(
        quick=[{"instances": 6, "blocks": 240, "agents": (2, 4, 12, 20)}],
        standard=[{"instances": 30, "blocks": 480, "agents": (2, 4, 12, 24, 40)}],
    ),
    measure=bias_of_nearest,
    control=NegativeControl(
        measure=bias_of_crowded,
        because="representatives crowded in one tenth say nothing about the others, however many they are",
    ),
    seconds={"quick": 0.5, "standard": 6.0},
)


# --- GMFG-5c: MonoMD with estimated Q
# -----------------------------------------------------------------------


def _plateau(cell: Cell, rng: np.random.Generator, agents: int) -> Arrays:
    """Return the policy distance that sampled MonoMD settles at, shape (R, T) over numbers of episodes."""
    from tightbound.simulators.graphon_games import MonoMD, SampledMonoMD, solve, solve_batch

    game = random_linear(rng=rng, blocks=cell["blocks"], graphon=exponential(), coupling=-10.0)
    truth = solve(game, MonoMD(eta=0.3 / _LAM, lam=_LAM), max_iter=200)
    copies, steps = cell["replications"], cell["steps"]
    curve = []
    for episodes in cell["episodes"]:
        sampled = SampledMonoMD(eta=0.5 / _LAM, lam=_LAM, agents=agents, episodes=episodes)
        found = solve_batch(
            [game] * copies,
            sampled,
            max_iter=steps,
            references=[truth] * copies,
            key=int(rng.integers(2**31)),
        )
        curve.append([one.history["policy_distance"][steps // 2 :].mean() for one in found])
    return {"value": np.array(curve).T, "x": np.array(cell["episodes"])}


def plateau_over_episodes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Distance to the equilibrium at which MonoMD with sampled Q settles, every block being sampled."""
    return _plateau(cell, rng, cell["blocks"])


def plateau_of_two_agents(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with two representatives for all blocks."""
    return _plateau(cell, rng, 2)


GMFG_5C = Claim(
    id="GMFG-5c",
    paper=PAPER,
    title="MonoMD with sampled Q settles at a distance that falls like one over the root of the episodes",
    statement=r"log-log slope in K of D(pi_t, pi*) averaged over the second half of the run is -1/2 +- 0.1, "
    "20 runs per K, when every block is sampled",
    source="Error O(K^{-1/2} + N^{-1}) carried through the iteration, from third-party summaries",
    provenance="recall",
    statistic=Slope(target=-0.5, side="two-sided", tolerance=0.1, axis="episodes"),
    grid=Grid(
        quick=[{"blocks": 8, "episodes": (200, 1600), "replications": 20, "steps": 16}],
        standard=[{"blocks": 8, "episodes": (200, 800, 3200), "replications": 40, "steps": 30}],
    ),
    measure=plateau_over_episodes,
    control=NegativeControl(
        measure=plateau_of_two_agents,
        because="with two representatives the bias of the nearest one remains, whatever the episodes",
    ),
    substitutes=SIMULATED,
    seconds={"quick": 3.0, "standard": 40.0},
)

Q_ESTIMATION = (GMFG_5A, GMFG_5B, GMFG_5C)

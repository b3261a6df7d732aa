"""Speed: exact belief updates beside other packages, a whole experiment, experts over beliefs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from tightbound.papers.bail_planner import _peers
from tightbound.verification.bench import Benchmark, Row, compare, timed
from tightbound.verification.peers import Match, Pair, Peer, PeerBenchmark, agree
from tightbound.verification.threads import threads

SIZE = 16
TOLERANCE = 1e-12


def update_task(rows: int) -> tuple[Any, ...]:
    """Return a model with 16 states, subgoals and observations, and beliefs, subgoals and observations."""
    from tightbound.theory.planning.instances.random_hmdp import random_hmdp

    rng = np.random.default_rng(0)
    model = random_hmdp(1, SIZE, SIZE, SIZE, 2, 1.0, rng)
    beliefs = rng.dirichlet(np.ones(SIZE), rows)
    return model, beliefs, rng.integers(0, SIZE, rows), rng.integers(0, SIZE, rows)


def updates() -> Sequence[Row]:
    """Time updates by batch, on one core."""
    from tightbound.simulators.planning.belief import update_beliefs

    found = []
    with threads(1):
        for rows in (1, 64, 4096, 65_536):
            task = update_task(rows)
            median, low, high = (1e9 * s / rows for s in timed(lambda task=task: update_beliefs(*task)))  # type: ignore[misc]
            row = {"what": f"update_beliefs, {rows} at a time", "size": "S=G=O=16", "unit": "ns/update"}
            found.append({**row, "median": median, "low20": low, "high80": high})
    return found


def match(peer: _peers.Peer, rows: int = 4096) -> Match:
    """Return an update of all beliefs here and in another package, after checking that they agree."""
    from tightbound.simulators.planning.belief import update_beliefs

    task = update_task(rows)
    theirs = peer(*task)
    return Match(partial(update_beliefs, *task), theirs, agree(theirs(), update_beliefs(*task)[0], TOLERANCE))


def pair(name: str, module: str) -> Pair:
    """Return the comparison of belief updates with one package."""
    label, peer = _peers.PEERS[module]
    problem = f"exact update of 4096 beliefs, S=G=O={SIZE}"
    return Pair(problem, "update_beliefs", label, Peer(name, [module]), partial(match, peer))


def experiment_model() -> Any:
    """Return four random environments with 1600 possible episodes."""
    from tightbound.theory.planning.instances.random_hmdp import random_hmdp

    return random_hmdp(4, 4, 5, 4, 3, 1.0, np.random.default_rng(0))


def experiment() -> Sequence[Row]:
    """Time the epsilon-greedy experiment, 200 runs of 8000 episodes, on the tree and on beliefs."""
    from tightbound.simulators.planning.planners.bail import BAIL
    from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
    from tightbound.simulators.planning.planners.schedules import Constant
    from tightbound.simulators.planning.planners.uniform import Uniform
    from tightbound.simulators.planning.simulate import simulate
    from tightbound.simulators.planning.simulate_beliefs import simulate_beliefs
    from tightbound.theory.planning.tree import HistoryTree

    model, planner = experiment_model(), EpsilonGreedy(BAIL(), Uniform(), Constant(0.05))
    tree = HistoryTree(model)
    return compare(
        {
            "simulate (history tree, JAX)": lambda: simulate(tree, 0, 8000, planner, replications=200, key=0),
            "simulate_beliefs (Numba)": lambda: simulate_beliefs(
                model, 0, 8000, planner, replications=200, rng=0
            ),
        },
        size=f"Z=4, {tree.leaves} leaves, R=200, T=8000",
        ratio_to="simulate (history tree, JAX)",
        rounds=3,
    )


def experts() -> Sequence[Row]:
    """Time experts over histories and over beliefs, on a ring of cells that is seen perfectly."""
    from tightbound.simulators.planning.belief_expert import belief_expert
    from tightbound.theory.planning.expert import expert
    from tightbound.theory.planning.hmdp import HMDP

    def ring(horizon: int) -> HMDP:
        walk = 0.8 * np.roll(np.eye(8), 1, axis=1) + 0.2 * np.eye(8)
        reward = np.tile(np.eye(8)[7], (horizon, 1))
        return HMDP(np.eye(8)[0], [np.stack([walk, np.eye(8)], 1)], np.eye(8), reward)

    short, long = ring(11), ring(1000)
    functions = {"expert": lambda: expert(short), "belief_expert": lambda: belief_expert(short)}
    rows = compare(functions, size="S=O=8, G=2, H=11", ratio_to="belief_expert", rounds=5)
    median, low, high = timed(lambda: belief_expert(long), rounds=5)
    row = {"what": "belief_expert", "size": "S=O=8, G=2, H=1000", "unit": "s"}
    return [*rows, {**row, "median": median, "low20": low, "high80": high}]


BENCHMARKS = (
    Benchmark("planning-updates", "Nanoseconds per exact belief update at S = G = O = 16", updates),
    PeerBenchmark(
        "planning-peers",
        "Exact belief updates in other packages",
        [pair("pomdp-py", "pomdp_py"), pair("inferactively-pymdp", "pymdp")],
    ),
    Benchmark("planning-experiment", "200 runs of 8000 episodes of epsilon-greedy BAIL", experiment),
    Benchmark("planning-experts", "Experts over histories and over beliefs", experts),
)

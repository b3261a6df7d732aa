"""Run with: pytest tests/benchmarks --benchmark-only."""

import numpy as np
import pytest

from tightbound.papers.bail_planner import _peers
from tightbound.papers.bail_planner import benchmarks as bench
from tightbound.simulators.planning.belief import update_beliefs
from tightbound.simulators.planning.belief_expert import belief_expert
from tightbound.simulators.planning.planners.bail import BAIL
from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.planning.planners.schedules import Constant
from tightbound.simulators.planning.planners.uniform import Uniform
from tightbound.simulators.planning.simulate import simulate
from tightbound.simulators.planning.simulate_beliefs import simulate_beliefs
from tightbound.theory.planning.tree import HistoryTree
from tightbound.verification.threads import threads

PLANNER = EpsilonGreedy(BAIL(), Uniform(), Constant(0.05))


@pytest.mark.parametrize("rows", [1, 64, 4096, 65_536])
def test_update(benchmark, rows):
    task = bench.update_task(rows)
    with threads(1):
        benchmark(update_beliefs, *task)


@pytest.mark.parametrize("package", sorted(_peers.PEERS))
def test_peer(benchmark, package):
    pytest.importorskip(package)
    task = bench.update_task(512)
    _, peer = _peers.PEERS[package]
    updated = benchmark.pedantic(peer(*task), rounds=3, warmup_rounds=1)
    np.testing.assert_allclose(updated, update_beliefs(*task)[0], rtol=0, atol=bench.TOLERANCE)


def test_experiment_on_the_tree(benchmark):
    tree = HistoryTree(bench.experiment_model())
    assert tree.leaves <= 2000
    arguments = (tree, 0, 8000, PLANNER)
    benchmark.pedantic(simulate, arguments, {"replications": 200, "key": 0}, rounds=3, warmup_rounds=1)


def test_experiment_on_beliefs(benchmark):
    arguments = (bench.experiment_model(), 0, 8000, PLANNER)
    benchmark.pedantic(
        simulate_beliefs, arguments, {"replications": 200, "rng": 0}, rounds=3, warmup_rounds=1
    )


def test_expert(benchmark):
    benchmark(belief_expert, bench.experiment_model())

"""Run with: pytest tests/benchmarks --benchmark-only."""

import numpy as np
import pytest

from tightbound.papers.bandit_spec import _peers
from tightbound.papers.bandit_spec import benchmarks as bench
from tightbound.theory.bandits import stopping_time_curve, truncated_geometric
from tightbound.verification.threads import threads


@pytest.mark.parametrize("policy", bench.policies(), ids=lambda policy: type(policy).__name__)
def test_decision(benchmark, policy):
    with threads(1):
        benchmark.extra_info["decisions"] = bench.decisions(policy, 20_000, bench.RUNS)
        benchmark(bench.decisions, policy, 20_000, bench.RUNS)


def test_experiment(benchmark):
    benchmark.pedantic(bench.decisions, args=(bench.policies()[0], 2000, 100_000), rounds=3, warmup_rounds=1)


def test_renewal(benchmark):
    benchmark(stopping_time_curve, truncated_geometric(0.8, 4), 1_000_000)


@pytest.mark.parametrize(
    ("package", "runner"), [("SMPyBandits", _peers.smpybandits_ucb1), ("mabwiser", _peers.mabwiser_ucb1)]
)
def test_peer(benchmark, package, runner):
    pytest.importorskip(package)
    draws = bench._draws(5000, 1)[0]
    rounds = benchmark.pedantic(runner, args=(draws, 4, 5000), rounds=3, warmup_rounds=1)
    assert np.ceil(5000 / 5) <= rounds <= 5000

"""Run with: pytest tests/benchmarks --benchmark-only."""

import pytest

from tightbound.papers.attention_sink import benchmarks as bench
from tightbound.verification.threads import threads


def test_training(benchmark):
    found = benchmark.pedantic(bench.training(1, 50), rounds=3, warmup_rounds=1)
    benchmark.extra_info["steps"] = 50
    assert found[0].num_iter == 50


def test_training_beside_torch(beside):
    pytest.importorskip("torch")
    with threads(1, torch=True):
        match = bench.match()
        beside(match.ours, match.theirs, "torch", rounds=3)

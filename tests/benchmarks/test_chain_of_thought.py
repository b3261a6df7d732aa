"""Run with: pytest tests/benchmarks --benchmark-only."""

import pytest
from scipy.special import logsumexp

from tightbound.papers.cot_statistics import benchmarks as bench
from tightbound.theory.method_of_types import number_of_types


@pytest.mark.parametrize(("n", "atoms"), bench.TYPES)
def test_types(benchmark, n, atoms):
    found = benchmark(bench.enumerate_types, n, atoms)
    assert found.size == number_of_types(n, atoms)
    assert logsumexp(found) == pytest.approx(0.0, abs=1e-10)


@pytest.mark.parametrize("method", ["importance", "monte_carlo"])
def test_prompting_error(benchmark, method):
    found = benchmark.pedantic(bench.estimate, (method,), rounds=3, warmup_rounds=1)
    assert found.doubt.log_value < 0.0

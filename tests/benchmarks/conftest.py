import os

import pytest

from tightbound.verification.bench import compare


def pytest_configure(config):
    """Let JAX optimise what is timed; other tests compile more than they run."""
    if config.getoption("benchmark_only"):
        os.environ.pop("JAX_DISABLE_MOST_OPTIMIZATIONS", None)


@pytest.fixture
def beside(benchmark):
    """Time a function, and say in the extra information how many times as long another takes, in turns."""

    def run(ours, theirs, name, rounds=5):
        found = benchmark.pedantic(ours, rounds=rounds, warmup_rounds=1)
        rows = compare({"here": ours, name: theirs}, size="", ratio_to="here", rounds=rounds, warmup=1)
        benchmark.extra_info[f"times as long: {name}"] = rows[1]["ratio"]
        return found

    return run

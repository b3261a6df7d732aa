"""One benchmark."""

from tightbound.verification.bench import Benchmark, compare


def run_sums():
    return compare(
        {"loop": lambda: sum(n for n in range(2000)), "sum": lambda: sum(range(2000))},
        size="n=2000",
        ratio_to="sum",
        rounds=3,
    )


BENCHMARKS = (Benchmark("sums", "a loop against the built-in sum", run_sums),)

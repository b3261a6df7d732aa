"""Two benchmarks, one beside other packages: one that is there, and one that is not."""

from tightbound.verification.bench import Benchmark, compare
from tightbound.verification.peers import Match, Pair, Peer, PeerBenchmark, agree


def run_sums():
    return compare(
        {"loop": lambda: sum(n for n in range(2000)), "sum": lambda: sum(range(2000))},
        size="n=2000",
        ratio_to="sum",
        rounds=3,
    )


def match():
    import numpy as np

    numbers = np.arange(2000)
    agreement = agree(numbers.sum(), sum(range(2000)), 0.0)
    return Match(lambda: sum(range(2000)), numbers.sum, agreement)


PAIRS = (
    Pair("sum of 2000 | numbers", "sum", "sum", Peer("numpy", ["numpy"]), match, seconds=0.01),
    Pair("sum of 2000 | numbers", "sum", "add", Peer("no-such-package", ["no_such_package"]), match),
)

BENCHMARKS = (
    Benchmark("sums", "a loop against the built-in sum", run_sums),
    PeerBenchmark("sum-peers", "sums in other packages", PAIRS),
)

"""Speed: nanoseconds per decision, a whole experiment, the renewal equation, other packages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from tightbound.verification.bench import Benchmark, Row, compare, timed

ACCEPTANCE, MAX_DRAFT = (0.9, 0.8, 0.6, 0.3), 4
COSTS = (38.0, 28.0, 29.0, 27.0)
RUNS = 100


@contextmanager
def one_core() -> Iterator[None]:
    """Run compiled loops on one thread inside this context."""
    import numba

    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(threads)


def policies() -> tuple[Any, ...]:
    """Return one instance of every policy that K = 4 truncated geometric arms can run."""
    from tightbound.simulators import bandits as b

    lengths = (1, 2, 3, 4)
    return (
        b.UCBSpec(),
        b.EXP3Spec(),
        b.TokenThompson(),
        b.TokenKLUCB(),
        b.ReleasedUCB(),
        b.UCB1(),
        b.UCBTuned(),
        b.UCBV(),
        b.MOSS(),
        b.CostAwareUCBSpec(COSTS),
        b.ThroughputUCB(COSTS, (0.02, 0.2)),
        b.SlidingWindowUCB(1000),
        b.DiscountedUCB(0.999),
        b.MetaSDUCB(),
        b.EXP3S(),
        b.Hedge(),
        b.HedgeSpec(),
        b.Greedy(),
        b.EpsilonGreedy(1.0),
        b.HeuristicSchedule(lengths),
        b.EMAHysteresis(lengths),
        b.RoundRobin(),
        b.FixedArm(0),
    )


def decisions(policy: Any, tokens: int, replications: int) -> int:
    """Run a policy on the K = 4 instance and return how many decisions it took."""
    from tightbound.simulators.bandits import TruncatedGeometric, simulate

    environment = TruncatedGeometric(ACCEPTANCE, MAX_DRAFT)
    return int(simulate(environment, policy, tokens, replications=replications, rng=0).stopping_time.sum())


def nanoseconds_per_decision() -> Sequence[Row]:
    """Time choice, draw and update together, on one core."""
    rows = []
    with one_core():
        for policy in policies():
            count = decisions(policy, 20_000, RUNS)
            seconds = timed(partial(decisions, policy, 20_000, RUNS), rounds=7)
            median, low, high = (1e9 * second / count for second in seconds)
            row = {"what": type(policy).__name__, "size": "K=4, L=4", "unit": "ns/decision"}
            rows.append({**row, "median": median, "low20": low, "high80": high})
    return rows


def experiment() -> Sequence[Row]:
    """Time 1e5 replications of B = 2000 tokens, on one core and on all."""
    from tightbound.simulators.bandits import UCBSpec

    def alone() -> None:
        with one_core():
            decisions(UCBSpec(), 2000, 100_000)

    def together() -> None:
        decisions(UCBSpec(), 2000, 100_000)

    size = "UCBSpec, K=4, B=2000, R=1e5"
    return compare({"one core": alone, "all cores": together}, size=size, ratio_to="all cores", rounds=3)


def renewal() -> Sequence[Row]:
    """Time the exact expected stopping times for every budget up to 1e6."""
    from tightbound.theory.bandits import stopping_time_curve, truncated_geometric

    law = truncated_geometric(0.8, MAX_DRAFT)
    median, low, high = timed(lambda: stopping_time_curve(law, 1_000_000))
    row = {"what": "renewal equation", "size": "B=1e6, L=4", "unit": "s"}
    return [{**row, "median": median, "low20": low, "high80": high}]


def peers() -> Sequence[Row]:
    """Time UCBSpec and UCB1 beside UCB1 of the packages that are installed, 100 runs of 5000 tokens.

    The draws of the other packages are made beforehand and not timed; ours are, and so is the exact regret.
    """
    from tightbound.simulators.bandits import UCB1, TruncatedGeometric, UCBSpec, simulate

    tokens, runs = 5000, RUNS
    environment = TruncatedGeometric(ACCEPTANCE, MAX_DRAFT)
    draws = _draws(tokens, runs)
    best = float(environment.fixed_arm_stopping_time(np.array([tokens])).min())
    regret = {
        type(policy).__name__: float(simulate(environment, policy, tokens, replications=runs, rng=0).value[0])
        for policy in (UCBSpec(), UCB1())
    }
    timing: dict[str, Any] = {
        "UCBSpec": lambda: decisions(UCBSpec(), tokens, runs),
        "UCB1": lambda: decisions(UCB1(), tokens, runs),
    }
    for name, runner in installed().items():
        timing[name] = lambda runner=runner: [runner(table, MAX_DRAFT, tokens) for table in draws]
        regret[name] = float(np.mean(timing[name]())) - best
    with one_core():
        rows = compare(timing, size=f"K=4, B={tokens}, R={runs}", ratio_to="UCB1", rounds=5, warmup=0)
    for row in rows:
        row["what"] = f"{row['what']} (regret {regret[row['what']]:.0f} rounds)"
    return rows


def installed() -> dict[str, Any]:
    """Return the UCB1 runners of the other packages that can be imported here."""
    from tightbound.papers.bandit_spec import _peers

    runners = {"SMPyBandits": _peers.smpybandits_ucb1, "mabwiser": _peers.mabwiser_ucb1}
    return {f"{name} UCB1": runner for name, runner in runners.items() if find_spec(name)}


def _draws(tokens: int, runs: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    failures = rng.geometric(1.0 - np.array(ACCEPTANCE), size=(runs, tokens, len(ACCEPTANCE)))
    return np.minimum(failures, MAX_DRAFT + 1)


BENCHMARKS = (
    Benchmark(
        "bandit-decision", "Nanoseconds per decision of every policy at K = 4", nanoseconds_per_decision
    ),
    Benchmark("bandit-experiment", "1e5 replications of 2000 tokens", experiment),
    Benchmark("bandit-renewal", "Exact stopping times up to a million tokens", renewal),
    Benchmark("bandit-peers", "UCB1 beside SMPyBandits and MABWiser on one core", peers),
)

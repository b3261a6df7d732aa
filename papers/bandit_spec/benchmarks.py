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


WORKLOAD = {
    "code": ("formatstrings", "compound"),
    "prose": ("exceptions", "execmodel"),
    "lists": ("operator-summary", "string-methods"),
}
"""Python's help topics that a model continues, by kind."""
PROMPT_TOKENS, NEW_TOKENS = 192, 64
DRAFTERS = ("prompt_lookup:4", "suffix_automaton:8", "datastore:4", "ngram:4")
LEARNERS = ("ucb_spec", "exp3_spec", "thompson")


def live() -> Sequence[Row]:
    """Continue help topics with SmolLM2-135M-Instruct, with each drafter and with policies over all.

    Rows are medians and quantiles over the prompts; ratios are of totals over all prompts. The datastore and
    the n-gram model hold all other topics.
    """
    from tightbound.simulators.speculative.generate import compare, generate, warm_up

    orders, rounds, speeds = live_orders(), {}, {}
    for name, some in orders.items():
        warm_up(some[0])
        found = [generate(order) for order in some]
        for order, one in zip(some, found, strict=True) if name == LEARNERS[0] else ():
            if compare(order, one).text == "different":
                raise ArithmeticError("the text under a policy is not that of plain decoding")
        rounds[name] = np.array([one.completion.log.rounds for one in found])
        speeds[name] = np.array([one.decoding.tokens_per_second for one in found])
    tokens = np.array([one.completion.tokens.size for one in found])  # the same for all: so is the text
    return live_rows(tokens, rounds, speeds)


def live_orders() -> dict[str, list[Any]]:
    """Return one order per prompt, by the name of a drafter or policy."""
    from pydoc_data.topics import topics

    from tightbound.simulators.language_models import smollm2
    from tightbound.simulators.speculative.generate import Order
    from tightbound.simulators.speculative.named_drafters import (
        Material,
        arm_lengths,
        named_arms,
        named_policy,
    )

    model, tokenizer = smollm2.load()
    used = [name for names in WORKLOAD.values() for name in names]
    prompts = [tokenizer.encode(topics[name])[:PROMPT_TOKENS] for name in used]
    memory = "\n\n".join(text for name, text in topics.items() if name not in used)
    arms = named_arms(arm_lengths(DRAFTERS, 4), Material(model, tokenizer, memory))
    each = {"none": named_arms(arm_lengths(["none"], 0), Material(model, tokenizer))}
    each |= {name: {name: arm} for name, arm in arms.items()}
    orders = {
        name: [Order(model, tokenizer, prompt, mine, None, NEW_TOKENS) for prompt in prompts]
        for name, mine in each.items()
    }
    for name in LEARNERS:
        chosen = named_policy(name)
        orders[name] = [Order(model, tokenizer, prompt, arms, chosen, NEW_TOKENS) for prompt in prompts]
    return orders


def live_rows(tokens: Any, rounds: dict[str, Any], speeds: dict[str, Any]) -> list[Row]:
    """Return rows of tokens per round and of tokens per second from what each prompt took.

    Parameters
    ----------
    tokens : ndarray of int, shape (prompts,)
        Written tokens.
    rounds, speeds : mapping from str to ndarray, shape (prompts,)
        Rounds and tokens per second of "none", every drafter and every policy.
    """
    fixed = np.array([rounds[name] for name in DRAFTERS])
    rounds = {**rounds, "best drafter of each prompt": fixed.min(axis=0)}
    best = DRAFTERS[int(fixed.sum(axis=1).argmin())]
    size = f"{tokens.size} prompts, {tokens.sum()} tokens"
    rows: list[Row] = []
    seconds = {name: tokens / speed for name, speed in speeds.items()}
    for unit, spent in (("tokens/round", rounds), ("tokens/s", seconds)):
        for name, some in spent.items():
            low, median, high = np.quantile(tokens / some, (0.2, 0.5, 0.8))
            ratio = float(spent[best].sum() / some.sum())
            row = {"what": name, "size": size, "unit": unit, "ratio_to": best, "ratio": ratio}
            rows.append({**row, "median": float(median), "low20": float(low), "high80": float(high)})
    return rows


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
    Benchmark("bandit-live", "Policies over drafters while SmolLM2-135M-Instruct writes", live),
    Benchmark("bandit-peers", "UCB1 beside SMPyBandits and MABWiser on one core", peers),
)

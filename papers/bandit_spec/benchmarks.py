"""Speed: nanoseconds per decision, a whole experiment, the renewal equation, other packages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from tightbound.papers.bandit_spec import _peers
from tightbound.verification.bench import Benchmark, Row, compare, timed
from tightbound.verification.peers import Match, Pair, Peer, PeerBenchmark
from tightbound.verification.threads import threads

ACCEPTANCE, MAX_DRAFT = (0.9, 0.8, 0.6, 0.3), 4
COSTS = (38.0, 28.0, 29.0, 27.0)
RUNS = 100
TOKENS, PEER_RUNS = 5000, 20
"""Budget and runs beside other packages."""


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
    with threads(1):
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
        with threads(1):
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


def match(peer: _peers.Runner, *, exact: bool, tokens: int = TOKENS, runs: int = PEER_RUNS) -> Match:
    """Return runs of UCB1 here and in another package, after checking that rounds agree on the same draws.

    Parameters
    ----------
    peer : callable
        Returns the rounds it needs on one table of draws, which are made beforehand.
    exact : bool
        Whether it breaks ties as we do, so that every run has to take as many rounds. One that breaks them at
        random, where we take the first arm, which here is the best, has to agree within 1 % on average.
    tokens, runs : int
        Budget of a run, and runs.
    """
    from tightbound.simulators.bandits import UCB1, Table, simulate

    draws = _draws(tokens, runs)
    ours = [
        simulate(Table(table), UCB1(), tokens, replications=1, rng=0).stopping_time[0, 0] for table in draws
    ]
    more = np.array([peer(table, MAX_DRAFT, tokens) for table in draws]) - ours
    mean, error = float(more.mean()), float(more.std(ddof=1)) / runs**0.5
    if np.any(more) if exact else abs(mean) > 0.01 * np.mean(ours):
        raise ArithmeticError(f"it takes {mean:+.3g} rounds (± {error:.2g}): speeds cannot be compared")
    return Match(
        partial(decisions, UCB1(), tokens, runs),
        lambda: [peer(table, MAX_DRAFT, tokens) for table in draws],
        "equal rounds in every run" if exact else f"{mean:+.1f} ± {error:.1f} rounds of {np.mean(ours):.0f}",
    )


def pair(name: str, peer: _peers.Runner, *, exact: bool) -> Pair:
    """Return the comparison of UCB1 with one package; we also draw, and solve for the exact regret."""
    problem = f"UCB1, {PEER_RUNS} runs of {TOKENS} tokens, K={len(ACCEPTANCE)}"
    return Pair(problem, "simulate", "UCB1", Peer(name, [name]), partial(match, peer, exact=exact))


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
    the n-gram model hold all other topics. The reading of prompts is not timed.
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

    Ratios are to the drafter that is best over all prompts; the best drafter of each prompt is known only
    afterwards.

    Parameters
    ----------
    tokens : ndarray of int, shape (prompts,)
        Written tokens.
    rounds, speeds : mapping from str to ndarray, shape (prompts,)
        Rounds and tokens per second of "none", every drafter and every policy.
    """
    size = f"{tokens.size} prompts, {tokens.sum()} tokens"
    rows: list[Row] = []
    seconds = {name: tokens / speed for name, speed in speeds.items()}
    for unit, spent in (("tokens/round", rounds), ("tokens/s", seconds)):
        fixed = np.array([spent[name] for name in DRAFTERS])
        best = DRAFTERS[int(fixed.sum(axis=1).argmin())]
        for name, some in {**spent, "best drafter of each prompt": fixed.min(axis=0)}.items():
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
    PeerBenchmark(
        "bandit-peers",
        "UCB1 in other packages",
        [
            pair("SMPyBandits", _peers.smpybandits_ucb1, exact=False),
            pair("mabwiser", _peers.mabwiser_ucb1, exact=True),
        ],
    ),
)

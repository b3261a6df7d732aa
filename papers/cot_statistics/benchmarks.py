"""Speed: all prompts up to order, and prompting errors too small to be met by chance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from tightbound.verification.bench import Benchmark, Row, compare, timed
from tightbound.verification.peers import Match, Pair, Peer, PeerBenchmark, agree

DEMONSTRATIONS, SAMPLES = 640, 100_000
TYPES = ((83, 4), (14, 8), (5, 27))
"""Pairs (n, A) of demonstrations and trajectories with 102 340, 116 280 and 169 911 count vectors."""


def enumerate_types(n: int, atoms: int) -> np.ndarray:
    """Return the log probability of every count vector under a random law of trajectories."""
    from tightbound.theory.method_of_types import count_vectors, log_likelihood, log_multinomial

    law = np.random.default_rng(0).dirichlet(np.ones(atoms), 8)
    counts = count_vectors(n, atoms)
    return np.asarray(log_multinomial(counts) + log_likelihood(counts, np.log(law))[:, 0])


def types() -> Sequence[Row]:
    """Time enumeration, multinomial weights and the likelihoods of 8 tasks, for about 1e5 count vectors."""
    from tightbound.theory.method_of_types import number_of_types

    rows = []
    for n, atoms in TYPES:
        median, low, high = timed(partial(enumerate_types, n, atoms), rounds=7)
        size = f"n={n}, A={atoms}: {number_of_types(n, atoms)} types"
        row = {"what": "count vectors with weights", "size": size, "unit": "s"}
        rows.append({**row, "median": median, "low20": low, "high80": high})
    return rows


def chain_task() -> Any:
    """Return four random tasks of two steps on three states."""
    from tightbound.simulators.chain_of_thought.random_chain import random_chain

    return random_chain(4, 2, 3, rng=0)


def estimate(method: str, samples: int = SAMPLES) -> Any:
    """Return the prompting error at n = 640 by sampling."""
    from tightbound.simulators.chain_of_thought.prompting_error import prompting_error

    chain: Any = chain_task()
    return prompting_error(chain, 0, DEMONSTRATIONS, method=method, samples=samples, rng=0)  # type: ignore[arg-type]


def importance() -> Sequence[Row]:
    """Time importance sampling at n = 640 beside plain sampling, with the relative errors of E[1 - pi_n]."""
    methods = {"importance sampling": "importance", "plain Monte Carlo": "monte_carlo"}
    found = {name: estimate(method).doubt for name, method in methods.items()}
    rows = compare(
        {name: partial(estimate, method) for name, method in methods.items()},
        size=f"M=4, H=2, m=3, n={DEMONSTRATIONS}, {SAMPLES} prompts",
        ratio_to="importance sampling",
        rounds=5,
    )
    for row in rows:
        doubt = found[row["what"]]
        row["what"] += f" (log value {doubt.log_value:.4g}, relative error {doubt.relative_error:.2%})"
    return rows


def match(n: int, atoms: int) -> Match:
    """Return log probabilities of all count vectors under 8 laws, here and by SciPy, one law at a time."""
    from scipy.stats import multinomial

    from tightbound.theory.method_of_types import count_vectors, log_likelihood, log_multinomial

    laws = np.random.default_rng(0).dirichlet(np.ones(atoms), 8)
    counts = count_vectors(n, atoms)

    def ours() -> Any:
        return log_multinomial(counts)[:, None] + log_likelihood(counts, np.log(laws))

    def theirs() -> Any:
        return np.stack([multinomial.logpmf(counts, n, law) for law in laws], axis=1)

    return Match(ours, theirs, agree(theirs(), ours(), 1e-11, relative=True))


def pair(n: int, atoms: int) -> Pair:
    """Return the comparison with SciPy for n demonstrations and so many trajectories."""
    problem = f"8 multinomial laws at all count vectors, n={n}, A={atoms}"
    ours, theirs = "log_multinomial + log_likelihood", "multinomial.logpmf"
    return Pair(problem, ours, theirs, Peer("scipy", ["scipy"]), partial(match, n, atoms))


BENCHMARKS = (
    Benchmark("cot-types", "All prompts of about 1e5 types, with their probabilities", types),
    Benchmark("cot-importance", "The prompting error at n = 640 by importance sampling", importance),
    PeerBenchmark("cot-peers", "Laws of count vectors in other packages", [pair(*TYPES[0]), pair(*TYPES[2])]),
)

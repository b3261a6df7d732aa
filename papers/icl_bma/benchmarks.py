"""Speed: exact averages over many tasks, beside other packages; a stack of linear attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tightbound.papers.icl_bma import _peers
from tightbound.verification.bench import Benchmark, Row, compare, timed
from tightbound.verification.peers import Match, Pair, Peer, PeerBenchmark, agree
from tightbound.verification.threads import threads

TASKS, SYMBOLS, LENGTH = 64, 50, 256
TOLERANCE = 1e-10
"""Of log likelihoods, relative: packages that differ by more are not compared."""


def table_task(tasks: int, sequences: int) -> tuple[Any, ...]:
    """Return independent tasks with 4 covariates and 8 responses, and sequences of their demonstrations."""
    from tightbound.simulators.in_context.sampling import sample
    from tightbound.theory.in_context.finite_tasks import FiniteTasks

    rng = np.random.default_rng(0)
    model = FiniteTasks(np.full(tasks, 1.0 / tasks), rng.dirichlet(np.ones(8), (tasks, 4)))
    return model, *sample(model, LENGTH, sequences, rng=rng)[1:]


def bank_task(states: int, sequences: int, tasks: int = TASKS, length: int = LENGTH) -> tuple[Any, ...]:
    """Return a bank of random hidden Markov models over 50 symbols, and sequences of theirs.

    No response is impossible, as other packages need.
    """
    from tightbound.simulators.in_context.sampling import sample
    from tightbound.theory.in_context.hmm_concept import HMMConcept

    rng = np.random.default_rng(0)
    bank = HMMConcept(
        np.full(tasks, 1.0 / tasks),
        rng.dirichlet(np.ones(states), tasks),
        rng.dirichlet(np.ones(states), (tasks, states)),
        rng.dirichlet(np.ones(SYMBOLS), (tasks, states, 1)),
    )
    return bank, *sample(bank, length, sequences, rng=rng)[1:]


def log_likelihoods(bank: Any, covariates: Any, responses: Any) -> np.ndarray:
    """Return log P(S_T | z), shape (B, M), from the posterior, the evidence and the prior of our scan."""
    from tightbound.simulators.in_context.scan_tasks import scan_final_log_posterior, scan_log_predictive

    evidence = scan_log_predictive(bank, covariates, responses).sum(axis=-1)
    weights = scan_final_log_posterior(bank, covariates, responses)
    return np.asarray(weights + evidence[:, None] - bank.log_prior)


def tables() -> Sequence[Row]:
    """Time one update of one task's weight by one demonstration, independent tasks, on one core."""
    from tightbound.simulators.in_context import scan_tasks as scans

    results = {
        "log predictive": scans.scan_log_predictive,
        "final log posterior": scans.scan_final_log_posterior,
        "log posterior at every step": scans.scan_log_posterior,
        "regret": scans.scan_regret,
    }
    rows = []
    with threads(1):
        for tasks in (1, 4, 16, 64, 256):
            sequences = max(16, 4096 // tasks)
            task = table_task(tasks, sequences)
            for what, scan in results.items():
                seconds = timed(partial(scan, *task), rounds=7)
                rows.append(_updates(what, f"M={tasks}, T={LENGTH}, B={sequences}", task, seconds))
    return rows


def backends() -> Sequence[Row]:
    """Time the same log predictive probabilities by Numba, by JAX and by the reference in NumPy."""
    from tightbound.simulators.in_context.scan_tasks import scan_log_predictive
    from tightbound.theory.in_context.model_averaging import log_predictive

    rows: list[Row] = []
    for what, task in (("tables", table_task(64, 64)), ("hidden Markov models, H=8", bank_task(8, 64))):
        functions: dict[str, Callable[[], Any]] = {
            "Numba": partial(scan_log_predictive, *task),
            "JAX": partial(scan_log_predictive, *task, backend="jax"),
            "NumPy (theory)": partial(log_predictive, *task),
        }
        reference = functions["NumPy (theory)"]()
        for name, run in functions.items():
            _refuse(name, float(np.abs(run() - reference).max()))
        with threads(1):
            rows += compare(functions, size=f"{what}, M=64, T={LENGTH}, B=64", ratio_to="Numba", rounds=3)
    return rows


def match(peer: _peers.Peer, states: int, sequences: int = 64) -> Match:
    """Return a bank's posterior here and log likelihoods in another package, after checking that they agree.

    Ours returns the posterior of the model, theirs the log likelihoods that it is made of.
    """
    from tightbound.simulators.in_context.scan_tasks import scan_final_log_posterior

    task = bank_task(states, sequences)
    theirs = peer(task[0], task[2])
    agreement = agree(theirs(), log_likelihoods(*task), TOLERANCE, relative=True)
    return Match(partial(scan_final_log_posterior, *task), theirs, agreement)


def pairs() -> list[Pair]:
    """Return the comparisons of a bank of 64 hidden Markov models, by package and number of states."""
    return [
        Pair(
            f"{TASKS} hidden Markov models of {states} states, 64 sequences of {LENGTH}",
            "scan_final_log_posterior",
            label,
            Peer(name, [name]),
            partial(match, peer, states),
        )
        for name, (label, peer) in _peers.PEERS.items()
        for states in (4, 16)
    ]


def attention_task() -> tuple[Any, ...]:
    """Return 12 blocks of linear attention in 8 dimensions, and 256 prompts of 64 demonstrations."""
    from tightbound.theory.in_context.networks import linear_attention_stack

    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((256, 64, 8))
    targets = (inputs @ rng.standard_normal((256, 8, 1)))[..., 0]
    return linear_attention_stack(8, np.full(12, 0.01)), inputs, targets, rng.standard_normal((256, 4, 8))


def attention() -> Sequence[Row]:
    """Time the predictions of the stack after every block."""
    stack, *prompt = attention_task()
    median, low, high = timed(lambda: stack(*prompt), rounds=7)
    row = {"what": "LinearAttentionStack", "size": "12 blocks, d=8, T=64, Q=4, B=256", "unit": "s"}
    return [{**row, "median": median, "low20": low, "high80": high}]


def _updates(what: str, size: str, task: tuple[Any, ...], seconds: tuple[float, float, float]) -> Row:
    count = task[0].tasks * task[1].size
    median, low, high = (1e9 * second / count for second in seconds)
    return {"what": what, "size": size, "unit": "ns/update", "median": median, "low20": low, "high80": high}


def _refuse(name: str, difference: float) -> None:
    if difference > TOLERANCE:
        raise ArithmeticError(
            f"{name} differs by {difference:.2e}, more than {TOLERANCE}: its speed cannot be compared"
        )


BENCHMARKS = (
    Benchmark("icl-tables", "Nanoseconds per task and demonstration of exact averaging", tables),
    Benchmark("icl-backends", "The same averages by Numba, JAX and NumPy", backends),
    PeerBenchmark("icl-peers", "Hidden Markov models in other packages", pairs()),
    Benchmark("icl-attention", "Gradient descent in a stack of linear attention", attention),
)

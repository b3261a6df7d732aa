"""Speed: exact averages over many tasks, beside other packages; a stack of linear attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from tightbound.verification.bench import Benchmark, Row, compare, timed

TASKS, SYMBOLS, LENGTH = 64, 50, 256
TOLERANCE = 1e-10
"""Of log likelihoods, relative: packages that differ by more are not compared."""


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


def installed(bank: Any, responses: Any) -> dict[str, Callable[[], Any]]:
    """Return the prepared runs of the other packages that can be imported here."""
    from tightbound.papers.icl_bma import _peers

    return {label: peer(bank, responses) for name, (label, peer) in _peers.PEERS.items() if find_spec(name)}


def apart(found: np.ndarray, reference: np.ndarray) -> float:
    """Return the largest relative difference of log likelihoods."""
    return float(np.max(np.abs(found - reference) / np.abs(reference)))


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
    with one_core():
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
        with one_core():
            rows += compare(functions, size=f"{what}, M=64, T={LENGTH}, B=64", ratio_to="Numba", rounds=3)
    return rows


def peers(
    states: Sequence[int] = (4, 8, 16), sequences: int = 128, rounds: int = 3, repeats: int = 5
) -> Sequence[Row]:
    """Time a bank of 64 hidden Markov models in the packages that are installed, after checking they agree.

    Ours returns the posterior of the model, theirs the log likelihoods that it is made of. Batches are
    repeated within each round, so that what another package left behind in memory weighs little.
    """
    from tightbound.simulators.in_context.scan_tasks import scan_final_log_posterior

    ours, rows = "scan_final_log_posterior", list[Row]()
    for hidden in states:
        task = bank_task(hidden, sequences)
        reference = log_likelihoods(*task)
        runs = installed(task[0], task[2])
        gaps = {name: apart(run(), reference) for name, run in runs.items()}
        for name, gap in gaps.items():
            _refuse(name, gap)
        functions: dict[str, Callable[[], Any]] = {ours: partial(scan_final_log_posterior, *task), **runs}
        times = {name: 1 if "one score per" in name else repeats for name in functions}
        with one_core():
            found = compare(
                {name: partial(_repeat, run, times[name]) for name, run in functions.items()},
                size=f"M={TASKS}, H={hidden}, T={LENGTH}, B={sequences}",
                ratio_to=ours,
                rounds=rounds,
            )
        for row in found:
            name = row["what"]
            for key in ("median", "low20", "high80"):
                row[key] *= 1e6 / (times[name] * sequences)
            row["ratio"] *= repeats / times[name]
            agreement = f" (log likelihoods differ by {gaps[name]:.0e})" if name in gaps else ""
            rows.append({**row, "what": name + agreement, "unit": "us/sequence"})
    return rows


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


def _repeat(run: Callable[[], Any], times: int) -> None:
    for _ in range(times):
        run()


def _refuse(name: str, difference: float) -> None:
    if difference > TOLERANCE:
        raise ArithmeticError(
            f"{name} differs by {difference:.2e}, more than {TOLERANCE}: its speed cannot be compared"
        )


BENCHMARKS = (
    Benchmark("icl-tables", "Nanoseconds per task and demonstration of exact averaging", tables),
    Benchmark("icl-backends", "The same averages by Numba, JAX and NumPy", backends),
    Benchmark("icl-peers", "64 hidden Markov models beside hmmlearn and dynamax", peers),
    Benchmark("icl-attention", "Gradient descent in a stack of linear attention", attention),
)

"""Speed: a training on Bigram-Backcopy, alone and ten side by side, and what bounds it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tightbound.verification.bench import Benchmark, Row
from tightbound.verification.peers import Match, Pair, Peer, PeerBenchmark, agree

STEPS, RUNS, ROUNDS = 1500, 10, 3
PEER_STEPS, TOLERANCE = 50, 1e-4
"""Steps beside another package, and how far losses in float32 may be apart after them."""
BATCH, LENGTH, WIDTH, TOKENS = 32, 32, 64, 33


def products_per_step() -> float:
    """Return the floating-point operations of the matrix products of one step, there and back."""
    rows = BATCH * LENGTH
    dense = 2.0 * rows * WIDTH * (3 * WIDTH + WIDTH + TOKENS)
    attention = 2.0 * 2.0 * BATCH * LENGTH * LENGTH * WIDTH
    embedding = 2.0 * 2.0 * rows * TOKENS * WIDTH  # forward, and once back: tokens need no gradient
    return 3.0 * (dense + attention) + embedding


def training(runs: int, steps: int) -> Callable[[], Any]:
    """Return a function that trains so many networks of the reference setting side by side."""
    from tightbound.simulators.attention.bigram_backcopy import BackcopySequences, random_bigram_backcopy
    from tightbound.simulators.attention.model import SinkTransformer
    from tightbound.simulators.attention.probe import SinkWatch
    from tightbound.simulators.language_models.schedule import Schedule
    from tightbound.simulators.language_models.training import train_many
    from tightbound.theory.attention.architecture import Architecture

    sequences = BackcopySequences(random_bigram_backcopy(TOKENS - 1, LENGTH, rng=0))
    architecture = Architecture(TOKENS, LENGTH, width=WIDTH)
    schedule = Schedule(
        steps,
        batch=BATCH,
        learning_rate=0.01,
        warmup=min(100, steps - 1),
        evaluate_every=50,
        decay="constant",
        clip=1.0,
        keep="last",
    )
    validation = sequences(np.random.default_rng(0), 100)

    def run() -> Any:
        return train_many(
            SinkTransformer(architecture),
            [sequences] * runs,
            schedule,
            validation=validation,
            watch=SinkWatch(architecture),
            keys=range(runs),
        )

    return run


def sampling() -> Any:
    """Draw the sequences of one whole run, as many at a time as a training does."""
    from tightbound.simulators.attention.bigram_backcopy import BackcopySequences, random_bigram_backcopy

    sequences = BackcopySequences(random_bigram_backcopy(TOKENS - 1, LENGTH, rng=0))
    rng = np.random.default_rng(0)
    return [sequences(rng, 50 * BATCH) for _ in range(STEPS // 50)]


def side_by_side() -> Sequence[Row]:
    """Time a first run with its compilation, runs without, ten at once, their data, and a bare product."""
    first = _seconds(training(1, STEPS))
    one, ten = training(1, STEPS), training(RUNS, STEPS // 10)
    ten()
    alone, together, data, bare = [], [], [], []
    for _ in range(ROUNDS):
        alone.append(_seconds(one))
        together.append(10.0 * _seconds(ten))
        data.append(_seconds(sampling))
        bare.append(_bare())
    size = f"V={TOKENS - 1}, T={LENGTH}, d={WIDTH}, batch {BATCH}, {STEPS} steps"
    seconds: dict[str, list[float]] = {
        "one run, compilation included": [first],
        "one run": alone,
        f"{RUNS} runs side by side (a tenth of the steps, times 10)": together,
        "sequences of one run": data,
        "its matrix products alone, at the speed of a bare one": bare,
    }
    rows = []
    for name, found in seconds.items():
        median, low, high = np.quantile(found, [0.5, 0.2, 0.8]).tolist()
        row: dict[str, Any] = {"what": name, "size": size, "median": median, "low20": low, "high80": high}
        rows.append({**row, "unit": "s", "ratio_to": "one run", "ratio": float(median / np.median(alone))})
    return rows


def _bare() -> float:
    """Return the seconds that the products of a run would take at the speed of its largest one."""
    import jax
    import jax.numpy as jnp

    rows, matrix = (jnp.ones(shape, jnp.float32) for shape in ((BATCH * LENGTH, WIDTH), (WIDTH, 3 * WIDTH)))
    product = jax.jit(jnp.matmul)
    product(rows, matrix).block_until_ready()
    times = 20  # a few at a time, and the fastest: other work on the machine only slows them
    seconds = min(
        _seconds(lambda: [product(rows, matrix).block_until_ready() for _ in range(times)]) for _ in range(20)
    )
    return seconds / times / (2.0 * BATCH * LENGTH * WIDTH * 3 * WIDTH) * products_per_step() * STEPS


def match() -> Match:
    """Return a short training here and in torch, from the same weights on the same sequences."""
    from tightbound.papers.attention_sink._peers import torch_training
    from tightbound.simulators.attention.bigram_backcopy import BackcopySequences, random_bigram_backcopy
    from tightbound.simulators.attention.model import SinkTransformer
    from tightbound.simulators.language_models.corpora import Corpus
    from tightbound.simulators.language_models.schedule import Schedule
    from tightbound.simulators.language_models.training import train
    from tightbound.theory.attention.architecture import Architecture

    sequences = BackcopySequences(random_bigram_backcopy(TOKENS - 1, LENGTH, rng=0))
    model = SinkTransformer(Architecture(TOKENS, LENGTH, width=WIDTH))
    common: dict[str, Any] = {"decay": "constant", "clip": 1.0, "keep": "last"}
    schedule = Schedule(
        PEER_STEPS, batch=BATCH, learning_rate=0.01, warmup=20, evaluate_every=PEER_STEPS, **common
    )
    drawn = Corpus(sequences, 0, TOKENS, LENGTH).take(0, PEER_STEPS * BATCH)
    tokens = drawn.reshape(PEER_STEPS, BATCH, LENGTH)
    validation = sequences(np.random.default_rng(0), 100)

    def ours() -> float:
        return float(train(model, sequences, schedule, validation=validation).value)

    def theirs() -> float:
        return torch_training(model.init(0), tokens, validation, schedule)

    return Match(ours, theirs, f"loss {agree(theirs(), ours(), TOLERANCE)}")


PROBLEM = f"{PEER_STEPS} steps of Adam, one block, V={TOKENS - 1}, T={LENGTH}, d={WIDTH}, batch {BATCH}"


def _seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


BENCHMARKS = (
    Benchmark(
        "attention-training",
        "A training on Bigram-Backcopy, and ten side by side; run on one core for the numbers of the README",
        side_by_side,
    ),
    PeerBenchmark(
        "attention-peers",
        "A training in other packages",
        [Pair(PROBLEM, "train, draws included", "eager, draws made before", Peer("torch", ["torch"]), match)],
    ),
)

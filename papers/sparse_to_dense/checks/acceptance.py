"""STD-4, STD-6: which keys make good drafts on a real model, and what longer drafts add."""

from __future__ import annotations

import numpy as np

from tightbound.papers.sparse_to_dense.attention_kept import kept_mass
from tightbound.papers.sparse_to_dense.checks.real_text import LONG, PAPER, REAL, SHORT, SKIP, Arrays
from tightbound.papers.sparse_to_dense.documents import prompts
from tightbound.papers.sparse_to_dense.real_runs import Corpus, key_bytes, model_bytes, run
from tightbound.theory.speculative.acceptance import expected_tokens
from tightbound.theory.speculative.memory_traffic import MemoryTraffic
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Order

CONTEXT, BATCH = 8192, 8
"""Keys and sequences of predicted speed-ups."""
METHODS = ("guided", "streaming", "random", "layers")


def _order(cell: Cell, rng: np.random.Generator, best: str) -> Arrays:
    corpus, keys, gamma = Corpus.of(cell), cell["keys"], cell["gamma"]
    found = {method: run(corpus, method, keys, gamma) for method in METHODS}
    intervals = np.array([one.interval(rng) for one in found.values()])
    others = [found[method].share for method in cell["against"]]
    return {
        "greater": np.full((1, len(others)), found[best].share),
        "smaller": np.array([others]),
        "share": np.array([[one.share for one in found.values()]]),
        "low": intervals[np.newaxis, :, 0],
        "high": intervals[np.newaxis, :, 1],
        "tokens": np.array([[one.tokens_per_round for one in found.values()]]),
    }


def acceptance(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Compute the accepted share of drafts by the keys which the question attends to, beside that of others.

    Also returned: share, bootstrap interval over prompts and tokens per round of each of METHODS.
    """
    return _order(cell, rng, "guided")


def acceptance_of_skipped_layers(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for drafts by every other layer."""
    return _order(cell, rng, "layers")


STD_4A = Claim(
    id="STD-4a",
    paper=PAPER,
    title="Keys that the question attends to make better drafts than as many random ones",
    statement=r"\alpha_{guided} > \alpha_{random} at equal K, totals over all prompts; \alpha_{streaming} "
    "is reported",
    source="Sparse-to-Dense: text-guided selection; the order is of this model on these texts",
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(
        quick=cells(**SHORT, keys=[32], gamma=[3], against=[("random",)]),
        standard=cells(**LONG, keys=[32], gamma=[4], against=[("random",)]),
    ),
    measure=acceptance,
    control=NegativeControl(
        measure=acceptance_of_skipped_layers,
        because="a draft by half of the layers, untrained for it, is worse than one by random keys",
    ),
    substitutes=REAL,
    seconds={"quick": 5.0, "standard": 150.0},
    skip=SKIP,
    expected="skipped" if SKIP else "pass",
)


def _mass(cell: Cell, best: str) -> Arrays:
    corpus, keys = Corpus.of(cell), cell["keys"]
    others = {method: kept_mass(corpus, method, keys) for method in ("streaming", "random")}
    found = kept_mass(corpus, best, keys)
    return {
        "greater": np.full((1, len(others)), found.mean()),
        "smaller": np.array([[one.mean() for one in others.values()]]),
        "layers": np.stack([found, *others.values()]).mean(axis=-1)[np.newaxis],
    }


def mass_of_later_tokens(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Attention of written tokens to keys chosen by the question, beside that to latest and random keys.

    Also returned: the same by layer, (1, 3, layers).
    """
    return _mass(cell, "guided")


def mass_of_least_attended(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the keys that the question attends to least."""
    return _mass(cell, "least")


STD_4B = Claim(
    id="STD-4b",
    paper=PAPER,
    title="Keys that the question attends to keep more of the attention of tokens written later",
    statement=r"m_{guided} > m_{streaming}, m_{random} at equal K, means over heads, layers and prompts",
    source="Sparse-to-Dense chooses keys once, before it writes; m as in STD-3",
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(quick=cells(**SHORT, keys=[8, 32, 96]), standard=cells(**LONG, keys=[8, 32, 128, 512])),
    measure=mass_of_later_tokens,
    control=NegativeControl(
        measure=mass_of_least_attended, because="keys without attention of the question get little later"
    ),
    substitutes=REAL,
    seconds={"quick": 1.0, "standard": 60.0},
    skip=SKIP,
    expected="skipped" if SKIP else "pass",
)


def _rounds(cell: Cell, told: str) -> Arrays:
    corpus, keys, gamma = Corpus.of(cell), cell["keys"], cell["gamma"]
    found = run(corpus, "guided", keys, gamma)
    one = run(corpus, "guided", keys, 1)
    first = found.first if told == "guided" else run(corpus, told, keys, gamma).first
    read = {"kept": keys + prompts(corpus.prompts, corpus.document)[1], "keys": CONTEXT}
    sizes = [(model_bytes(corpus), "speedup"), (0.0, "alone")]
    return {
        "value": np.array([found.tokens_per_round]),
        "bound": np.array([1.0 + gamma * first]),
        "trivial": np.array([gamma + 1.0]),
        "independent": np.array([float(expected_tokens(one.first, gamma))]),
        "share": np.array([found.share]),
        **{
            name: MemoryTraffic(size, key_bytes(corpus), BATCH).speedup(found.tokens_per_round, gamma, **read)
            for size, name in sizes
        },
    }


def tokens_of_rounds(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Tokens per round, beside 1 + gamma times the share of rounds whose first draft was accepted.

    Also returned: the curve of independent drafts, with the acceptance measured at gamma = 1; the share of
    accepted drafts; and what that many tokens per round would gain at CONTEXT keys and BATCH sequences, with
    the weights read and with keys alone.
    """
    return _rounds(cell, "guided")


def tokens_beside_random_first_drafts(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same beside what first drafts of random keys would allow."""
    return _rounds(cell, "random")


STD_6 = Claim(
    id="STD-6",
    paper=PAPER,
    title="Longer drafts add at most what the first draft adds, and less the longer they are",
    statement=r"tokens per round <= 1 + \gamma A_1; beside it (1 - a^{\gamma+1})/(1 - a), a at \gamma = 1",
    source="derived: at least i drafts are accepted in no more rounds than at least one, A_i <= A_1; the "
    "curve assumes independent drafts and is reported, not gated",
    provenance="derived",
    statistic=BoundHolds(slack=1e-12),
    grid=Grid(
        quick=cells(**SHORT, keys=[8, 32, 96], gamma=[1, 2, 3]),
        standard=cells(**LONG, keys=[32, 128, 512], gamma=[1, 2, 4]),
    ),
    measure=tokens_of_rounds,
    control=NegativeControl(
        measure=tokens_beside_random_first_drafts,
        grid=Grid(quick=cells(**SHORT, keys=[32], gamma=[3]), standard=cells(**LONG, keys=[32], gamma=[4])),
        because="first drafts of another drafter say nothing about these, and those of random keys fail more",
    ),
    substitutes=REAL,
    seconds={"quick": 7.0, "standard": 200.0},
    skip=SKIP,
    expected="skipped" if SKIP else "pass",
)

ACCEPTANCE = (STD_4A, STD_4B, STD_6)

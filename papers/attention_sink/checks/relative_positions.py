"""SINK-P2: relative biases on repeated tokens, and the hypothesis that the printed conclusion needs."""

from __future__ import annotations

import numpy as np

from tightbound.papers.attention_sink.checks._random_networks import (
    PAPER,
    RANDOM,
    Arrays,
    beside_reference,
    by_head,
    random_network,
    repeated,
)
from tightbound.papers.attention_sink.checks.repeated_tokens import CHANGED, LENGTH, REPLICATES, SCORES, zero
from tightbound.theory.attention.architecture import BUCKETS
from tightbound.theory.attention.position_codes import relative_buckets
from tightbound.theory.attention.repeated_tokens import (
    decreasing_bias_bound,
    repeated_token_reference,
    score_bound,
)
from tightbound.theory.attention.sink import importance
from tightbound.theory.attention.transformer import Trace, forward
from tightbound.verification.claim import Claim, NegativeControl, PositiveControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds

EPS = 0.3


def _with_bias(
    cell: Cell, rng: np.random.Generator, bias: np.ndarray, changed: int | None = None
) -> tuple[Trace, np.ndarray]:
    """Run a random network with the bias (heads, buckets); return its trace and g(0), ..., g(T-1) by head."""
    architecture, weights = random_network({"position": "relative"} | dict(cell), rng, context=LENGTH)
    weights["relative_bias"] = bias
    trace = forward(architecture, weights, repeated(LENGTH, rng, changed=changed))
    return trace, bias[:, relative_buckets(np.arange(LENGTH))]


def _bias(kind: str, rng: np.random.Generator, heads: int = 4) -> np.ndarray:
    """Return a bias by head and bucket of the distance."""
    if kind == "zero":
        return np.zeros((heads, BUCKETS))
    if kind == "bucket_index":
        return np.tile(np.arange(float(BUCKETS)), (heads, 1))
    drawn = rng.normal(0.0, 2.0, (heads, BUCKETS))
    return drawn if kind == "any" else np.sort(drawn, axis=1)[:, ::-1].copy()  # "decreasing"


# --- SINK-P2a: closed form ----------------------------------------------------------------------------------


def with_relative_bias(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Scores with a relative bias beside their closed form."""
    trace, g = _with_bias(cell, rng, _bias(cell["bias"], rng))
    return beside_reference(trace, repeated_token_reference("relative", LENGTH, bias=g))


def with_relative_bias_changed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with another token in the middle."""
    trace, g = _with_bias(cell, rng, _bias(cell["bias"], rng), changed=LENGTH // 2)
    return beside_reference(trace, repeated_token_reference("relative", LENGTH, bias=g))


SINK_P2A = Claim(
    id="SINK-P2a",
    paper=PAPER,
    title="With relative biases, the attention of repeated tokens depends on the biases alone",
    statement=r"A_{t,i} = e^{g(t-i)} / sum_{n=0}^{t-1} e^{g(n)}, g the bias of the head by distance",
    source="Appendix C.1; proof derived anew",
    provenance="derived",
    statistic=SCORES,
    grid=Grid(quick=cells(bias=["any", "decreasing", "bucket_index"]), replicates=REPLICATES),
    measure=with_relative_bias,
    bound=zero,
    control=NegativeControl(measure=with_relative_bias_changed, because=CHANGED),
    substitutes=RANDOM,
    seconds={"quick": 0.2, "standard": 1.0},
)


# --- SINK-P2b, c: no sink on the first token, and what it needs ---------------------------------------------


def importance_of_first(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the importance of the first token in every block and head."""
    trace, _ = _with_bias(cell, rng, _bias(cell["bias"], rng))
    return {"value": by_head(importance(trace.scores))[:, 0]}


def threshold(cell: Cell) -> float:
    """Return eps."""
    return EPS


def first_column(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Scores of the first token, row by row: against 1/t, and against the least score of the row."""
    trace, _ = _with_bias(cell, rng, _bias(cell["bias"], rng))
    scores = by_head(trace.scores)
    least = np.where(np.tril(np.ones(scores.shape[1:], bool)), scores, np.inf).min(axis=2)
    share = np.broadcast_to(decreasing_bias_bound(LENGTH), least.shape)
    return {
        "value": np.tile(scores[:, :, 0], 2),
        "bound": np.concatenate([share, least], axis=1),
        "importance": importance(scores),
    }


SINK_P2B = Claim(
    id="SINK-P2b",
    paper=PAPER,
    title="With relative biases, repeated tokens have no sink on the first token",
    statement=r"\alpha_1 <= 0.3 at T = 64, whatever the bias g",
    source="Appendix C.1: conclusion drawn from the closed form, as read; no hypothesis on the bias was seen",
    provenance="text",
    statistic=BoundHolds(method="exact"),
    grid=Grid(quick=cells(bias=["zero", "decreasing", "bucket_index"]), replicates=REPLICATES),
    measure=importance_of_first,
    bound=threshold,
    control=PositiveControl(
        grid=Grid(quick=cells(bias=["zero", "decreasing"])),
        because="where the bias does not increase with the distance the first token has the least score",
    ),
    expected="fail",
    corrected_by="SINK-P2c",
    counterexample={"bias": "bucket_index", "tokens": LENGTH, "importance": 0.33395803945},
    substitutes=RANDOM
    + "; the counterexample is the bias of the released relative model, the bucket's number",
    seconds={"quick": 0.1, "standard": 0.5},
)

SINK_P2C = Claim(
    id="SINK-P2c",
    paper=PAPER,
    title="With a relative bias that does not increase with distance, the first token has the least score",
    statement=r"g(0) >= g(1) >= ... implies A_{t,1} = min_i A_{t,i} <= 1/t for all t, "
    r"hence \alpha_1 <= H_T/T",
    source="derived; repairs the conclusion of Appendix C.1",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-13),
    grid=Grid(quick=cells(bias=["zero", "decreasing"]), replicates=REPLICATES),
    measure=first_column,
    control=NegativeControl(
        grid=Grid(quick=cells(bias=["bucket_index"])),
        because="a bias that grows with the distance gives the first token the largest score",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.1, "standard": 0.5},
)


# --- SINK-P2d: a bounded bias -------------------------------------------------------------------------------


def bounded_bias(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest score of rows 2, ..., T with biases that fill the interval [0, G], beside the bound."""
    return _bounded(cell, rng, cell["spread"])


def bias_beyond_its_spread(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with biases that fill an interval three times as long."""
    return _bounded(cell, rng, 3.0 * cell["spread"])


def _bounded(cell: Cell, rng: np.random.Generator, spread: float) -> Arrays:
    bias = rng.choice([0.0, spread], p=[0.9, 0.1], size=(4, BUCKETS))
    bias[:, 0], bias[:, 1] = spread, 0.0
    trace, _ = _with_bias(cell, rng, bias)
    return {
        "value": by_head(trace.scores).max(axis=2)[:, 1:],
        "bound": score_bound(cell["spread"], LENGTH)[None, 1:],
    }


def whole(cell: Cell) -> float:
    """Return 1, which no score exceeds."""
    return 1.0


SINK_P2D = Claim(
    id="SINK-P2d",
    paper=PAPER,
    title="With relative biases in an interval of length G, no repeated token is a sink in the long run",
    statement=r"sup g - inf g <= G implies A_{t,i} <= e^G / (e^G + t - 1) for all i <= t",
    source="derived; repairs the conclusion of Appendix C.1",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-13),
    grid=Grid(quick=cells(spread=[0.5, 2.0, 4.0]), replicates=REPLICATES),
    measure=bounded_bias,
    trivial=whole,
    control=NegativeControl(
        measure=bias_beyond_its_spread,
        because="biases that spread by 3 G put more on one column than the bound for G allows",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.2, "standard": 1.0},
)

RELATIVE_POSITIONS = (SINK_P2A, SINK_P2B, SINK_P2C, SINK_P2D)

"""SINK-P4: rotary positions on repeated tokens, and how much the bound by lengths is worth."""

from __future__ import annotations

import numpy as np

from tightbound.papers.attention_sink.checks._random_networks import (
    PAPER,
    RANDOM,
    VOCABULARY,
    Arrays,
    beside_reference,
    by_head,
    random_network,
    repeated,
    trace_of,
)
from tightbound.papers.attention_sink.checks.relative_positions import threshold, whole
from tightbound.papers.attention_sink.checks.repeated_tokens import CHANGED, LENGTH, REPLICATES, SCORES, zero
from tightbound.theory.attention.repeated_tokens import (
    importance_bound,
    largest_useful_spread,
    logit_radius,
    repeated_token_reference,
    score_bound,
)
from tightbound.theory.attention.sink import importance
from tightbound.theory.attention.transformer import Trace, forward
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds

EPS = 0.3
GAINS = (0.05, 0.2, 0.5, 1.0, 2.0)
BIASED = NegativeControl(
    grid=Grid(quick=cells(position=["bucket_index"], gain=[0.05], length=[LENGTH])),
    because="a bias of the logit by distance is not bounded by the lengths of queries and keys",
)


def _radius(trace: Trace) -> np.ndarray:
    return by_head(logit_radius(trace.queries, trace.keys))


# --- SINK-P4a, P4b: one row ---------------------------------------------------------------------------------


def _largest(trace: Trace) -> Arrays:
    """Largest score of rows 2, ..., T beside the bound; row 1 is 1 on both sides."""
    radius = _radius(trace)
    return {
        "value": by_head(trace.scores).max(axis=2)[:, 1:],
        "bound": score_bound(2.0 * radius, trace.scores.shape[-1])[:, 1:],
        "radius": radius,
    }


def largest_score(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest score of every row of one repeated token, beside the bound by lengths."""
    return _largest(trace_of(cell, rng))


def largest_score_of_any_text(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for tokens drawn at random."""
    architecture, weights = random_network(cell, rng, context=cell["length"])
    tokens = rng.integers(VOCABULARY, size=(1, cell["length"]))
    return _largest(forward(architecture, weights, tokens))


def _beside_common(cell: Cell, rng: np.random.Generator, changed: int | None) -> Arrays:
    architecture, weights = random_network(cell, rng, context=LENGTH)
    tokens = repeated(LENGTH, rng, changed=changed)
    alone = forward(architecture, weights, tokens[:, :1])  # at position 0, where nothing is turned
    query, key = alone.queries[..., 0, :], alone.keys[..., 0, :]
    reference = repeated_token_reference("rotary", LENGTH, query=query, key=key)
    trace = forward(architecture, weights, tokens)
    bounds = [importance_bound(2.0 * _radius(alone), LENGTH, position=k) for k in range(1, LENGTH + 1)]
    return beside_reference(trace, reference) | {"importance_bound": np.stack(bounds, axis=1)}


def with_rotary(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Scores with rotary positions beside their closed form."""
    return _beside_common(cell, rng, None)


def with_rotary_changed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with another token in the middle."""
    return _beside_common(cell, rng, LENGTH // 2)


SINK_P4 = Claim(
    id="SINK-P4a",
    paper=PAPER,
    title="With rotary positions, no repeated token gets more than the lengths of query and key allow",
    statement=r"A_{t,i} <= e^{2\xi} / (e^{2\xi} + t - 1), \xi = ||q|| ||k|| / \sqrt{d_h}, for all i <= t "
    "in every block and head; checked for t >= 2, since both sides are 1 at t = 1",
    source=r"Appendix C.1, where 1/\sqrt{d_h} is part of \xi; proof derived anew",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(
        quick=cells(position=["rotary"], gain=GAINS, length=[LENGTH]),
        standard=cells(position=["rotary"], gain=GAINS, length=[LENGTH, 128]),
        replicates=REPLICATES,
    ),
    measure=largest_score,
    trivial=whole,
    control=BIASED,
    substitutes=RANDOM,
    seconds={"quick": 0.2, "standard": 2.0},
)

SINK_P4B = Claim(
    id="SINK-P4b",
    paper=PAPER,
    title="With rotary positions, only the distance is left in the attention of repeated tokens",
    statement=r"A_{t,i} = e^{g(t-i)} / sum_{n=0}^{t-1} e^{g(n)}, g(n) = <R_n q, k> / \sqrt{d_h} with the "
    "query and key of the token alone",
    source="derived, as SINK-P2a",
    provenance="derived",
    statistic=SCORES,
    grid=Grid(quick=cells(position=["rotary"], gain=[0.2, 1.0]), replicates=REPLICATES),
    measure=with_rotary,
    bound=zero,
    control=NegativeControl(measure=with_rotary_changed, because=CHANGED),
    substitutes=RANDOM,
    seconds={"quick": 0.2, "standard": 1.5},
)

SINK_P4E = Claim(
    id="SINK-P4e",
    paper=PAPER,
    title="The bound by lengths needs neither rotary positions nor repeated tokens",
    statement=r"A_{t,i} <= e^{2\xi} / (e^{2\xi} + t - 1), \xi = max_t ||q_t|| max_j ||k_j|| / \sqrt{d_h}, "
    "for any tokens and any softmax without a bias of the logits",
    source="derived: the proof uses the range of the logits alone",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(
        quick=cells(position=["none", "learned", "sinusoidal", "rotary"], gain=[0.2, 1.0], length=[LENGTH]),
        replicates=REPLICATES,
    ),
    measure=largest_score_of_any_text,
    trivial=whole,
    control=BIASED,
    substitutes=RANDOM,
    seconds={"quick": 0.2, "standard": 1.0},
)


# --- SINK-P4c, d: importance --------------------------------------------------------------------------------


def first_importance(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the importance of the first of T equal tokens, its bound, and whether that is below eps."""
    trace = trace_of(cell, rng)
    radius, length = _radius(trace), trace.scores.shape[-1]
    bound = importance_bound(2.0 * radius, length)
    return {
        "value": by_head(importance(trace.scores))[:, 0],
        "bound": bound,
        "radius": radius,
        "useful": (bound < EPS).astype(float),
        "largest_useful_radius": 0.5 * largest_useful_spread(length, EPS),
    }


SINK_P4C = Claim(
    id="SINK-P4c",
    paper=PAPER,
    title="With rotary positions, the importance of the first repeated token falls like log T / T",
    statement=r"\alpha_1 <= (1/T) [1 + c log(1 + (T-1)/c)], c = e^{2\xi}",
    source="derived from SINK-P4a by an integral",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(
        quick=cells(position=["rotary"], gain=GAINS, length=[16, LENGTH]),
        standard=cells(position=["rotary"], gain=GAINS, length=[16, LENGTH, 128]),
        replicates=REPLICATES,
    ),
    measure=first_importance,
    trivial=whole,
    control=BIASED,
    substitutes=RANDOM,
    seconds={"quick": 0.5, "standard": 3.0},
)

SINK_P4D = Claim(
    id="SINK-P4d",
    paper=PAPER,
    title="At T = 64 the bound by lengths rules out no sink of a network with heads of width 32 or 64",
    statement=r"\alpha_1 <= (1/64) [1 + c log(1 + 63/c)] < 0.3, c = e^{2\xi}, with weights that keep "
    r"variances (\xi about \sqrt{d_h}): vacuous in a head as soon as \xi > 1.0746",
    source="derived from SINK-P4c; the threshold eps takes the place of the trivial bound",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(
        quick=cells(position=["rotary"], head_width=[32, 64], length=[LENGTH]),
        replicates=REPLICATES,
    ),
    measure=first_importance,
    trivial=threshold,
    control=BIASED,
    expected="vacuous",
    substitutes=RANDOM,
    seconds={"quick": 0.4, "standard": 2.0},
)

ROTARY_POSITIONS = (SINK_P4, SINK_P4B, SINK_P4C, SINK_P4D, SINK_P4E)

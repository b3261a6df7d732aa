"""SINK-P0, P1 and P3: what a network without absolute positions does with one token repeated."""

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
    trace_of,
)
from tightbound.theory.attention.position_codes import alibi_slopes
from tightbound.theory.attention.repeated_tokens import repeated_token_reference, uniform_importance
from tightbound.theory.attention.sink import importance
from tightbound.theory.attention.transformer import forward
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

LENGTH = 64
MIDDLE = LENGTH // 2
REPLICATES = {"quick": 2, "standard": 10, "full": 100}
IN_LOGITS = ("none", "relative", "bucket_index", "alibi", "rotary")

# States have entries of order one to ten and pass three blocks, each a mean of 64 equal rows: some hundred
# roundings of 2e-16, enlarged by the feed-forward parts.
STATES = Equality(atol=1e-12)
# Equal logits of size up to ten differ by rounding of the products, some 1e-15, and so do their exponentials.
SCORES = Equality(atol=1e-13)

CHANGED = "one other token in the middle changes the states, and with them the logits, from there on"


def zero(cell: Cell) -> float:
    """Return 0."""
    return 0.0


# --- SINK-P0: equal states ----------------------------------------------------------------------------------


def states_apart(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest difference between any state and the first, block by block."""
    trace = trace_of(cell, rng)
    return {
        "value": np.abs(trace.hidden - trace.hidden[:, :, :1]).max(axis=(2, 3)).T,
        "importance": by_head(importance(trace.scores)),
    }


def states_from_one_token(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest difference between the states of T equal tokens and that of one, block by block."""
    options = {"operation": cell["operation"], "normaliser": cell["normaliser"]}
    architecture, weights = random_network(cell, rng, context=LENGTH, **options)
    tokens = repeated(LENGTH, rng)
    many, one = (forward(architecture, weights, some).hidden for some in (tokens, tokens[:, :1]))
    return {"value": np.abs(many - one).max(axis=(2, 3)).T}


SINK_P0 = Claim(
    id="SINK-P0a",
    paper=PAPER,
    title="Equal tokens have equal states in every block, if positions enter through the logits",
    statement=r"x_1 = ... = x_T implies h_1^l = ... = h_T^l for all l: without positions, with relative "
    "biases, ALiBi or rotary positions",
    source="Appendix C.1, as read",
    provenance="text",
    statistic=STATES,
    grid=Grid(
        quick=cells(position=IN_LOGITS, norm=["pre", "post"], length=[LENGTH]),
        standard=cells(position=IN_LOGITS, norm=["pre", "post"], length=[LENGTH, 128]),
        replicates=REPLICATES,
    ),
    measure=states_apart,
    bound=zero,
    control=NegativeControl(
        grid=Grid(quick=cells(position=["learned", "sinusoidal"], norm=["pre"], length=[LENGTH])),
        because="vectors added to the embeddings make the states of equal tokens different from the start",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.3, "standard": 5.0},
)

SINK_P0B = Claim(
    id="SINK-P0b",
    paper=PAPER,
    title="The state of repeated tokens is that of the token alone, for any scores that sum to one",
    statement="x_1 = ... = x_T and rows of attention that sum to one imply h_t^l = h^l(x_1 alone) "
    "for all t and l",
    source="derived: the induction of Appendix C.1 uses nothing else of the softmax",
    provenance="derived",
    statistic=STATES,
    grid=Grid(
        quick=cells(position=IN_LOGITS, operation=["softmax", "sigmoid", "elu1"], normaliser=["sum"]),
        replicates=REPLICATES,
    ),
    measure=states_from_one_token,
    bound=zero,
    control=NegativeControl(
        grid=Grid(quick=cells(position=["none", "rotary"], operation=["sigmoid"], normaliser=["none"])),
        because="without a normaliser a row of t tokens adds t times as much as a row of one",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.3, "standard": 2.0},
)


# --- SINK-P1: no positions ----------------------------------------------------------------------------------


def without_positions(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Scores without positions beside 1/t."""
    reference = repeated_token_reference("none", cell["length"])
    return beside_reference(trace_of(cell, rng), reference)


def without_positions_changed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with another token in the middle."""
    reference = repeated_token_reference("none", cell["length"])
    return beside_reference(trace_of(cell, rng, changed=cell["length"] // 2), reference)


def importance_without_positions(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the importance of every position beside its closed form."""
    found = importance(by_head(trace_of(cell, rng).scores))
    return {"value": found, "reference": uniform_importance(cell["length"])[None]}


def mean_over_all_rows(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the mean score of every column over all T rows."""
    found = by_head(trace_of(cell, rng).scores).mean(axis=1)
    return {"value": found, "reference": uniform_importance(cell["length"])[None]}


def exceeds_threshold(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Whether the first of T tokens is more important than eps, for every T up to the length."""
    scores = by_head(trace_of(cell, rng).scores)
    lengths = np.arange(1, cell["length"] + 1)
    first = scores[:, :, 0].cumsum(axis=1) / lengths  # the scores of T tokens are the first T rows
    return {
        "value": (first > cell["eps"]).astype(float),
        "reference": (np.cumsum(1.0 / lengths) > cell["eps"] * lengths).astype(float)[None],
    }


SINK_P1 = Claim(
    id="SINK-P1a",
    paper=PAPER,
    title="Without positions, repeated tokens attend uniformly",
    statement="x_1 = ... = x_T implies A_{t,i} = 1/t for all i <= t, in every block and head",
    source="Appendix C.1; proof derived anew",
    provenance="derived",
    statistic=SCORES,
    grid=Grid(
        quick=cells(position=["none"], norm=["pre", "post"], length=[LENGTH], gain=[1.0, 4.0]),
        standard=cells(position=["none"], norm=["pre", "post"], length=[LENGTH, 128], gain=[1.0, 4.0]),
        replicates=REPLICATES,
    ),
    measure=without_positions,
    bound=zero,
    control=NegativeControl(measure=without_positions_changed, because=CHANGED),
    substitutes=RANDOM,
    seconds={"quick": 0.2, "standard": 3.0},
)

SINK_P1C = Claim(
    id="SINK-P1c",
    paper=PAPER,
    title="Without positions, the importance of repeated tokens is a difference of harmonic numbers",
    statement=r"\alpha_k = (H_T - H_{k-1}) / (T - k + 1), H_n = 1 + 1/2 + ... + 1/n",
    source="derived from SINK-P1a",
    provenance="derived",
    statistic=SCORES,
    grid=Grid(quick=cells(position=["none"], length=[16, LENGTH, 128]), replicates=REPLICATES),
    measure=importance_without_positions,
    control=NegativeControl(
        measure=mean_over_all_rows,
        because="a mean over all T rows counts rows that do not see the column: only the first is right",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.2, "standard": 1.0},
)

SINK_P1D = Claim(
    id="SINK-P1d",
    paper=PAPER,
    title="Uniform attention alone is a sink on short sequences: for eps = 0.3 on those of at most 9 tokens",
    statement=r"Sink_1^\varepsilon = 1 iff H_T / T > \varepsilon; for \varepsilon = 0.3 iff T <= 9",
    source="derived from SINK-P1a",
    provenance="derived",
    statistic=Equality(),
    grid=Grid(
        quick=cells(position=["none"], length=[LENGTH], eps=[0.2, 0.3, 0.4]),
        replicates=REPLICATES,
    ),
    measure=exceeds_threshold,
    control=NegativeControl(
        grid=Grid(quick=cells(position=["alibi"], length=[LENGTH], eps=[0.2, 0.3])),
        because="a bias against distance lowers the first token's importance, so fewer lengths exceed eps",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.1, "standard": 0.5},
)


# --- SINK-P3: ALiBi -----------------------------------------------------------------------------------------


def with_alibi(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Scores with ALiBi beside their closed form."""
    reference = repeated_token_reference("alibi", LENGTH, slope=alibi_slopes(cell["heads"]))
    return beside_reference(trace_of(cell, rng), reference)


def with_alibi_changed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with another token in the middle."""
    reference = repeated_token_reference("alibi", LENGTH, slope=alibi_slopes(cell["heads"]))
    return beside_reference(trace_of(cell, rng, changed=MIDDLE), reference)


def least_column(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return which position has the least score of each row."""
    scores = by_head(trace_of(cell, rng).scores)
    seen = np.tril(np.ones(scores.shape[1:], bool))
    return {"value": 1.0 + np.where(seen, scores, np.inf).argmin(axis=2)}


def one(cell: Cell) -> float:
    """Return 1, the first position."""
    return 1.0


SINK_P3 = Claim(
    id="SINK-P3a",
    paper=PAPER,
    title="With ALiBi, the attention of repeated tokens is geometric in the distance",
    statement=r"A_{t,i} = e^{-m(t-i)} (1 - e^{-m}) / (1 - e^{-mt}), m the slope of the head",
    source="Appendix C.1; proof derived anew",
    provenance="derived",
    statistic=SCORES,
    grid=Grid(
        quick=cells(position=["alibi"], heads=[4, 6], length=[LENGTH]),
        replicates=REPLICATES,
    ),
    measure=with_alibi,
    bound=zero,
    control=NegativeControl(measure=with_alibi_changed, because=CHANGED),
    substitutes=RANDOM,
    seconds={"quick": 0.1, "standard": 1.0},
)

SINK_P3B = Claim(
    id="SINK-P3b",
    paper=PAPER,
    title="With ALiBi, the first of the repeated tokens has the least score of every row",
    statement="argmin_{i <= t} A_{t,i} = 1 for all t, in every block and head",
    source="Appendix C.1; proof derived anew: the closed form increases in i",
    provenance="derived",
    statistic=Equality(),
    grid=Grid(
        quick=cells(position=["alibi"], heads=[4, 6], length=[LENGTH]),
        replicates=REPLICATES,
    ),
    measure=least_column,
    bound=one,
    control=NegativeControl(
        grid=Grid(quick=cells(position=["bucket_index"], heads=[4], length=[LENGTH])),
        because="with a bias that grows with the distance the first token has the largest score",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.1, "standard": 0.5},
)

REPEATED_TOKENS = (SINK_P0, SINK_P0B, SINK_P1, SINK_P1C, SINK_P1D, SINK_P3, SINK_P3B)

"""SINK-I1 to I5: a sink is a bias of the keys, in identities that are exact to rounding."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.special import expit, logsumexp, softmax

from tightbound.papers.attention_sink.checks._random_networks import (
    PAPER,
    RANDOM,
    VOCABULARY,
    Arrays,
    random_network,
)
from tightbound.theory.attention.key_bias import (
    gate,
    gated_output,
    off_by_one_scores,
    slot_scores,
    token_as_slot,
)
from tightbound.theory.attention.masks import visible
from tightbound.theory.attention.scores import attention_scores
from tightbound.theory.attention.transformer import forward
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

ROWS, WIDTH = 64, 16
HEADS = "random queries, keys and values stand for a head of a language model"

# Weights are exponentials of logits of size up to about 20, so with a relative error of some 20 roundings;
# they sum to one and multiply values of size at most one.
ROUNDING = Equality(atol=64 * float(np.finfo(float).eps))

SIZES = Grid(
    quick=cells(scale=[0.2, 1.0, 4.0]),
    replicates={"quick": 2, "standard": 50, "full": 500},
)


def _head(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw causal logits, logits of the slot, values and the slot's value, all bounded."""
    logits = cell["scale"] * rng.uniform(-2.0, 2.0, (ROWS, ROWS))
    logits[~visible(ROWS)] = -np.inf
    slot_logits = cell["scale"] * rng.uniform(-2.0, 2.0, ROWS)
    return logits, slot_logits, rng.uniform(-1.0, 1.0, (ROWS, WIDTH)), rng.uniform(-1.0, 1.0, WIDTH)


def _both(scores: np.ndarray, values: np.ndarray, slot_value: np.ndarray) -> np.ndarray:
    """Return the slot's score and the output of every row, (rows, 1 + d)."""
    return np.column_stack([scores[:, 0], scores @ np.concatenate([slot_value[None], values])])


# --- SINK-I1, I2: a slot is a gate --------------------------------------------------------------------------


def key_bias(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Score of a slot of value 0 and outputs beside it, beside the gated attention without the slot."""
    logits, slot, values, _ = _head(cell, rng)
    return {
        "value": _both(slot_scores(logits, slot), values, np.zeros(WIDTH)),
        "reference": np.column_stack([1.0 - gate(logits, slot), gated_output(logits, slot, values)]),
    }


def key_bias_with_a_value(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the slot has a value after all."""
    logits, slot, values, slot_value = _head(cell, rng)
    return {
        "value": _both(slot_scores(logits, slot), values, slot_value),
        "reference": np.column_stack([1.0 - gate(logits, slot), gated_output(logits, slot, values)]),
    }


def key_value_bias(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return outputs beside a slot with a value, beside the gated mixture of attention and that value."""
    logits, slot, values, slot_value = _head(cell, rng)
    return {
        "value": _both(slot_scores(logits, slot), values, slot_value),
        "reference": np.column_stack(
            [1.0 - gate(logits, slot), gated_output(logits, slot, values, slot_value)]
        ),
    }


def gate_from_the_largest_logit(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with a gate that compares the slot with the largest logit of the row."""
    logits, slot, values, slot_value = _head(cell, rng)
    kept = expit(logits.max(axis=1) - slot)
    mixed = kept[:, None] * (softmax(logits, axis=1) @ values) + (1.0 - kept)[:, None] * slot_value
    return {
        "value": _both(slot_scores(logits, slot), values, slot_value),
        "reference": np.column_stack([1.0 - kept, mixed]),
    }


SINK_I1 = Claim(
    id="SINK-I1",
    paper=PAPER,
    title="A key bias with value zero is gated attention",
    statement=r"v_* = 0: out_i = g_i softmax(s_i) V, A_{i*} = 1 - g_i, g_i = \sigma(LSE_i - s_{i*})",
    source="derived; the biases are the paper's",
    provenance="derived",
    statistic=ROUNDING,
    grid=SIZES,
    measure=key_bias,
    control=NegativeControl(
        measure=key_bias_with_a_value,
        because="a slot whose value is not zero adds it to the output, which the gate alone does not",
    ),
    substitutes=HEADS,
    seconds={"quick": 0.1, "standard": 1.0},
)

SINK_I2 = Claim(
    id="SINK-I2",
    paper=PAPER,
    title="A bias of keys and values mixes attention with one fixed value",
    statement=r"out_i = g_i softmax(s_i) V + (1 - g_i) v_*, g_i = \sigma(LSE_i - s_{i*})",
    source="derived; the biases are the paper's",
    provenance="derived",
    statistic=ROUNDING,
    grid=SIZES,
    measure=key_value_bias,
    control=NegativeControl(
        measure=gate_from_the_largest_logit,
        because="the slot competes with all tokens of the row together, not with the strongest one",
    ),
    substitutes=HEADS,
    seconds={"quick": 0.1, "standard": 1.0},
)


# --- SINK-I3: a bias of the values alone --------------------------------------------------------------------


def value_bias(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return outputs with v* added to every value, beside v* added to every output."""
    return _value_bias(cell, rng, partial(softmax, axis=1))


def value_bias_of_a_sigmoid(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a sigmoid without a normaliser."""
    return _value_bias(cell, rng, expit)


def _value_bias(
    cell: Cell, rng: np.random.Generator, operation: Callable[[np.ndarray], np.ndarray]
) -> Arrays:
    logits, _, values, added = _head(cell, rng)
    scores = operation(logits)
    return {"value": scores @ (values + added), "reference": scores @ values + added}


SINK_I3 = Claim(
    id="SINK-I3",
    paper=PAPER,
    title="A bias of the values alone leaves the attention as it is, so it can be no sink",
    statement="sum_j A_ij (v_j + v_*) = sum_j A_ij v_j + v_* where rows sum to one",
    source="derived; the biases are the paper's",
    provenance="derived",
    statistic=ROUNDING,
    grid=SIZES,
    measure=value_bias,
    control=NegativeControl(
        measure=value_bias_of_a_sigmoid,
        because="the rows of a sigmoid without a normaliser do not sum to one",
    ),
    substitutes=HEADS,
    seconds={"quick": 0.1, "standard": 0.5},
)


# --- SINK-I4: softmax off by one ----------------------------------------------------------------------------


def off_by_one(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Scores beside a key that is zero, beside a softmax with one added to its sum."""
    return _off_by_one(cell, rng, 0.0)


def off_by_one_with_a_key(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same beside a key that is not zero."""
    return _off_by_one(cell, rng, 1.0)


def _off_by_one(cell: Cell, rng: np.random.Generator, size: float) -> Arrays:
    query = 2.0 * cell["scale"] * rng.uniform(-1.0, 1.0, (ROWS, WIDTH))
    keys = rng.uniform(-1.0, 1.0, (1 + ROWS, WIDTH))
    keys[0] *= size
    seen = visible(ROWS)
    logits = np.where(seen, query @ keys[1:].T * WIDTH**-0.5, -np.inf)
    escaped = np.exp(-np.logaddexp(0.0, logsumexp(logits, axis=1)))
    return {
        "value": attention_scores(query, keys, visible=visible(ROWS, slots=1)),
        "reference": np.column_stack([escaped, off_by_one_scores(logits)]),
    }


SINK_I4 = Claim(
    id="SINK-I4",
    paper=PAPER,
    title="A softmax with one added to its sum is a key bias with the key zero",
    statement=r"k_* = 0: A_{ij} = e^{s_ij} / (1 + sum_j' e^{s_ij'}) and A_{i*} = 1 / (1 + sum_j e^{s_ij})",
    source="derived",
    provenance="derived",
    statistic=ROUNDING,
    grid=SIZES,
    measure=off_by_one,
    control=NegativeControl(
        measure=off_by_one_with_a_key,
        because="a key that is not zero gives the slot a logit that differs from row to row",
    ),
    substitutes=HEADS,
    seconds={"quick": 0.1, "standard": 1.0},
)


# --- SINK-I5: a first token is a slot -----------------------------------------------------------------------


def token_or_slot(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Logits, states and scores after a first token, beside those of the network with its slots."""
    return _token_or_slot(cell, rng, 0.0)


def token_or_wrong_slot(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the slot's key changed in one head of the second block."""
    return _token_or_slot(cell, rng, 1.0)


def _token_or_slot(cell: Cell, rng: np.random.Generator, error: float) -> Arrays:
    options = {"operation": cell["operation"], "normaliser": cell["normaliser"]}
    network, weights = random_network(cell, rng, context=48, **options)
    tokens = rng.integers(VOCABULARY, size=(1, 48))
    slotted, tied = token_as_slot(network, weights, tokens[0, 0])
    tied["slot_key"][1, 0] += error
    one, two = forward(network, weights, tokens), forward(slotted, tied, tokens[:, 1:])
    pairs = (
        (one.logits[:, 1:], two.logits),
        (one.hidden[:, :, 1:], two.hidden),
        (one.scores[..., 1:, :], two.scores),
    )
    return {"value": np.array([[float(np.abs(a - b).max()) for a, b in pairs]])}


def nothing(cell: Cell) -> float:
    """Return 0."""
    return 0.0


_POSITIONS = ["none", "rotary", "alibi", "learned"]

SINK_I5 = Claim(
    id="SINK-I5",
    paper=PAPER,
    title="A token in front is a bias of keys and values in every head",
    statement="prepending x_0 gives x_1, ..., x_T the same states, scores and logits as the slots "
    "(k_0, v_0) that x_0 alone has in each block and head, for every position code with positions kept",
    source="derived; the sink token is from Xiao et al., ICLR 2024",
    provenance="derived",
    statistic=Equality(atol=1e-12),  # states of size ten after three blocks, as in SINK-P0a
    grid=Grid(
        quick=(
            *cells(position=_POSITIONS, norm=["pre", "post"], operation=["softmax"], normaliser=["sum"]),
            *cells(position=["rotary"], norm=["pre"], operation=["sigmoid"], normaliser=["none"]),
        ),
        replicates={"quick": 1, "standard": 20, "full": 200},
    ),
    measure=token_or_slot,
    bound=nothing,
    control=NegativeControl(
        measure=token_or_wrong_slot,
        because="another key in one head of the second block changes everything behind it",
    ),
    substitutes=RANDOM,
    seconds={"quick": 0.4, "standard": 5.0},
)

KEY_BIAS = (SINK_I1, SINK_I2, SINK_I3, SINK_I4, SINK_I5)

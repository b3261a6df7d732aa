"""SINK-T3a to T3c: a learned key before the first token takes the sink; a learned value cannot."""

from __future__ import annotations

import numpy as np

from tightbound.papers.attention_sink.checks._training import (
    PAPER,
    SUBSTITUTES,
    Arrays,
    sizes,
    trained,
)
from tightbound.papers.attention_sink.checks.emergence import most
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell
from tightbound.verification.statistics import BoundHolds, Order

SOURCE = "derived; cf. Gu et al. 2025, Table 4 (single runs)"
LONG_VALUE = 20.0


def slot_and_first(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of the slot and of the first token at the end, one entry per run."""
    nets = trained(cell)
    slot, first = nets.sink(0)[:, -1], nets.sink(nets.fixed_column)[:, -1]
    mass = nets.watched("mass")[:, -1]
    return {
        "greater": slot,
        "smaller": first,
        "slot_mass": mass[:, 0],
        "first_mass": mass[:, nets.fixed_column],
        "excess_loss": nets.excess_loss()[:, -1],
    }


def costly_slot(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the slot has a fixed value 20 units long."""
    return slot_and_first({**cell, "bias_slot": "key", "slot_value_norm": LONG_VALUE}, rng)


def first_beside_value_bias(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of the first token at the end, one entry per run."""
    nets = trained(cell)
    return {"value": nets.sink(nets.fixed_column)[:, -1], "excess_loss": nets.excess_loss()[:, -1]}


def first_beside_key_bias(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with a learned key in place of the learned value."""
    return first_beside_value_bias({**cell, "bias_slot": "key"}, rng)


SINK_T3A = Claim(
    id="SINK-T3a",
    paper=PAPER,
    title="A learned key, with or without a learned value, takes the sink from the first token",
    statement=r"Sink_* - Sink_1 > 1/2 for K and KV biases at the end of training, in every run",
    source=SOURCE,
    provenance="derived",
    statistic=Order(margin=0.5, method="exact"),
    grid=sizes({"bias_slot": "key"}, {"bias_slot": "key_value"}),
    measure=slot_and_first,
    control=NegativeControl(
        because="attention to a slot with a fixed long value spoils the output, so the slot is not used",
        measure=costly_slot,
        grid=sizes({"bias_slot": "key"}),
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 8.0, "standard": 55.0, "full": 180.0},
)
SINK_T3B = Claim(
    id="SINK-T3b",
    paper=PAPER,
    title="A learned sink token takes the sink",
    statement=r"Sink_* is near 1 and Sink_1 near 0 with a learned embedding before the first token",
    source=SOURCE,
    provenance="derived",
    statistic=Order(margin=0.5, method="exact"),
    grid=sizes({"sink_token": True, "fixed_position": None}),
    measure=slot_and_first,
    control=NegativeControl(
        because="attention to a slot with a fixed long value spoils the output, so the slot is not used",
        measure=costly_slot,
        grid=sizes({"bias_slot": "key"}),
    ),
    substitutes=SUBSTITUTES,
    expected="skipped",
    skip="reported, not judged: beside a fixed first token a learned one is only a second constant token, "
    "and which of the two becomes the sink varies with the seed",
)
SINK_T3C = Claim(
    id="SINK-T3c",
    paper=PAPER,
    title="A learned value alone leaves the sink on the first token",
    statement=r"Sink_1 exceeds 0.6 with a V bias at the end of training, in every run",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(side="lower"),
    grid=sizes({"bias_slot": "value"}),
    measure=first_beside_value_bias,
    bound=most,
    control=NegativeControl(because="a learned key takes the sink", measure=first_beside_key_bias),
    substitutes=SUBSTITUTES,
    seconds={"quick": 3.0, "standard": 20.0, "full": 65.0},
)

BIAS_SLOTS = (SINK_T3A, SINK_T3B, SINK_T3C)

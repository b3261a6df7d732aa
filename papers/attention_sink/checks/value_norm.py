"""SINK-T7a, T7b: a slot whose fixed value is long is no use as a sink, and token 1 takes over."""

from __future__ import annotations

import numpy as np

from tightbound.papers.attention_sink.checks._training import (
    FULL,
    PAPER,
    QUICK,
    STANDARD,
    SUBSTITUTES,
    Arrays,
    side_by_side,
)
from tightbound.papers.attention_sink.checks.bias_slots import LONG_VALUE
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import Order

SOURCE = "derived; cf. Gu et al. 2025, Table 5 (single runs)"
NORMS = (0.0, 1.0, 5.0, LONG_VALUE)


def _sinks(cell: Cell, norms: tuple[float, ...]) -> Arrays:
    """Sink metrics of slot and token 1, (runs, norms)."""
    nets = side_by_side({**cell, "bias_slot": "key"}, *({"slot_value_norm": norm} for norm in norms))
    found = {
        "slot": [one.sink(0)[:, -1] for one in nets],
        "first": [one.sink(one.fixed_column)[:, -1] for one in nets],
        "slot_mass": [one.watched("mass")[:, -1, 0] for one in nets],
        "first_mass": [one.watched("mass")[:, -1, 1] for one in nets],
        "excess_loss": [one.excess_loss()[:, -1] for one in nets],
    }
    return {name: np.stack(rows, axis=1) for name, rows in found.items()} | {"norms": np.array(norms)}


def slot_loses(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of the slot with a short and with a long value, one entry per run."""
    found = _sinks(cell, cell["norms"])
    return {"greater": found["slot"][:, 0], "smaller": found["slot"][:, -1], **found}


def first_gains(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of token 1 with a long and with a short value, one entry per run."""
    found = _sinks(cell, cell["norms"])
    return {"greater": found["first"][:, -1], "smaller": found["first"][:, 0], **found}


def slot_loses_nothing(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the metric of the slot with no value and with the longest but one, one entry per run."""
    found = _sinks(cell, cell["norms"])
    return {"greater": found["slot"][:, 0], "smaller": found["slot"][:, -2], **found}


def first_gains_nothing(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the metric of token 1 with the same two, one entry per run."""
    found = _sinks(cell, cell["norms"])
    return {"greater": found["first"][:, -2], "smaller": found["first"][:, 0], **found}


SHORT = "a value of length 5 is still short: an output weight of its direction is small enough to bear it"
GRID = Grid(
    [{**QUICK, "norms": (0.0, 5.0, LONG_VALUE), "runs": 1}],
    [{**STANDARD, "norms": NORMS}],
    [{**FULL, "norms": NORMS}],
)

SINK_T7A = Claim(
    id="SINK-T7a",
    paper=PAPER,
    title="A slot with a long fixed value loses the sink",
    statement=r"Sink_* with ||v_*|| = 0 exceeds that with ||v_*|| = 20 by more than 1/2 at the end of "
    "training, in every run; lengths between are recorded",
    source=SOURCE,
    provenance="derived",
    statistic=Order(margin=0.5, method="exact"),
    grid=GRID,
    measure=slot_loses,
    control=NegativeControl(because=SHORT, measure=slot_loses_nothing),
    substitutes=SUBSTITUTES,
    seconds={"quick": 6.0, "standard": 90.0, "full": 300.0},
)
SINK_T7B = Claim(
    id="SINK-T7b",
    paper=PAPER,
    title="What a slot with a long fixed value loses, token 1 gains",
    statement=r"Sink_1 with ||v_*|| = 20 exceeds that with ||v_*|| = 0 by more than 1/2 at the end of "
    "training, in every run; lengths between are recorded",
    source=SOURCE,
    provenance="derived",
    statistic=Order(margin=0.5, method="exact"),
    grid=GRID,
    measure=first_gains,
    control=NegativeControl(because=SHORT, measure=first_gains_nothing),
    substitutes=SUBSTITUTES,
    seconds={"quick": 6.0, "standard": 90.0, "full": 300.0},
)

VALUE_NORM = (SINK_T7A, SINK_T7B)

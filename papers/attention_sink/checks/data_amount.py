"""SINK-T10a, T10b: too little data, no sink: few sequences used again and again, and bytes of real text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tightbound.papers.attention_sink.checks._texts import trained_on
from tightbound.papers.attention_sink.checks._training import (
    FULL,
    PAPER,
    QUICK,
    STANDARD,
    SUBSTITUTES,
    Arrays,
    trained,
)
from tightbound.papers.attention_sink.checks.positions import tenth
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import BoundHolds, Order

SOURCE = "derived; cf. Gu et al. 2025, the section on data amount (single runs)"


def sink_with_few_sequences(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric with unlimited and with few sequences, one entry per run, and curves.

    ``recorded``: the curves of numbers of sequences that are not judged, (runs, E, amounts).
    """
    endless, few = trained(cell, sequences=0), trained(cell)
    others = [trained(cell, sequences=amount).sink(0) for amount in cell["recorded"]]
    return {
        "greater": endless.sink(0)[:, -1],
        "smaller": few.sink(0)[:, -1],
        "steps": few.steps,
        "endless": endless.sink(0),
        "sink": few.sink(0),
        "endless_loss": endless.excess_loss(),
        "excess_loss": few.excess_loss(),
        "recorded": np.stack([few.sink(0), *others], axis=2)[:, :, 1:],
    }


def first_in_bytes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the largest sink metric of position 1 during training on bytes, one entry per run.

    The length of position 1's value and of its state, over the means of the others, are beside it; so is the
    importance of all positions at the end, which is a mean over fewer and fewer rows.
    """
    nets = trained_on("bytes", cell)
    sink, value, state = (nets.watched(name) for name in ("sink", "value_norm", "residual_norm"))
    return {
        "value": sink[:, :, 0].max(axis=1),
        "steps": nets.steps,
        "sink": sink[:, :, 0],
        "mass": nets.watched("mass")[:, -1],
        "loss": nets.losses(),
        "value_drain": value[:, :, 0] / value[:, :, 1:].mean(axis=2),
        "state_ratio": state[:, :, -1, 0] / state[:, :, -1, 1:].mean(axis=2),
    }


def first_in_backcopy(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the largest sink metric of the fixed first token in training on Bigram-Backcopy."""
    return {"value": trained(cell).sink(0).max(axis=1)}


def _cells(base: Mapping[str, Any], *amounts: int, recorded: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    return [{**base, "sequences": amount, "recorded": recorded} for amount in amounts]


LETTERS: dict[str, Any] = {
    **QUICK,
    "length": 48,
    "blocks": 2,
    "heads": 4,
    "feed_forward": "swiglu",
    "batch": 16,
    "learning_rate": 0.003,
    "warmup": 50,
    "validation": 50,
    "steps": 100,
    "evaluate_every": 25,
    "runs": 1,
}
FEW, BETWEEN, MANY = 64, (256, 1024), 4096
FEWER = {**STANDARD, "runs": 3}

SINK_T10A = Claim(
    id="SINK-T10a",
    paper=PAPER,
    title="From a few sequences, however often they are read, no sink emerges",
    statement=r"Sink_1 after training on ever new sequences exceeds that after as many steps on 64 of them "
    "by more than 1/2, in every run; more sequences are recorded",
    source=SOURCE,
    provenance="derived",
    statistic=Order(margin=0.5, method="exact"),
    grid=Grid(
        _cells(QUICK, FEW),
        _cells(FEWER, FEW, recorded=BETWEEN),
        _cells(FULL, FEW, recorded=BETWEEN),
    ),
    measure=sink_with_few_sequences,
    control=NegativeControl(
        because="some thousand sequences are enough",
        grid=Grid(
            _cells(QUICK, MANY),
            _cells(FEWER, MANY, 4 * MANY),
            _cells(FULL, MANY, 4 * MANY),
        ),
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 7.0, "standard": 85.0, "full": 500.0},
)
SINK_T10B = Claim(
    id="SINK-T10b",
    paper=PAPER,
    title="In a short training on bytes of real text the first position becomes no sink",
    statement=r"Sink_1 is below 0.1 at every evaluation, in every run",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(),
    grid=Grid(
        [LETTERS],
        [{**LETTERS, "steps": 600, "evaluate_every": 50}],
        [{**LETTERS, "steps": 6000, "evaluate_every": 200, "runs": 3}],
    ),
    measure=first_in_bytes,
    bound=tenth,
    control=NegativeControl(
        because="after a fixed token, and with ever new sequences, the sink emerges",
        measure=first_in_backcopy,
        grid=Grid([QUICK], [STANDARD], [FULL]),
    ),
    substitutes="two layers of four heads trained on the bytes of Python's help topics, 0.3 million of them, "
    "without a fixed token, in place of a language model of 60 million weights trained on 50 million tokens "
    "of natural text",
    seconds={"quick": 5.0, "standard": 20.0, "full": 500.0},
)

DATA_AMOUNT = (SINK_T10A, SINK_T10B)

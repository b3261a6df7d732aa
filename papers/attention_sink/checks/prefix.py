"""SINK-T12: with a prefix that all rows see, the sink is on the fixed token inside it."""

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
from tightbound.verification.statistics import BoundHolds


def sink_on_fixed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of the fixed token at the end, one entry per run, and mean attention."""
    nets = trained(cell)
    sink = nets.watched("sink")[:, -1]
    return {
        "value": sink[:, nets.fixed_column],
        "sink": sink,
        "scores": nets.probe(0)["scores"][0, :, 0].mean(axis=0),
    }


def sink_on_first_of_prefix(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of the first token of the prefix."""
    sink = trained(cell).watched("sink")[:, -1]
    return {"value": sink[:, 0], "sink": sink}


SINK_T12 = Claim(
    id="SINK-T12",
    paper=PAPER,
    title="With a prefix the sink is on one token of it, the fixed one",
    statement=r"Sink_3 exceeds 0.6 with a prefix of 5 tokens, the fixed token third, at the end of training, "
    "in every run",
    source="derived; cf. Gu et al. 2025, the section on prefix language models",
    provenance="derived",
    statistic=BoundHolds(side="lower"),
    grid=sizes({"prefix": 5, "fixed_position": 3}),
    measure=sink_on_fixed,
    bound=most,
    control=NegativeControl(
        because="the first token of the prefix is as any other", measure=sink_on_first_of_prefix
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 4.0, "standard": 20.0, "full": 65.0},
)

PREFIX = (SINK_T12,)

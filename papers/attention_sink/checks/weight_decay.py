"""SINK-T8: weight decay that is strong enough to spoil the fit takes the sink with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tightbound.papers.attention_sink.checks._training import (
    FULL,
    PAPER,
    QUICK,
    STANDARD,
    SUBSTITUTES,
    Arrays,
    trained,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import Order

USUAL, STRONG = 0.1, 5.0


def sink_without_decay(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of token 1 without weight decay and with it, one entry per run."""
    plain, decayed = trained(cell), trained(cell, weight_decay=cell["decay"])
    return {
        "greater": plain.sink(0)[:, -1],
        "smaller": decayed.sink(0)[:, -1],
        "steps": plain.steps,
        "sink": decayed.sink(0),
        "excess_loss": decayed.excess_loss(),
        "plain_loss": plain.excess_loss(),
    }


def _cells(base: Mapping[str, Any], *decays: float) -> list[dict[str, Any]]:
    return [{**base, "decay": decay} for decay in decays]


SINK_T8 = Claim(
    id="SINK-T8",
    paper=PAPER,
    title="A weight decay that spoils the fit takes the sink with it",
    statement=r"Sink_1 without weight decay exceeds that with decay 5 by more than 1/2 at the end of "
    "training, in every run (that a weaker decay makes the sink larger is not claimed)",
    source="derived; cf. Gu et al. 2025, Table 2 (single runs), at a learning rate 25 times larger",
    provenance="derived",
    statistic=Order(margin=0.5, method="exact"),
    grid=Grid(_cells(QUICK, STRONG), _cells(STANDARD, STRONG), _cells(FULL, STRONG)),
    measure=sink_without_decay,
    control=NegativeControl(
        because="the usual decay of 0.1 leaves the fit and the sink as they are",
        grid=Grid(_cells(QUICK, USUAL), _cells(STANDARD, USUAL), _cells(FULL, USUAL)),
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 6.0, "standard": 40.0, "full": 130.0},
)

WEIGHT_DECAY = (SINK_T8,)

"""SINK-T11: the sink of a trained network does not depend on the threshold or the number of tokens seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tightbound.papers.attention_sink.checks._training import (
    FULL,
    PAPER,
    QUICK,
    STANDARD,
    SUBSTITUTES,
    Array,
    Arrays,
    trained,
)
from tightbound.papers.attention_sink.checks.emergence import most
from tightbound.theory.attention.sink import sink_metric
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import BoundHolds

THRESHOLDS = (0.2, 0.3, 0.4)
SHORT, LONG = (16, 24, 32), (16, 32, 64, 128)


def _metric(scores: Array, lengths: tuple[int, ...]) -> NDArray[np.float64]:
    """Sink metric of token 1 by length and threshold, from scores of the longest sequences."""
    return np.array(
        [[sink_metric(scores[..., :length, :length], eps) for eps in THRESHOLDS] for length in lengths]
    )


def _found(metrics: list[NDArray[np.float64]], cell: Cell) -> Arrays:
    table = np.stack(metrics)
    return {
        "value": table.reshape(len(table), -1),
        "metric": table,
        "lengths": np.array(cell["lengths"]),
        "thresholds": np.array(THRESHOLDS),
    }


def at_thresholds(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of token 1 at each length and threshold, (runs, lengths x thresholds)."""
    nets = trained(cell)
    return _found([_metric(nets.probe(run)["scores"], cell["lengths"]) for run in range(cell["runs"])], cell)


def at_thresholds_untrained(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same before training."""
    nets = trained(cell)
    return _found(
        [_metric(nets.untrained(run)["scores"], cell["lengths"]) for run in range(cell["runs"])], cell
    )


LONGER = {**STANDARD, "length": 128, "batch": 8, "lengths": LONG, "runs": 2}

SINK_T11 = Claim(
    id="SINK-T11",
    paper=PAPER,
    title="A sink is one at every usual threshold and length",
    statement=r"Sink_1^\epsilon on the first T tokens exceeds 0.6 for \epsilon in {0.2, 0.3, 0.4} and every "
    "T from 16 on, at the end of training, in every run",
    source="derived; cf. Gu et al. 2025, Figure 3",
    provenance="derived",
    statistic=BoundHolds(side="lower"),
    grid=Grid(
        [{**QUICK, "lengths": SHORT}],
        [{**STANDARD, "lengths": SHORT}, LONGER],
        [{**FULL, "lengths": SHORT}, {**LONGER, "steps": 1500, "runs": 5}],
    ),
    measure=at_thresholds,
    bound=most,
    control=NegativeControl(
        because="before training attention is nearly uniform", measure=at_thresholds_untrained
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 4.0, "standard": 60.0, "full": 250.0},
)

THRESHOLD = (SINK_T11,)

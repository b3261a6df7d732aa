"""SINK-T4a, T4b, T9: the sink follows the fixed token, and a window hides it."""

from __future__ import annotations

import numpy as np

from tightbound.papers.attention_sink.checks._training import (
    PAPER,
    SUBSTITUTES,
    Array,
    Arrays,
    Nets,
    sizes,
    trained,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell
from tightbound.verification.statistics import BoundHolds, Equality, Order


def strongest(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the position with the largest sink metric at the end, one entry per run."""
    sink = trained(cell).watched("sink")[:, -1]
    return {"value": 1.0 + sink.argmax(axis=1), "sink": sink}


def strongest_without(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where no sequence has a fixed token."""
    return strongest({**cell, "fixed_position": None}, rng)


def position(cell: Cell) -> float:
    """Return the position of the fixed token."""
    return float(cell["fixed_position"])


def first_without(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the sink metric of position 1, one entry per run."""
    sink = trained(cell).watched("sink")[:, -1]
    return {"value": sink[:, 0], "sink": sink}


def tenth(cell: Cell) -> float:
    """Return 0.1: the share below which there is said to be no sink."""
    return 0.1


def _beside_window(nets: Nets, traces: list[dict[str, Array]]) -> Arrays:
    """Compare token 1, in rows that nearly fill the window, with the first column of a full window.

    Both in units of uniform attention over what the row sees.
    """
    width = int(nets.model.architecture.window or 0)
    maps = np.stack([trace["scores"][0, :, 0].mean(axis=0) for trace in traces])
    seeing, full = np.arange(width // 2, width), np.arange(width, maps.shape[-1])
    return {
        "greater": (maps[:, seeing, 0] * (seeing + 1)).mean(axis=1),
        "smaller": (maps[:, full, full - width + 1] * width).mean(axis=1),
        "scores": maps,
    }


def seen_beside_window(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return attention to token 1 and to the first column of the window, one entry per run."""
    nets = trained(cell)
    return _beside_window(nets, [nets.probe(run) for run in range(cell["runs"])])


def seen_beside_window_untrained(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same before training."""
    nets = trained(cell)
    return _beside_window(nets, [nets.untrained(run) for run in range(cell["runs"])])


SINK_T4A = Claim(
    id="SINK-T4a",
    paper=PAPER,
    title="The sink follows the fixed token",
    statement=r"argmax_k Sink_k is the position of the fixed token, 3 or 4, in every run",
    source="derived; cf. Gu et al. 2025, Table 10 (single runs)",
    provenance="derived",
    statistic=Equality(),
    grid=sizes({"fixed_position": 3}, {"fixed_position": 4}),
    measure=strongest,
    bound=position,
    control=NegativeControl(
        because="without a fixed token nothing marks that position", measure=strongest_without
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 7.0, "standard": 50.0, "full": 170.0},
)
SINK_T4B = Claim(
    id="SINK-T4b",
    paper=PAPER,
    title="Without a fixed token one layer has no sink on position 1",
    statement=r"Sink_1 is below 0.1 at the end of training, in every run",
    source="derived: in one layer nothing but its learned position tells the first token from the others",
    provenance="derived",
    statistic=BoundHolds(),
    grid=sizes({"fixed_position": None}),
    measure=first_without,
    bound=tenth,
    control=NegativeControl(
        because="with a fixed token at position 1 the sink is there", grid=sizes({"fixed_position": 1})
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 5.0, "standard": 35.0, "full": 110.0},
)
SINK_T9 = Claim(
    id="SINK-T9",
    paper=PAPER,
    title="With a window the sink is on the first token itself, for rows that see it, not on the first "
    "column of the window",
    statement=r"mean_{w/2 < i \le w} i A_{i1} - mean_{i > w} w A_{i, i-w+1} > 1, in every run",
    source="derived; cf. Gu et al. 2025, the section on windows",
    provenance="derived",
    statistic=Order(margin=1.0, method="exact"),
    grid=sizes({"window": 16}),
    measure=seen_beside_window,
    control=NegativeControl(
        because="before training both get about their uniform share", measure=seen_beside_window_untrained
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 3.0, "standard": 20.0, "full": 60.0},
)

POSITIONS = (SINK_T4A, SINK_T4B, SINK_T9)

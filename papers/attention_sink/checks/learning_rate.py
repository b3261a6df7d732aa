"""SINK-T6a, T6b: at a smaller learning rate the sink is smaller, even after proportionally more steps."""

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
    Nets,
    trained,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import Order

SOURCE = "derived; cf. Gu et al. 2025, Table 9 (single runs)"
EARLY = 50


def _slower(cell: Cell, *, warmup: int) -> Nets:
    return trained(cell, learning_rate=cell["learning_rate"] / cell["slower"], warmup=warmup)


def sink_at_equal_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the mean over training of the sink metric of token 1 at two rates, one entry per run."""
    fast, slow = trained(cell), _slower(cell, warmup=cell["warmup"])
    curves = fast.sink(0), slow.sink(0)
    return {
        "greater": curves[0].mean(axis=1),
        "smaller": curves[1].mean(axis=1),
        "steps": fast.steps,
        "fast": curves[0],
        "slow": curves[1],
        "fast_loss": fast.excess_loss(),
        "slow_loss": slow.excess_loss(),
    }


def sink_at_equal_steps_early(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the first steps alone."""
    found = sink_at_equal_steps(cell, rng)
    first = found["steps"] <= EARLY
    return {
        "greater": found["fast"][:, first].mean(axis=1),
        "smaller": found["slow"][:, first].mean(axis=1),
    }


def sink_at_equal_progress(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same at moments of equal sums of rates: the slower run takes longer in proportion.

    Its warm-up is longer in that proportion too.
    """
    fast, slow = trained(cell), _slower(cell, warmup=cell["warmup"] * cell["slower"])
    steps, index, place = np.intersect1d(fast.steps * cell["slower"], slow.steps, return_indices=True)
    curves = fast.sink(0)[:, index], slow.sink(0)[:, place]
    return {
        "greater": curves[0].mean(axis=1),
        "smaller": curves[1].mean(axis=1),
        "steps": steps // cell["slower"],
        "fast": curves[0],
        "slow": curves[1],
        "fast_loss": fast.excess_loss()[:, index],
        "slow_loss": slow.excess_loss()[:, place],
    }


def sink_at_equal_progress_early(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the first steps alone."""
    found = sink_at_equal_progress(cell, rng)
    first = found["steps"] <= EARLY
    return {
        "greater": found["fast"][:, first].mean(axis=1),
        "smaller": found["slow"][:, first].mean(axis=1),
    }


def _grid(quick: tuple[int, ...], standard: tuple[int, ...], full: tuple[int, ...]) -> Grid:
    def cells(base: Mapping[str, Any], factors: tuple[int, ...]) -> list[dict[str, Any]]:
        return [{**base, "slower": factor} for factor in factors]

    return Grid(cells(QUICK, quick), cells(STANDARD, standard), cells(FULL, full))


BECAUSE = "within the first 50 steps hardly any sequence has a sink, and the rates are in no order yet"

SINK_T6A = Claim(
    id="SINK-T6a",
    paper=PAPER,
    title="A larger learning rate brings a larger sink at equal steps",
    statement=r"the mean over the training of Sink_1 is larger at rate \eta than at \eta / s, in every run",
    source=SOURCE,
    provenance="derived",
    statistic=Order(method="exact"),
    grid=_grid((4,), (2, 4), (2, 4, 8)),
    measure=sink_at_equal_steps,
    control=NegativeControl(because=BECAUSE, measure=sink_at_equal_steps_early),
    substitutes=SUBSTITUTES,
    seconds={"quick": 5.0, "standard": 60.0, "full": 260.0},
)
SINK_T6B = Claim(
    id="SINK-T6b",
    paper=PAPER,
    title="A smaller learning rate brings a smaller sink even after proportionally more steps",
    statement=r"the mean over the training of Sink_1 is larger at rate \eta after n steps than at \eta / s "
    "after s n steps, warm-up included, in every run",
    source=SOURCE,
    provenance="derived",
    statistic=Order(method="exact"),
    grid=_grid((2,), (2, 4), (2, 4, 8)),
    measure=sink_at_equal_progress,
    control=NegativeControl(because=BECAUSE, measure=sink_at_equal_progress_early),
    substitutes=SUBSTITUTES,
    seconds={"quick": 4.0, "standard": 60.0, "full": 260.0},
)

LEARNING_RATE = (SINK_T6A, SINK_T6B)

"""SINK-T1a, T1b: a sink on the fixed first token, and the drain of its value, emerge in training."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.attention_sink.checks._training import (
    PAPER,
    SUBSTITUTES,
    Arrays,
    Nets,
    sizes,
    trained,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell
from tightbound.verification.statistics import BoundHolds

SOURCE = "derived; cf. Gu et al. 2025, abstract and the section on optimisation"
SLOWER = 30.0


def curves(nets: Nets) -> Arrays:
    """Return what figures show of trainings: steps, and curves (runs, E)."""
    column = nets.fixed_column
    return {
        "steps": nets.steps,
        "sink": nets.sink(column),
        "value_drain": nets.value_drain(),
        "excess_loss": nets.excess_loss(),
    }


def anatomy(nets: Nets, run: int = 0) -> Arrays:
    """Return lengths by position and the mean cosines of queries and keys, of one trained network."""
    trace = nets.probe(run)
    query, key = trace["queries"][0, :, 0], trace["keys"][0, :, 0]
    lengths = {name: np.linalg.norm(trace[name][0, :, 0], axis=-1) for name in ("queries", "keys", "values")}
    cosine = (query @ key.mT) / (lengths["queries"][..., :, None] * lengths["keys"][..., None, :])
    return {
        "state_norm": np.linalg.norm(trace["residual"][-1], axis=-1).mean(axis=0),
        "key_norm": lengths["keys"].mean(axis=0),
        "value_norm": lengths["values"].mean(axis=0),
        "cosine": np.tril(cosine.mean(axis=0)),
        "scores": trace["scores"][0, :, 0].mean(axis=0),
    }


def sink_on_first(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the share of sequences with a sink on the first token at the end, one entry per run."""
    found = curves(trained(cell))
    return {"value": found["sink"][:, -1], **found}


def sink_on_first_slowly(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same at a learning rate 30 times smaller."""
    return sink_on_first({**cell, "learning_rate": cell["learning_rate"] / SLOWER}, rng)


def drain_of_first(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the value drain of the first token at the end, one entry per run, and what a probe sees."""
    nets = trained(cell)
    found = curves(nets)
    return {"value": found["value_drain"][:, -1], **found, **anatomy(nets)}


def drain_of_first_slowly(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same at a learning rate 30 times smaller."""
    return drain_of_first({**cell, "learning_rate": cell["learning_rate"] / SLOWER}, rng)


def most(cell: Cell) -> float:
    """Return 0.6: the share above which a sink is said to have emerged."""
    return 0.6


def half(cell: Cell) -> float:
    """Return 0.5: the ratio below which a value is said to be drained."""
    return 0.5


GRID = sizes({})
SECONDS = {"quick": 5.0, "standard": 35.0, "full": 110.0}
BECAUSE = "at a learning rate 30 times smaller the same number of steps is too short for a sink"


def _claim(**own: Any) -> Claim:
    return Claim(
        paper=PAPER,
        source=SOURCE,
        provenance="derived",
        grid=GRID,
        substitutes=SUBSTITUTES,
        seconds=SECONDS,
        **own,
    )


SINK_T1A = _claim(
    id="SINK-T1a",
    title="A sink on the fixed first token emerges in training",
    statement=r"Sink_1^{0.3} exceeds 0.6 at the end of training, in every run",
    statistic=BoundHolds(side="lower"),
    measure=sink_on_first,
    bound=most,
    control=NegativeControl(because=BECAUSE, measure=sink_on_first_slowly),
)
SINK_T1B = _claim(
    id="SINK-T1b",
    title="The value of the sink is drained",
    statement=r"||v_1|| is less than half the mean of ||v_j||, j > 1, at the end of training, in every run",
    statistic=BoundHolds(),
    measure=drain_of_first,
    bound=half,
    control=NegativeControl(because=BECAUSE, measure=drain_of_first_slowly),
)

EMERGENCE = (SINK_T1A, SINK_T1B)
